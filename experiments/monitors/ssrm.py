"""Sample-ratio check that may be looked at any time: are units shared out among groups as planned?

Bayes factor of a Dirichlet-multinomial centred on the planned shares against those shares exactly: Lindon & Malek
(2022), "Anytime-valid inference for multinomial count data", concentration as proposed there for traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from experiments.monitors.batch import Batch
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share, positive
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import AssignmentStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError

__all__ = ["Ssrm", "log_bayes_factor"]

Floats = NDArray[np.float64]


class Ssrm(TallyMonitor):
    """Alarms once the groups' head-counts cannot come from the planned `shares`; comparisons are then worthless.

    shares: planned share of each group code from 0, summing to 1. A unit counts in the week it is first fed; values
    are not looked at. The estimate is the largest distance of a group's share from its plan.
    """

    kind: ClassVar[str] = "ssrm"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "units"

    def __init__(self, *, shares: Sequence[float], alpha: float = 0.05, concentration: float = 1_000.0) -> None:
        self.shares = np.asarray(shares, dtype=np.float64)
        if (
            self.shares.ndim != 1
            or len(self.shares) < 2
            or (self.shares <= 0).any()
            or abs(self.shares.sum() - 1) > 1e-9
        ):
            raise ConfigError(f"shares: must be two or more numbers above 0 that sum to 1, got {list(shares)}")
        super().__init__(sums=len(self.shares))  # new units by group
        self.alpha, self.concentration = open_share("alpha", alpha), positive("concentration", concentration)
        self.null = f"H0: each new unit falls into groups 0, 1, ... with probabilities {self.shares.tolist()}"

    def _take(self, batch: Batch) -> MonitorState:
        batch.refuse(batch.groups() >= len(self.shares), "group", f"must be one of 0..{len(self.shares) - 1}")
        self._seen.refuse_again(self.kind, batch, "a unit is counted in one group, in the week it is first seen")
        counts = np.bincount(batch.groups(), minlength=len(self.shares))
        self._seen = self._seen.joined(batch.unit)
        return self._tallied(batch, counts)

    def _now(self, batches: int) -> MonitorState:
        counts = self._records[:batches, 1:].cumsum(axis=0)
        log_e = log_bayes_factor(counts, self.shares, self.concentration)
        n = counts[-1].sum()
        return evidence_state(
            log_e,
            self.alpha,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(n),
            estimate=float(np.abs(counts[-1] / n - self.shares).max()),
            reason=f"units by group {counts[-1].astype(np.int64).tolist()}",
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Assignments of new units."""
        return cls(shares=stream.shares, alpha=alpha) if isinstance(stream, AssignmentStream) else None

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        counts = np.stack([(stream.value == g).sum(axis=2) for g in range(len(self.shares))], axis=-1)
        evidence = log_bayes_factor(counts.cumsum(axis=1).astype(np.float64), self.shares, self.concentration)
        return alarmed(evidence, self.alpha)


def log_bayes_factor(counts: Floats, shares: Floats, concentration: float) -> Floats:
    """(...) log evidence against the planned shares (k,). counts: (..., k) units so far."""
    prior = concentration * shares
    n = counts.sum(axis=-1)
    mixed = (
        gammaln(concentration) - gammaln(concentration + n) + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1)
    )
    return np.asarray(mixed - counts @ np.log(shares), np.float64)
