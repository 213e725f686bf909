"""How well a score ranks people by what an arm does for them: Qini, AUUC, uplift@k, calibration, targeting.

People are ordered by score, best first. Among the top share, with weights 1 / propensity, Y and W being weighted
outcomes and weights of the treated (t) and of the control (c):

    gain(share) = (Y_t - Y_c W_t / W_c) / W_t(everybody)

which is Radcliffe's Qini curve (2007) per treated user: what treating the top share brings per user of the whole.
AUUC is the area under it, the Qini coefficient the area between it and the straight line of a random order. Equal
scores are never told apart. Intervals: Poisson bootstrap of clusters on sums by bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import InputError

__all__ = ["Band", "Interval", "Ranking", "UpliftMetrics", "interval_of", "rank", "uplift_metrics"]

Floats = NDArray[np.float64]

BINS = 100
RESAMPLES = 200
_BLOCK = 50  # resamples drawn at a time, so that memory stays at `_BLOCK` numbers a user


@dataclass(frozen=True)
class Interval:
    """A value between the ends of its interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Band:
    """One tenth of the people, by score: what the model promised them and what they showed."""

    share: float  # of people up to the end of this band, best first
    predicted: float
    observed: Interval


@dataclass(frozen=True, eq=False)
class Ranking:
    """Sums by bin of equal or neighbouring scores, best first, for the sample and its resamples.

    sums: (1 + resamples, bins, 4): Y_t, W_t, Y_c, W_c; the sample itself comes first.
    """

    sums: Floats
    predicted: Floats  # (bins,) mean score
    share: Floats  # (bins,) of people up to the end of each bin

    def gain(self) -> Floats:
        """(1 + resamples, 1 + bins) the gain curve from share 0 on."""
        y_t, w_t, y_c, w_c = np.moveaxis(np.cumsum(self.sums, axis=1), 2, 0)
        scaled = np.divide(y_c * w_t, w_c, out=np.zeros_like(w_c), where=w_c > 0)
        with np.errstate(invalid="ignore"):  # a resample may hold no treated at all
            curve = (y_t - scaled) / w_t[:, -1:]
        return np.concatenate([np.zeros((len(curve), 1)), curve], axis=1)

    def area(self) -> Floats:
        """(1 + resamples,) area under the gain curve, by trapezes."""
        return np.asarray(np.trapezoid(self.gain(), np.r_[0.0, self.share], axis=1))

    def effect(self, first: int, last: int) -> Floats:
        """(1 + resamples,) difference of weighted means within bins first..last-1; nan without both arms."""
        y_t, w_t, y_c, w_c = self.sums[:, first:last].sum(axis=1).T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(y_t / w_t - y_c / w_c)


@dataclass(frozen=True, eq=False)
class UpliftMetrics:
    """What a score is worth. Values are in the outcome's unit per user."""

    qini: Interval
    auuc: Interval
    uplift_at: dict[float, Interval]  # {share: effect of the arm among the top share}
    targeting: dict[float, Interval]  # {share: gain per user of treating the top share, nobody else}
    calibration: tuple[Band, ...]
    curve: tuple[tuple[float, float], ...]  # (share, gain)
    band: tuple[tuple[float, float], ...]  # (lower, upper) of the gain at each share of the curve


def uplift_metrics(
    score: Floats,
    treated: NDArray[np.bool_],
    outcome: Floats,
    propensity: Floats,
    *,
    clusters: NDArray[np.integer] | None = None,
    at: tuple[float, ...] = (0.1, 0.3, 0.5),
    alpha: float = 0.05,
    seed: int = 0,
) -> UpliftMetrics:
    """Everything at once, for one arm against control; all arrays (n,), only rows of these two arms.

    score: predicted effect, from a model that never saw the row. propensity: of the arm that the row got.
    clusters: rows of one cluster depend on each other. Raises InputError.
    """
    ranking = rank(score, treated, outcome, propensity, clusters=clusters, seed=seed)
    gain, area = ranking.gain(), ranking.area()
    ends = {share: int(np.searchsorted(ranking.share, share - 1e-9)) + 1 for share in at}
    tenths = np.unique(np.searchsorted(ranking.share, np.arange(1, 11) / 10 - 1e-9) + 1)
    bands = tuple(_band(ranking, int(a), int(b), alpha) for a, b in zip(np.r_[0, tenths[:-1]], tenths, strict=True))
    return UpliftMetrics(
        qini=interval_of(area - gain[:, -1] / 2, alpha),
        auuc=interval_of(area, alpha),
        uplift_at={share: interval_of(ranking.effect(0, end), alpha) for share, end in ends.items()},
        targeting={share: interval_of(gain[:, end], alpha) for share, end in ends.items()},
        calibration=bands,
        curve=tuple(zip(np.r_[0.0, ranking.share].tolist(), gain[0].tolist(), strict=True)),
        band=_band_of(gain, alpha),
    )


