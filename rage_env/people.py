"""The people of a cohort and their weeks: who lives in which slot, what happened, what is still to be reported.

No Gymnasium here: this is what a cohort remembers, and how it moves on by one week.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks
from rage_env.arrivals import opened
from rage_env.arrived import Arrived
from rage_env.booked import Booked
from rage_env.features import FeatureTable
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE
from rage_env.pending import Pending, reports_of_week, rows_to_report
from rage_env.randomness import POPULATION_WEEK, Noise, person_keys
from rage_env.recycle import Recycled, keep_freed_pages
from rage_env.scenario import Scenario
from rage_env.standing import Standing
from rage_env.state import CHUNK, Lives, Traits
from rage_env.week import Columns, Week, When
from rage_env.world import World

__all__ = ["People", "stretches"]

Floats = NDArray[np.float32]
Found = TypeVar("Found")
_FRAUD_REPORTS = DELAYED.index("fraud_reports")


class People:
    """n slots of a world. Remembers everyone's state, pending reports and the calendar.

    first_slot, n_max: the slots' place in the whole cohort; user_id = slot + n_max * generation.
    """

    chunk = (
        4 * CHUNK
    )  # slots lived at once, the world is the same at any size: few calls of NumPy, arrays near the core
    key: int  # of seed and episode
    week: int  # the coming one
    traits: Traits
    lives: Lives
    standing: Standing
    columns_all: Mapping[str, Floats]  # the whole ledger of the week just lived, by accrual
    last_present: NDArray[np.bool_]  # (n,) before that week
    is_new: NDArray[np.bool_]  # (n,)
    pre_period: dict[str, Floats]  # {immediate column: (n,)} sums over burn-in
    burn_in_logs: list[WeekLog]
    burn_in_reports: list[Reports]
    own_sums: dict[str, float]  # cohort sums of the week just lived, over these slots
    given_sums: dict[str, float] | None = None  # those of a whole cohort of which these slots are a shard
    _pending: Pending
    _reported: Reports
    _reported_here: Arrived  # those of people who still live in their slot
    _left_over: Reports | None
    _arm: NDArray[np.unsignedinteger]  # (n,) of the week just lived
    _open: NDArray[np.bool_]  # (n,) slots that have held someone; where the scenario has arrivals
    _nobody_ever: NDArray[np.bool_]  # (n,) slots that stay empty for good, as those between two accounts

    newborn = False  # everyone joins at week 0
    threads = 1
    noise: type[Noise] = Noise  # or one that kernels work out
    keep_burn_in = False

    def __init__(self, scenario: Scenario, n: int, first_slot: int, n_max: int, *, copy: bool = True) -> None:
        keep_freed_pages()
        self.scenario, self.num_envs = scenario, n
        self.first_slot, self.n_max = first_slot, n_max
        self.world = World(scenario)
        self.features = FeatureTable(scenario.population, hooks.features(scenario.used))
        self.laws = scenario.delay_laws
        self._ledgers: Recycled[np.float32] = Recycled(np.float32)
        self._pages: Recycled[np.float32] = Recycled(np.float32, in_place=not copy)
        self._zeros = np.zeros(n, np.float32)
        self._zeros.flags.writeable = False

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Names of the k arms."""
        return self.scenario.arm_names

    @property
    def last_arm(self) -> NDArray[np.intp]:
        """(n,) arms of the week just lived."""
        return self._arm.astype(np.intp)

    def columns(self) -> dict[str, Floats]:
        """{immediate column: (n,)} of the week just lived."""
        return {c: self.columns_all[c] for c in IMMEDIATE}

    def reports(self) -> Reports:
        """What was reported in the week just lived, of whichever week it stems from."""
        return self._reported

    def settle(self) -> Reports:
        """What is still to be reported: read once the run is over, so that nothing is lost.

        Right after an open cohort has begun its next episode by itself, this is what the ended one left.
        """
        return self._pending.rest() if self._left_over is None else self._left_over

    # --- inside ------------------------------------------------------------------------------------------------

    def _settle_in(self, key: int) -> None:
        """Draw everybody under this key and live through the burn-in."""
        scenario, n = self.scenario, self.num_envs
        self.key, self.week, self.own_sums = key, 0, {}
        self.traits, lives = self._draw(self.first_slot + np.arange(n), newborn=self.newborn)
        self._nobody_ever = ~lives.alive
        self._left_over = None
        self.standing = Standing(scenario.guardrails, assigned=lives.alive.copy())
        self._pending, self._reported = Pending(), Reports.empty()
        self.burn_in_logs, self.burn_in_reports = [], []
        self.pre_period = dict.fromkeys(IMMEDIATE, self._zeros)
        self.lives = replace(lives, age=lives.age - np.float32(scenario.burn_in_weeks))
        nobody = np.zeros(n, np.intp)
        for week in range(-scenario.burn_in_weeks, 0):
            self._burn_in(week, nobody)
        self.week = 0
        self.is_new = (self.lives.age < 1) & self.lives.alive
        self.columns_all = {}

    def _burn_in(self, week: int, nobody: NDArray[np.intp]) -> None:
        present = (self.lives.age >= 0) & self.lives.alive
        features = self._features().copy() if self.keep_burn_in else None
        now = self._live(nobody, week, may_leave=False)
        for column, total in self.pre_period.items():
            if now[column].any():
                self.pre_period[column] = total + now[column]
        self._report(week)
        if features is not None:
            ones, ids = np.ones(self.num_envs, np.float32), self.traits.user_id
            columns = {c: now[c] for c in IMMEDIATE}
            self.burn_in_logs.append(WeekLog(week, ids, ids, present, nobody, ones, features, columns))
            self.burn_in_reports.append(self._reported)

    def _live(self, arm: NDArray[np.intp], week: int, *, may_leave: bool) -> Booked:
        """One week of everyone, chunk by chunk; returns the ledger and moves the lives on."""
        given = [name for name in self.world.gives if name in IMMEDIATE]
        block = self._ledgers.get((len(given), self.num_envs))
        ledger: Columns = dict.fromkeys(COLUMNS, self._zeros) | dict(zip(given, block, strict=True))
        when = self.when(week)
        arms = self.world.parts(when).arms

        def one(rows: slice) -> _Caused:
            traits, before, luck = self.traits.rows(rows), self.lives.rows(rows), self.luck(rows, week)
            now, after = self.world.live(traits, before, arm[rows], luck, when=when, may_leave=may_leave)
            lived = Week(arms, traits, before, arm[rows], luck, now, when, self.scenario.used)
            sums = [self.world.totals(lived.rows(part)) for part in stretches(lived.n, CHUNK)]
            for name in given:
                ledger[name][rows] = now[name]
            self.lives.put(rows, after)
            due = rows_to_report(now, lived.n)
            delayed = {name: now[name][due] for name in DELAYED if name in self.world.gives}
            return _Caused(rows.start + due, traits.user_id[due], luck.take(due), delayed, sums)

        parts = self._at_once(one)
        late = _Caused.together(parts)
        self._pending.add(reports_of_week(week, late.user_id, late.delayed, late.luck, self.laws))
        sums = late.sums
        self.own_sums = {name: sum(chunk[name] for chunk in sums) for name in sums[0]}
        return Booked(self.num_envs, ledger, late.rows, late.delayed)

    def _at_once(self, work: Callable[[slice], Found]) -> list[Found]:
        """What `work` finds for some chunks after the other, on several threads where they are given."""
        rows = stretches(self.num_envs, self.chunk)
        if self.threads == 1 or len(rows) == 1:
            return [work(part) for part in rows]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, rows))

    def when(self, week: int) -> When:
        """Where a week stands: its number, and last week's cohort sums (the given ones before one's own)."""
        return When(week, self.own_sums if self.given_sums is None else self.given_sums, self.key)

    def _draw(self, user_id: NDArray[np.int64], *, newborn: bool) -> tuple[Traits, Lives]:
        when = self.when(self.week)
        people = self.world.population_at(when) if newborn else self.world.population
        return people.draw(self.key, user_id, newborn=newborn, n_max=self.n_max, when=when)

    def luck(self, rows: slice, week: int) -> Noise:
        """The luck of some slots in a week of the calendar; burn-in weeks are negative."""
        return self.noise(self.key, self.traits.key[rows], week + self.scenario.burn_in_weeks)

    def _report(self, week: int) -> None:
        self._reported = self._pending.pop(week)
        slot = self._slots(self._reported.user_id)
        here = self.traits.user_id[slot] == self._reported.user_id
        self._reported_here = Arrived.of(self._reported.where(here), slot[here], self.chunk)
        cases = here & (self._reported.column == _FRAUD_REPORTS)
        np.add.at(self.lives.fraud_reported, slot[cases], self._reported.amount[cases])
        if week >= 0:
            self.standing.add_reports(self._reported)

    @property
    def generation(self) -> NDArray[np.int64]:
        """(n,) how many people held the slot before."""
        out: NDArray[np.int64] = (self.traits.user_id - self.first_slot) // self.n_max
        return out

    def _user_ids(self) -> NDArray[np.int64]:
        """(n,) who comes into each slot next."""
        return self.traits.user_id + self.n_max

    def _slots(self, user_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these people live or lived, as places in this cohort."""
        place = user_id - self.first_slot
        return place - place // self.n_max * self.n_max

    def _leave_slots_empty(self) -> None:
        """Nobody lives yet in the slots that open only as the population grows."""
        if self.scenario.arrivals is not None:
            self._open = opened(self.scenario.arrivals, self._first_persons(), 0)
            self.lives.alive[~self._open] = False

    def _opening(self) -> NDArray[np.bool_]:
        """(n,) slots that open at the start of the coming week."""
        arrivals = self.scenario.arrivals
        if arrivals is None:
            return np.zeros(self.num_envs, np.bool_)
        before, self._open = self._open, opened(arrivals, self._first_persons(), self.week)
        return self._open & ~before & ~self._nobody_ever

    def _first_persons(self) -> Noise:
        slots = self.first_slot + np.arange(self.num_envs)
        return Noise(self.key, person_keys(self.key, slots), POPULATION_WEEK)

    def _refill(self, mask: NDArray[np.bool_]) -> None:
        """Newcomers of age 0 into these slots, at the current week."""
        rows = np.flatnonzero(mask)
        traits, lives = self._draw(self._user_ids()[rows], newborn=True)
        self.traits = self.traits.copy()  # what was observed of the departed stays as it was
        self.traits.put(rows, traits)
        self.lives.put(rows, lives)
        for total in self.pre_period.values():
            if total is not self._zeros:
                total[rows] = 0
        self.is_new = self.is_new | mask

    def _features(self) -> Floats:
        out: Floats = self._pages.get((len(self.features), self.num_envs))
        self._at_once(lambda rows: self.features.write(self.traits.rows(rows), self.lives.rows(rows), out[:, rows]))
        return out.T


@dataclass(frozen=True, eq=False)
class _Caused:
    """What m people of a chunk caused in a week that is not known at once, and the sums of all of the chunk."""

    rows: NDArray[np.intp]  # (m,) of the cohort
    user_id: NDArray[np.int64]  # (m,)
    luck: Noise  # theirs
    delayed: Columns  # (m,) each
    sums: list[dict[str, float]]  # by stretches of CHUNK slots

    @classmethod
    def together(cls, parts: Sequence[_Caused]) -> _Caused:
        """All chunks in order."""
        luck = replace(parts[0].luck, keys=np.concatenate([part.luck.keys for part in parts]))
        delayed = {name: np.concatenate([part.delayed[name] for part in parts]) for name in parts[0].delayed}
        sums = [stretch for part in parts for stretch in part.sums]
        rows, user_id = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "user_id"))
        return cls(rows, user_id, luck, delayed, sums)


def stretches(n: int, size: int) -> list[slice]:
    """0..n cut into slices of this size; the last may be shorter."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
