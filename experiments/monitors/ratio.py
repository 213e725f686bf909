"""What alarm and certificate on a ratio share: which rows may enter, what is kept of them, and the evidence so far.

Nulls. `cohort`: at no week does the sum over weeks and users of E[x | past] exceed 0, for this cohort and the
decisions as made; user-weeks may enter one by one. `population`: the expected x of a unit drawn from the population
is at most 0; each unit enters once, with its total over a fixed window (persistent users fed week by week broke this
null several times as often as allowed).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.accounts import unit_rows
from experiments.monitors.batch import Batch
from experiments.monitors.betting import log_growth, log_mean_exp
from experiments.monitors.interface import Monitor, MonitorState, Reads, Verdict
from experiments.monitors.once import Seen
from experiments.monitors.ratio_terms import Null, Terms, as_ages
from experiments.monitors.replications import alarmed, log_evidence_paths
from experiments.monitors.streams import RatioStream, Stream
from rage_env.errors import LogError

__all__ = ["Null", "RatioMonitor", "Terms", "as_ages"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Record:
    """What is kept of one batch; records of shards add up."""

    week: int
    age: int
    sums: Floats  # (5,) units, loss, capped, uncapped denominator, x
    growth: Floats  # (l,) log growth of each stake, were users to enter one by one

    def __add__(self, other: Record) -> Record:
        return Record(self.week, self.age, self.sums + other.sums, self.growth + other.growth)


class RatioMonitor(Monitor):
    """A mixture of bets for each age of the data, and what the best of them proves."""

    reads: ClassVar[Reads] = "ratios"
    conclusion: ClassVar[Verdict]

    def __init__(self, terms: Terms) -> None:
        super().__init__()
        self.terms, self.null = terms, terms.claim
        self._forget()

    @property
    def ages(self) -> tuple[int, ...]:
        """Ages in weeks at which each user-week is to be fed."""
        return self.terms.ages

    def _take(self, batch: Batch) -> MonitorState:
        terms = self.terms
        if batch.age_weeks not in terms.ages:
            raise LogError(
                f"{self.kind}: week {batch.week} holds rows of age {batch.age_weeks}; declared are {list(terms.ages)}"
            )
        last = [r.week for r in self._records if r.age == batch.age_weeks][-1:]
        if last and batch.week <= last[0]:
            raise LogError(
                f"{self.kind}: rows of age {batch.age_weeks} came already for week {last[0]}, got week {batch.week}; "
                "each user-week enters once at each age"
            )
        if terms.group is not None:
            batch = batch.only(terms.group)
        record, units = self._record_of(batch)
        self._fold(record)
        if terms.null == "population":
            self._seen[batch.age_weeks] = self._seen[batch.age_weeks].joined(units)
        return self._now(batch.week)

    def _record_of(self, batch: Batch) -> tuple[Record, NDArray[np.int64]]:
        x, capped = self.terms.x(batch), self.terms.capped(batch)
        units, paid = _by_unit(batch, x, self.terms.rows_per_unit)
        age = batch.age_weeks
        if self.terms.null == "population":
            way_out = "under null population each unit enters once"
            self._seen[age].refuse_again(self.kind, batch, way_out, rows_apart=False)
        most = self._units.get(age, math.inf)
        if self.terms.shared_shock and len(units) > most:
            raise LogError(
                f"{self.kind}: week {batch.week} holds {len(units)} units, the first one {most:.0f}; "
                "one bet a week needs a closed cohort"
            )
        sums = [len(units), batch.value.sum(), capped.sum(), batch.require("denominator", "").sum(), paid.sum()]
        return Record(batch.week, age, np.array(sums, np.float64), log_growth(paid, self.terms.stake)), units

    def _forget(self) -> None:
        self._records: list[Record] = []
        self._log_wealth = {age: np.zeros(self.terms.points) for age in self.terms.ages}
        self._sums = {age: np.zeros(5) for age in self.terms.ages}
        self._units: dict[int, float] = {}  # units of the first week of each age
        self._seen = {age: Seen() for age in self.terms.ages}
        self._most = 0.0  # largest log evidence so far; 0 is none
        self._raised: int | None = None  # age of the rows that proved it first

    def _fold(self, record: Record) -> None:
        self._records.append(record)
        first = self._units.setdefault(record.age, float(record.sums[0]))
        one_bet = np.log1p(self.terms.stake * (record.sums[4] / first)) if self.terms.shared_shock else record.growth
        self._log_wealth[record.age] = self._log_wealth[record.age] + one_bet
        self._sums[record.age] = self._sums[record.age] + record.sums
        age, log_e = self._best()
        self._most = max(self._most, log_e)
        if self._raised is None and log_e >= -math.log(self.terms.alpha):
            self._raised = age

    def _best(self) -> tuple[int, float]:
        """The age that proves most, and its log evidence at its share of alpha."""
        evidence = {age: float(log_mean_exp(wealth)) for age, wealth in self._log_wealth.items()}
        age = max(evidence, key=lambda a: evidence[a])
        return age, evidence[age] - math.log(len(evidence))

    def _now(self, week: int) -> MonitorState:
        oldest = max(self._units)
        units, loss, capped, uncapped, _ = self._sums[oldest].tolist()
        above = 1 - capped / uncapped if uncapped > 0 else 0.0
        _, log_e = self._best()
        notes = [f"estimate at age {oldest} weeks; {above:.1%} of the denominator lies above the cap"]
        if self._raised is not None:
            notes.insert(0, self._how_raised(self._raised))
        return MonitorState(
            estimate=loss / capped if capped > 0 else math.nan,
            lower=math.nan,
            upper=math.nan,
            e_value=float(np.exp(min(log_e, 700.0))),
            p_value=math.exp(-self._most),
            verdict=self.conclusion if self._most >= -math.log(self.terms.alpha) else "continue",
            validity=self.validity,
            null=self.null,
            week=week,
            boundary=-math.log(self.terms.alpha),
            log_e=log_e,
            n_units=int(units),
            reason="; ".join(notes),
        )

    def _how_raised(self, age: int) -> str:
        early = f"early {self.conclusion}: " if age < max(self.ages) else ""
        return f"{early}proven by rows {age} weeks old, losses as reported by then"

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week, rows fed at one age."""
        terms = self.terms
        if not isinstance(stream, RatioStream) or len(terms.ages) > 1:
            return super().replicate(stream)
        capped = np.minimum(stream.denominator, terms.cap_usd * terms.window_weeks)
        x = terms.sign * (stream.value - terms.limit * capped)
        evidence = log_evidence_paths(x, terms.stake, shared_shock=terms.shared_shock)
        return alarmed(evidence, terms.alpha)

    def merge(self, other: Self) -> Self:
        """A monitor over the users of both shards (the caller sees to it that they share none)."""
        self._check_partner(other)
        if [(r.week, r.age) for r in self._records] != [(r.week, r.age) for r in other._records]:
            raise LogError(f"{self.kind}: shards took in different weeks or ages; merge them after the same batches")
        both = copy.copy(self)
        both.states = []
        both._forget()
        for mine, theirs in zip(self._records, other._records, strict=True):
            both._fold(mine + theirs)
            both.states.append(both._now(mine.week))
        both._seen = {age: seen.merged(self.kind, other._seen[age]) for age, seen in self._seen.items()}
        return both

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        clocks = np.array([(r.week, r.age) for r in self._records], np.int64).reshape(-1, 2)
        sums = np.array([r.sums for r in self._records], np.float64).reshape(-1, 5)
        growth = np.array([r.growth for r in self._records], np.float64).reshape(-1, self.terms.points)
        seen: dict[str, NDArray[np.generic]] = {f"seen_{age}": seen.unit for age, seen in self._seen.items()}
        return {"clocks": clocks, "sums": sums, "growth": growth, **seen}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._forget()
        sums, growth = arrays["sums"].astype(np.float64), arrays["growth"].astype(np.float64)
        for (week, age), s, g in zip(arrays["clocks"].tolist(), sums, growth, strict=True):
            self._fold(Record(week, age, s, g))
        self._seen = {age: Seen(arrays[f"seen_{age}"].astype(np.int64)) for age in self.terms.ages}


def _by_unit(batch: Batch, x: Floats, rows_per_unit: int) -> tuple[NDArray[np.int64], Floats]:
    """Units and the sum of x over the rows of each."""
    if not len(batch.repeated()):
        return batch.unit, x
    units, place = unit_rows(batch, rows_per_unit)
    return units, np.asarray(np.bincount(place, x), np.float64)
