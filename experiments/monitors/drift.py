"""Has a feature or a score drifted away from its reference? PSI and KS to look at, a change detector to act on.

At thresholds declared before, the share of new units at or below is held against the reference's share and its exact
binomial band (Clopper & Pearson 1934, half of alpha shared out over thresholds and sides). Bets against the band, both
signs, are mixed over stakes, thresholds and weeks in which the drift may have begun: wealth not yet staked stays cash,
so the mixture is an e-process and the chance of ever raising a false alarm stays under alpha (Shin, Ramdas & Rinaldo
2024 on e-detectors).
A unit counts once: a standing cohort is read by turns, each unit in the week its id falls to.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from experiments.monitors.batch import Batch
from experiments.monitors.betting import LARGEST_BET, log_mean_exp
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import NAN, MonitorState, Reads, Validity, open_share, whole
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import InputStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError, LogError
from rage_env.randomness import person_keys, seed_key

__all__ = ["Drift", "change_evidence", "psi"]

Floats = NDArray[np.float64]
_SHARES = np.geomspace(LARGEST_BET, 1e-3, 12)  # of the wealth that the worst outcome may take


class Drift(TallyMonitor):
    """Alarms once values fed since the first week cannot stem from a law within the reference's band.

    edges: thresholds declared before, e.g. deciles of burn-in; the first week's values are the reference. turns: 1
    where every week brings new units; for a standing cohort the weeks over which its units are spread, so that each
    speaks once. The estimate is KS: the largest distance of the latest week's shares from the reference's.
    """

    kind: ClassVar[str] = "drift"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "inputs"

    def __init__(self, *, edges: Sequence[float], alpha: float = 0.05, turns: int = 1) -> None:
        self.edges = np.asarray(edges, dtype=np.float64)
        if self.edges.ndim != 1 or not len(self.edges) or not np.isfinite(self.edges).all():
            raise ConfigError(f"edges: must be one or more finite thresholds, got {list(edges)}")
        if (np.diff(self.edges) <= 0).any():
            raise ConfigError(f"edges: must rise, got {self.edges.tolist()}; take quantiles of burn-in, each once")
        super().__init__(sums=len(self.edges) + 1)  # units by bin
        self.alpha, self.turns = open_share("alpha", alpha), whole("turns", turns, 1)
        self.null = "H0: at each declared threshold the share of units below stays within the reference's band"

    def _take(self, batch: Batch) -> MonitorState:
        self._refuse_second_batch(batch)
        mine = np.ones(batch.n, np.bool_)
        if self.turns > 1:
            elapsed = 0 if not len(self._records) else batch.week - int(self._records[0, 0])
            mine = self._turn(batch.unit) == elapsed
        elif len(self._seen.before(batch.unit)):
            self._seen.refuse_again(self.kind, batch, "each unit counts once (a standing cohort needs turns)")
        if not len(self._records) and not mine.any():
            raise LogError(f"{self.kind}: week {batch.week}: no unit comes first; feed more units or set fewer turns")
        counts = np.bincount(np.searchsorted(self.edges, batch.value[mine]), minlength=len(self.edges) + 1)
        self._seen = self._seen.joined(batch.unit[mine])
        return self._tallied(batch, counts)

    def _turn(self, unit: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the week, counted from the first, in which each unit is read."""
        return (person_keys(seed_key(0), unit) % np.uint64(self.turns)).astype(np.int64)

    def _now(self, batches: int) -> MonitorState:
        counts = self._records[:batches, 1:]
        week, n = int(self._records[batches - 1, 0]), int(counts[-1].sum())
        if self.turns > 1 and week - int(self._records[0, 0]) >= self.turns:
            note = "every unit has had its turn; start anew with a later reference"
        else:
            note = "the reference" if batches == 1 else f"PSI {psi(counts[0], counts[-1]):.3f} in {n} units"
        share = np.cumsum(counts, axis=1) / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        log_e = change_evidence(counts, self.alpha / 2)
        state = evidence_state(
            log_e,
            self.alpha / 2,
            null=self.null,
            week=week,
            n_units=int(counts.sum()),
            estimate=float(np.abs(share[-1] - share[0]).max()) if n else 0.0,
            reason=note,
        )
        return dataclasses.replace(state, p_value=NAN)  # half of alpha lies in the band, at this alpha alone

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """A feature; a standing cohort is read by turns over all weeks."""
        if not isinstance(stream, InputStream):
            return None
        return cls(edges=stream.edges, alpha=alpha, turns=stream.value.shape[1] if stream.standing else 1)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        reps, weeks, n = stream.value.shape
        turn = self._turn(np.arange(n))
        bins = np.searchsorted(self.edges, stream.value)
        counts = np.zeros((reps, weeks, len(self.edges) + 1))
        for week in range(weeks):
            mine = bins[:, week, turn == week] if self.turns > 1 else bins[:, week]
            for code in range(counts.shape[2]):
                counts[:, week, code] = (mine == code).sum(axis=1)
        return alarmed(change_evidence(counts, self.alpha / 2), self.alpha / 2)


def change_evidence(counts: Floats, alpha: float) -> Floats:
    """(..., t) log evidence that shares left the band of the first week's.

    counts: (..., t, bins) units by week and bin. alpha: chance that the band misses the law behind the reference.
    """
    size = counts[..., 0, :].sum(axis=-1)[..., None]
    hits = np.cumsum(counts[..., 0, :], axis=-1)[..., :-1]
    tail = alpha / (2 * hits.shape[-1])
    most, most_above = _upper(hits, size, tail), _upper(size - hits, size, tail)
    rows = counts.sum(axis=-1)[..., None]
    below = np.cumsum(counts, axis=-1)[..., :-1]
    more = _growth(below, rows, most[..., None, :])
    fewer = _growth(rows - below, rows, most_above[..., None, :])
    growth = np.concatenate([more, fewer], axis=-2)
    growth = growth.reshape(*growth.shape[:-2], -1)  # (..., t, 2 x edges x stakes)
    growth[..., 0, :] = 0.0
    since, paths = np.full(growth[..., 0, :].shape, -np.inf), []
    for week in range(growth.shape[-2]):
        if week:
            since = np.logaddexp(since, -math.log(week * (week + 1))) + growth[..., week, :]
        paths.append(log_mean_exp(np.logaddexp(since, -math.log(week + 1))))
    return np.stack(paths, axis=-1)


def _upper(hits: Floats, size: Floats, tail: float) -> Floats:
    """(..., edges) largest share under which so few hits still have probability `tail`; 1 where all were hits."""
    inside = betaincinv(hits + 1, np.maximum(size - hits, 1.0), 1 - tail)
    return np.asarray(np.where(hits < size, inside, 1.0), np.float64)


def _growth(hits: Floats, rows: Floats, most: Floats) -> Floats:
    """(..., edges, l) log growth of bets that more than a share `most` are hits; none where every share is allowed."""
    held = np.minimum(most, 1.0)[..., None]
    gain = np.log1p(_SHARES * (1 - held) / held) * hits[..., None] + np.log1p(-_SHARES) * (rows - hits)[..., None]
    return np.asarray(np.where(held < 1.0, gain, 0.0), np.float64)


def psi(reference: Floats, now: Floats) -> float:
    """Population stability index between two rows of counts by bin (b,), half a unit added to each."""
    p, q = (reference + 0.5) / (reference + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
    return float(((q - p) * np.log(q / p)).sum())
