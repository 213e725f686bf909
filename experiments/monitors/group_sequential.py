"""Group-sequential test of the KPI at planned looks: Lan & DeMets (1983) spending on planned calendar time.

The outcome of a unit is its mean per enrolled week in the closed cohort. The looks are correlated as the user
means of the looks are, and not as textbook information times say. Where these means move more smoothly than a
Markov chain would, the boundary is that of a chain no two looks of which are more correlated than the data say:
less correlation, more chances to cross, higher boundary (Slepian 1962; Sidak 1967 for two sides).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.cohort import ClosedCohort, Mode, Outcome
from experiments.monitors.contrast import USERS_PER_SKEW2, Contrast
from experiments.monitors.interface import Monitor, MonitorState, Validity, Verdict, open_share, positive, whole
from experiments.monitors.looks import planned_looks
from experiments.monitors.replications import group_sequential_paths
from experiments.monitors.spender import Rule, Spender
from experiments.monitors.streams import MeanStream, Stream
from rage_env.errors import ConfigError, LogError

__all__ = ["GroupSequential"]

Floats = NDArray[np.float64]

UNPLANNED = "unplanned look"
"""Begins what a state says of a look beside the plan."""

FALL_ALLOWED = 0.1  # share by which information, itself an estimate, may lie under its peak


class GroupSequential(Monitor):
    """Compares the KPI of treated and control units, or of the two lives of each unit, at planned looks.

    weeks: planned length. looks: weeks elapsed at each look, every week by default. comparisons: agents tested
    side by side; they share alpha. cap: most a mean per week may count, declared before the data. adjust: CUPED
    with the covariate of the first batch. outcome, rows_per_unit: ratios, and accounts, as in `ClosedCohort`.
    least_effect: smallest lift worth finding; a look says `futile` once z is so low that missing such a lift has
    used up what the rule `futility` allows by then, at power `power`. This does not bind: the test may go on.
    falling_information: `refuse` takes it for running totals fed as weekly values; `say` tests on (correlations are
    estimated, so the level holds; power is what suffers). Raises ConfigError.
    """

    kind: ClassVar[str] = "group_sequential"
    validity: ClassVar[Validity] = "group_sequential"

    def __init__(
        self,
        *,
        weeks: int,
        looks: Sequence[int] | None = None,
        alpha: float = 0.05,
        sides: int = 2,
        spending: str = "obf",
        shape: float | None = None,
        mode: Mode = "paired",
        treatment: int = 1,
        control: int = 0,
        cap: float | None = None,
        comparisons: int = 1,
        adjust: bool = False,
        outcome: Outcome = "mean",
        rows_per_unit: int = 1,
        least_effect: float | None = None,
        power: float = 0.8,
        futility: str = "obf",
        falling_information: Literal["refuse", "say"] = "refuse",
        users_per_skew2: float = USERS_PER_SKEW2,
    ) -> None:
        super().__init__()
        self.weeks = whole("weeks", weeks, 1)
        self.looks = planned_looks(weeks, looks)
        self.alpha = open_share("alpha", alpha) / whole("comparisons", comparisons, 1)
        self.rule = Rule(self.alpha, sides, spending, shape)
        self.misses = None if least_effect is None else Rule(1 - open_share("power", power), 1, futility, None)
        self.least_effect = None if least_effect is None else positive("least_effect", least_effect)
        if falling_information not in ("refuse", "say"):
            raise ConfigError(f"falling_information: must be refuse or say, got {falling_information!r}")
        self.falling_information, self.users_per_skew2 = falling_information, users_per_skew2
        self.cohort = ClosedCohort(mode, treatment, control, cap, adjust, outcome, rows_per_unit)
        self.null = f"H0: {self.cohort.what} {'is 0' if sides == 2 else 'is at most 0'}"
        self._forget_looks()

    def update(self, batch: Batch, look: bool | None = None) -> MonitorState:
        """Take in one week; test if the plan says so, or as `look` says.

        An unplanned look spends what the calendar allows by then; the level holds unless the data chose the week.
        """
        self._check_clock(batch)
        self.cohort.add(batch)
        self.week, elapsed, read = batch.week, self.cohort.weeks, self.cohort.read()
        if elapsed <= self.weeks and (elapsed in self.looks if look is None else look):
            return self._record(batch, self._look(elapsed, read))
        _, now = self.cohort.compare(read)
        if elapsed > self.weeks:
            return self._record(batch, self._state("refused", now, f"the plan ended after {self.weeks} weeks"))
        return self._record(batch, self._state("continue", now, "between looks"))

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Means of a cohort, one look a week; users_per_skew2=0, so that the level itself is put to the test."""
        if not isinstance(stream, MeanStream):
            return None
        mode: Mode = "paired" if stream.group is None else "groups"
        adjust, weeks = stream.covariate is not None, stream.value.shape[1]
        made = cls(weeks=weeks, alpha=alpha, mode=mode, adjust=adjust, cap=stream.cap, users_per_skew2=0.0)
        made.falling_information = "say"
        return made

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week, on coarser nodes than a single monitor uses."""
        if not isinstance(stream, MeanStream):
            return super().replicate(stream)
        return group_sequential_paths(*self.cohort.means_of(stream), self.alpha, spending=self.rule.spending).crossed

    def merge(self, other: Self) -> Self:
        """A monitor over the units of both, with its looks taken again on all of them."""
        self._check_partner(other)
        if self._looked != other._looked:
            raise LogError(f"{self.kind}: shards looked after weeks {self._looked} and {other._looked}; look together")
        both = copy.copy(self)
        both.cohort, both.states = self.cohort.merged(other.cohort), []
        history = [np.concatenate(p, axis=-1) for p in zip(self._history, other._history, strict=True)]
        both._look_again(self._looked, history)
        return both

    def _take(self, batch: Batch) -> MonitorState:
        raise NotImplementedError  # update is overridden as a whole

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        looks = {"looked": np.array(self._looked, np.int64), "history": np.array(self._history, np.float64)}
        return {**self.cohort.arrays(), **looks}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.cohort.restore(arrays)
        self._look_again(arrays["looked"].tolist(), list(arrays["history"].astype(np.float64)))

    def _forget_looks(self) -> None:
        self._looked: list[int] = []  # weeks elapsed at each look
        self._history: list[Floats] = []  # what was read at each look
        self._spender = Spender(self.rule, self.misses, self.least_effect)
        self._interval = (-math.inf, math.inf)
        self._stopped: Verdict | None = None

    def _look_again(self, looked: list[int], history: list[Floats]) -> None:
        self._forget_looks()
        for elapsed, means in zip(looked, history, strict=True):
            self.week = self.cohort.first_week + elapsed - 1
            self.states.append(self._look(elapsed, means))
        self.week = self.cohort.first_week + self.cohort.weeks - 1

    def _look(self, elapsed: int, read: Floats) -> MonitorState:
        self._looked.append(elapsed)
        self._history.append(read)
        who, (x, now) = self.cohort.who, self.cohort.compare(read)
        if float(now.stderr) == 0:
            return self._state("continue", now, "no two units differ yet")
        falls = self._spender.most_information * (1 - FALL_ALLOWED) > float(now.stderr) ** -2
        refusal = self.cohort.too_skewed(read, self.users_per_skew2)
        if falls and self.falling_information == "refuse":
            refusal = refusal or "information fell since an earlier look: feed weekly values, not running totals"
        if refusal:
            return self._state("refused", now, refusal)
        bound, futile = self._spender.next(x, now, who, elapsed / self.weeks)
        notes = ["information fell since an earlier look"] * falls
        if elapsed not in self.looks:
            rule = f"error spent by calendar time, rule {self.rule.spending}"
            notes.append(f"{UNPLANNED} after {elapsed} weeks, {rule}, valid unless the data chose the week")
        return self._verdict(now, bound, futile, notes)

    def _verdict(self, now: Contrast, bound: float, futile: float, notes: list[str]) -> MonitorState:
        estimate, reach, z = float(now.estimate), now.reach(bound), float(now.z)
        self._interval = (estimate - reach, estimate + reach if self.rule.sides == 2 else math.inf)
        verdict: Verdict = "futile" if self._looked[-1] == self.weeks else "continue"
        if z >= bound:
            verdict = "lift"
        elif self.rule.sides == 2 and z <= -bound:
            verdict = "harm"
        elif z <= futile:
            verdict = "futile"
            notes = [*notes, f"z is at most {futile:.2f}: a lift of {self.least_effect:g} is unlikely to be found"]
        if self._stopped is None and verdict in ("lift", "harm"):
            self._stopped = verdict
        return self._state(verdict, now, "; ".join(notes), bound)

    def _state(self, verdict: Verdict, now: Contrast, reason: str, bound: float = math.nan) -> MonitorState:
        return MonitorState(
            estimate=float(now.estimate),
            lower=self._interval[0],
            upper=self._interval[1],
            e_value=math.nan,
            p_value=math.nan,
            verdict=self._stopped or verdict,
            validity=self.validity,
            null=self.null,
            week=0 if self.week is None else self.week,
            boundary=bound,
            z=float(now.z),
            n_units=len(self.cohort.unit),
            reason=reason,
        )
