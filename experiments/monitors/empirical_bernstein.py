"""Harm alarm and confidence sequence for a mean of bounded outcomes: predictable plug-in empirical Bernstein.

Waudby-Smith & Ramdas (2020), arXiv 2010.09686, theorem 2: the mean lies within sum(bet x) / sum(bet) plus or minus
(ln(2/alpha) + sum(v psi(bet))) / sum(bet), with v = (x - mean so far)^2 and psi(b) = -ln(1 - b) - b. Bets and means
are fixed by the weeks before, so all rows of a week share them.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.bounds import Bounds
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share, whole
from experiments.monitors.streams import BoundedStream, EventStream, Stream
from experiments.monitors.tally import TallyMonitor

__all__ = ["EmpiricalBernstein", "interval_paths"]

Floats = NDArray[np.float64]
LARGEST_BET = 0.5


class EmpiricalBernstein(TallyMonitor):
    """Alarms once the mean of outcomes in [least, most] is proven to exceed `limit`; the interval holds at any look.

    Each unit enters once. most: a bound that holds for certain; without one the method has no standing, so there is
    no default. horizon: units expected in all, at which the interval is aimed. group: watch only this group's rows.
    """

    kind: ClassVar[str] = "empirical_bernstein"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "once"

    def __init__(
        self,
        *,
        limit: float,
        most: float,
        least: float = 0.0,
        alpha: float = 0.05,
        horizon: int = 10_000,
        group: int | None = None,
    ) -> None:
        super().__init__(sums=3)  # rows, sum and sum of squares on [0, 1]
        self.bounds = Bounds(limit, least, most)
        self.alpha, self.horizon, self.group = open_share("alpha", alpha), whole("horizon", horizon, 1), group
        self.null = f"H0: the mean outcome of a unit is at most {limit:g}"

    def _take(self, batch: Batch) -> MonitorState:
        if self.group is not None:
            batch = batch.only(self.group)
        x = self.bounds.column(batch)
        self._seen.refuse_again(self.kind, batch, "each unit enters once, with a total over a fixed window")
        self._seen = self._seen.joined(batch.unit)
        return self._tallied(batch, [batch.n, x.sum(), float(x @ x)])

    def _now(self, batches: int) -> MonitorState:
        rows, total, squares = self._records[:batches, 1:].T
        lower, upper = interval_paths(rows, total, squares, self.alpha, self.horizon)
        return MonitorState(
            estimate=self.bounds.back(float(total.sum() / rows.sum())),
            lower=self.bounds.back(float(lower[-1])),
            upper=self.bounds.back(float(upper[-1])),
            e_value=math.nan,
            p_value=math.nan,
            verdict="harm" if lower[-1] > self.bounds.share else "continue",
            validity=self.validity,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(rows.sum()),
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Outcomes in [0, 1] of units that enter once."""
        if not isinstance(stream, BoundedStream | EventStream) or (isinstance(stream, EventStream) and stream.standing):
            return None
        return cls(limit=stream.limit, most=1.0, alpha=alpha, horizon=stream.value[0].size)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        x = self.bounds.on_unit(stream.value)
        rows = np.full(x.shape[:2], float(x.shape[2]))
        lower, _ = interval_paths(rows, x.sum(axis=2), (x * x).sum(axis=2), self.alpha, self.horizon)
        return np.asarray(lower > self.bounds.share, np.bool_)


def interval_paths(rows: Floats, total: Floats, squares: Floats, alpha: float, horizon: int) -> tuple[Floats, Floats]:
    """Lower and upper ends (..., weeks), running intersections, from each week's rows, sums and sums of squares."""
    n, s, q = (np.cumsum(c, axis=-1) - c for c in (rows, total, squares))  # before the week
    mean = (0.5 + s) / (1 + n)
    variance = np.maximum((0.25 + q - 2 * mean * s + n * mean**2) / (1 + n), 1e-12)
    bet = np.minimum(np.sqrt(2 * math.log(2 / alpha) / (variance * horizon)), LARGEST_BET)
    v = squares - 2 * mean * total + rows * mean**2
    weight = np.cumsum(bet * rows, axis=-1)
    centre = np.cumsum(bet * total, axis=-1) / weight
    reach = (math.log(2 / alpha) + np.cumsum(v * (-np.log1p(-bet) - bet), axis=-1)) / weight
    lower = np.maximum.accumulate(np.maximum(centre - reach, 0.0), axis=-1)
    return lower, np.minimum.accumulate(np.minimum(centre + reach, 1.0), axis=-1)