def rank(
    score: Floats,
    treated: NDArray[np.bool_],
    outcome: Floats,
    propensity: Floats,
    *,
    clusters: NDArray[np.integer] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Ranking:
    """Sums by bin, best scores first, of the sample and of Poisson resamples of its clusters."""
    _check(score, treated, outcome, propensity)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]))
    backwards = np.searchsorted(edges, score, side="right")
    used, bins = np.unique(len(edges) - backwards, return_inverse=True)
    order = np.argsort(bins, kind="stable")
    w_t = np.where(treated, 1 / propensity, 0.0)
    w_c = np.where(treated, 0.0, 1 / propensity)
    rows = np.stack([w_t * outcome, w_t, w_c * outcome, w_c])[:, order]  # (4, n), sorted by bin
    starts = np.searchsorted(bins[order], np.arange(len(used)))
    count = np.bincount(bins)
    sums = [np.add.reduceat(rows, starts, axis=1).T[None]]
    groups = np.arange(len(score)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    for left in range(resamples, 0, -_BLOCK):
        times = rng.poisson(1.0, (min(left, _BLOCK), int(groups.max()) + 1)).astype(np.float32)
        drawn = times[:, groups[order]]
        sums.append(np.stack([np.add.reduceat(drawn * r, starts, axis=1) for r in rows], axis=2))
    predicted = np.bincount(bins, score) / count
    return Ranking(np.concatenate(sums), predicted, np.cumsum(count) / len(score))


def _check(score: Floats, treated: NDArray[np.bool_], outcome: Floats, propensity: Floats) -> None:
    lengths = {len(score), len(treated), len(outcome), len(propensity)}
    if len(lengths) > 1:
        raise InputError(f"uplift metrics: score, treated, outcome and propensity have lengths {sorted(lengths)}")
    for name, held in (("score", score), ("outcome", outcome)):
        if not np.isfinite(held).all():
            row = int(np.argmin(np.isfinite(held)))
            raise InputError(f"uplift metrics: {name}, row {row}: must be finite; got {held[row]}")
    if not ((propensity > 0) & (propensity <= 1)).all():
        row = int(np.argmin((propensity > 0) & (propensity <= 1)))
        raise InputError(f"uplift metrics: propensity, row {row}: must lie in (0, 1]; got {propensity[row]}")
    if treated.all() or not treated.any():
        raise InputError("uplift metrics: need rows of both the arm and control; got only one of them")


def _band_of(gain: Floats, alpha: float) -> tuple[tuple[float, float], ...]:
    """Of each point by itself; gain: (1 + resamples, points)."""
    ends = [interval_of(gain[:, at], alpha) for at in range(gain.shape[1])]
    return tuple((one.lower, one.upper) for one in ends)


def interval_of(draws: Floats, alpha: float) -> Interval:
    """The sample's value between the percentiles of those resamples that have one."""
    known = draws[1:][np.isfinite(draws[1:])]
    lower, upper = np.quantile(known, [alpha / 2, 1 - alpha / 2]) if len(known) else (np.nan, np.nan)
    return Interval(float(draws[0]), float(lower), float(upper))


def _band(ranking: Ranking, first: int, last: int, alpha: float) -> Band:
    people = np.diff(np.r_[0.0, ranking.share])[first:last]
    predicted = float((ranking.predicted[first:last] * people).sum() / people.sum())
    return Band(float(ranking.share[last - 1]), predicted, interval_of(ranking.effect(first, last), alpha))
