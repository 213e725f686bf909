"""Draws fresh logs from a population and counts how often each interval holds the truth, and on which side it misses.

The estimators and intervals are the package's own; only the checks of a table and its printing are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from experiments import reward_model
from experiments.coverage.long_run import LongRun
from experiments.coverage.sample import Floats, Population, Sample
from experiments.coverage.world import losses_of_net_revenue
from experiments.estimators._base import Estimator, Rows
from experiments.estimators._discovery import load
from experiments.estimators._inference import SKEW_FACTOR, Estimate, estimate
from experiments.intervals import RESAMPLED, by_bernstein, by_betting, by_clopper_pearson, resample
from experiments.intervals.bootstrap import poisson_weights
from experiments.intervals.question import Question
from experiments.intervals.rare_losses import BEYOND, most_beyond

__all__ = ["CONTROLS", "RARE", "Tally", "plain", "repeat", "repeat_sums"]

ALPHA = 0.05
RESAMPLES = 299
SHARED = 50
"""Repetitions that share one set of resampling weights, which saves their drawing."""

BOUNDED_EVERY = 4
"""Finite-sample intervals are counted in every fourth repetition: they cost most and miss least."""

ASKED = (("ips", ""), ("snips", ""), ("sndr", "given"), ("dr", "given"), ("dr", "ridge"))
BOOTSTRAPPED = (("snips", ""), ("dr", "given"))
RARE = "rare_losses"
CONTROLS = ("rows for users", "ratio forgotten")

Ends = tuple[float, float]


@dataclass
class Tally:
    """What became of one kind of interval over all repetitions."""

    estimator: str
    model: str  # "", given or ridge
    interval: str
    repetitions: int = 0
    held: int = 0
    below: int = 0  # the whole interval lies below the truth
    above: int = 0
    width: float = 0.0  # sum of widths
    skewed: int = 0  # repetitions in which users < 355 x skewness^2

    def add(self, ends: Ends, truth: float, skewed: bool = False) -> None:
        """Count one interval."""
        low, high = ends
        self.repetitions += 1
        self.below += high < truth
        self.above += low > truth
        self.held += low <= truth <= high
        self.width += high - low
        self.skewed += skewed

    @property
    def coverage(self) -> float:
        """Share of intervals that held the truth."""
        return self.held / self.repetitions

    @property
    def error(self) -> float:
        """Monte Carlo standard error of the coverage at the nominal level."""
        return math.sqrt(ALPHA * (1 - ALPHA) / self.repetitions)


@dataclass
class _Counts:
    truth: float
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)

    def add(self, estimator: str, model: str, interval: str, ends: Ends, *, skewed: bool = False) -> None:
        key = (estimator, model, interval)
        self.tallies.setdefault(key, Tally(*key)).add(ends, self.truth, skewed)


def repeat(
    population: Population,
    repetitions: int,
    seed: int = 0,
    *,
    bootstrap: bool = True,
    rare: bool = False,
    told: Callable[[int], None] | None = None,
) -> list[Tally]:
    """Every interval on so many fresh logs. bootstrap: resampled ones too, which take most of the time. rare: instead,
    two estimators, with the interval that allows for losses which a sample need not have met."""
    counts, rng = _Counts(population.truth), np.random.default_rng(seed)
    made = load(["ips", "snips", "sndr", "dr"])
    times = np.empty((0, 0))
    for number in range(repetitions):
        if bootstrap and number % SHARED == 0:
            times = poisson_weights(population.users, RESAMPLES, rng)
        sample = population.draw(rng)
        for (name, model), rows in _rows(sample, BOOTSTRAPPED if rare else ASKED):
            _count(counts, made[name], name, model, rows, sample, times)
            if rare and (name, model) in BOOTSTRAPPED:
                _count_rare(counts, made[name], (name, model), rows, population)
        if number % BOUNDED_EVERY == 0:
            _count_bounded(counts, population, sample, rng)
        if told is not None:
            told(number + 1)
    return list(counts.tallies.values())


def repeat_sums(
    population: LongRun,
    repetitions: int,
    seed: int = 0,
    *,
    rare: bool = False,
    told: Callable[[int], None] | None = None,
) -> list[Tally]:
    """The same for users whose sums are known: by influence functions, and `rare`."""
    counts, rng = _Counts(population.truth), np.random.default_rng(seed)
    made = load(["ips", "snips", "sndr", "dr"])
    sizes = np.full(population.users, float(population.weeks))
    for number in range(repetitions):
        drawn = population.draw(rng)
        for (name, model), sums in drawn.sums.items():
            found = estimate(made[name], list(sums.T), sizes)
            skewed = population.users < SKEW_FACTOR * found.skew**2
            counts.add(name, model, "influence", found.interval(ALPHA), skewed=skewed)
        for (name, model), sums in drawn.within.items() if rare else ():
            found = estimate(made[name], list(sums.T), sizes)
            ends = _allowing_for_rare(found, drawn.beyond / population.weeks, losses_of_net_revenue())
            counts.add(name, model, RARE, ends)
        if told is not None:
            told(number + 1)
    return list(counts.tallies.values())


def _rows(sample: Sample, asked: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], Rows]]:
    """The log beside each reward model that is asked for, once per estimator."""
    q: dict[str, Floats | None] = {"": None, "given": sample.given}
    if any(model == "ridge" for _, model in asked):
        q["ridge"] = _ridge(sample)
    held = {m: Rows(sample.arm, sample.propensity, sample.reward, sample.target, model) for m, model in q.items()}
    yield from ((one, held[one[1]]) for one in asked)


def _ridge(sample: Sample) -> Floats:
    import pyarrow as pa

    folds = reward_model.folds_of(pa.chunked_array([pa.array(sample.user)]))
    k = sample.target.shape[1]
    q = reward_model.cross_fit(sample.features, sample.arm, sample.reward, folds, k)
    return q.astype(np.float64)


def _count(
    counts: _Counts, estimator: Estimator, name: str, model: str, rows: Rows, sample: Sample, times: Floats
) -> None:
    terms = estimator.terms(rows)
    weeks = len(sample.arm) // sample.users
    sums = [term.reshape(weeks, sample.users).sum(axis=0) for term in terms]
    sizes = np.full(sample.users, float(weeks))
    found = estimate(estimator, sums, sizes)
    skewed = sample.users < SKEW_FACTOR * found.skew**2
    counts.add(name, model, "influence", found.interval(ALPHA), skewed=skewed)
    if (name, model) not in BOOTSTRAPPED:
        return
    if weeks > 1:
        strangers = estimate(estimator, list(terms), np.ones(len(sample.arm)))
        counts.add(name, model, CONTROLS[0], strangers.interval(ALPHA))
    elif name == "snips":
        counts.add(name, model, CONTROLS[1], _ratio_forgotten(sums))
    if times.size:
        again = resample(Question(estimator, len(terms)), np.column_stack(sums), sizes, weights=times)
        for kind in RESAMPLED:
            counts.add(name, model, kind, again.interval(kind, ALPHA), skewed=skewed)


def _ratio_forgotten(sums: list[Floats]) -> Ends:
    """What comes of taking `w r / mean w` for the mean of independent numbers, as a bootstrap of such terms does."""
    terms = sums[0] / sums[1].mean()
    half = 1.96 * float(terms.std(ddof=1)) / math.sqrt(len(terms))
    return float(terms.mean()) - half, float(terms.mean()) + half


def _count_rare(
    counts: _Counts, estimator: Estimator, asked: tuple[str, str], rows: Rows, population: Population
) -> None:
    """The interval that allows for losses which the sample need not have met."""
    if population.losses is None:
        return
    cap = population.losses[0]
    weeks, users = len(rows.reward) // population.users, population.users
    within = replace(rows, reward=np.maximum(rows.reward, -cap))
    sums = [term.reshape(weeks, users).sum(axis=0) for term in estimator.terms(within)]
    found = estimate(estimator, sums, np.full(users, float(weeks)))
    beyond = (rows.weight * np.maximum(-rows.reward - cap, 0.0)).reshape(weeks, users).mean(axis=0)
    counts.add(*asked, RARE, _allowing_for_rare(found, beyond, population.losses))


def _allowing_for_rare(within: Estimate, beyond: Floats, losses: tuple[float, float, float]) -> Ends:
    """within: of the outcome down to the cap; beyond: (users,) mean weighted loss past it."""
    cap, worst, heaviest = losses
    low, high = within.interval(ALPHA * (1 - BEYOND))
    return low - most_beyond(beyond, heaviest * (worst - cap), ALPHA * BEYOND), high


def _count_bounded(counts: _Counts, population: Population, sample: Sample, rng: np.random.Generator) -> None:
    if population.bounds is None:
        return
    least, most, heaviest = population.bounds
    weeks = len(sample.arm) // sample.users
    weight = np.take_along_axis(sample.target, sample.arm[:, None], axis=1)[:, 0] / sample.propensity
    x = (weight * sample.reward).reshape(weeks, sample.users).mean(axis=0)
    low, high = min(least * heaviest, 0.0), most * heaviest
    for name, ends in (
        ("empirical_bernstein", by_bernstein(x, low, high, ALPHA)),
        ("betting", by_betting(x, low, high, ALPHA)),
    ):
        counts.add("ips", "", name, (float(ends[0]), float(ends[1])))
    if weeks == 1 and (least, most) == (0.0, 1.0):
        seed = int(rng.integers(2**31))
        counts.add("ips", "", "clopper_pearson", by_clopper_pearson(sample.reward == 1, weight, heaviest, ALPHA, seed))


def plain(tallies: list[Tally]) -> list[dict[str, object]]:
    """For JSON."""
    return [asdict(t) for t in tallies]
