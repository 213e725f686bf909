"""Harm alarm and confidence sequence for a mean of bounded outcomes, by betting: tighter than empirical Bernstein.

Waudby-Smith & Ramdas (2020), arXiv 2010.09686: for each candidate mean m the wealth of bets that outcomes lie above m
(stakes c / m) and below it (stakes c / (1 - m)), averaged over a grid of shares c (their grid Kelly). Candidates whose
wealth on one side ever reached 2 / alpha are out. Wealth falls in m on one side and rises on the other, so what is
left between the candidates of a grid is an interval, widened to the next candidate out.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.betting import LARGEST_BET, log_growth, log_mean_exp, stakes
from experiments.monitors.bounds import Bounds
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share, whole
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import BoundedStream, EventStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError

__all__ = ["BettingMean", "wealth_growth"]

Floats = NDArray[np.float64]


class BettingMean(TallyMonitor):
    """Alarms once the mean of outcomes in [least, most] is proven to exceed `limit`; the interval holds at any look.

    Each unit enters once. points: shares of wealth bet; candidates: means tried for the interval, besides the limit.
    group: watch only this group's rows. Alarm and interval are statements of their own, each at alpha.
    """

    kind: ClassVar[str] = "betting_mean"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "once"

    def __init__(
        self,
        *,
        limit: float,
        most: float,
        least: float = 0.0,
        alpha: float = 0.05,
        points: int = 12,
        candidates: int = 49,
        group: int | None = None,
    ) -> None:
        self.bounds = Bounds(limit, least, most)
        if not least < limit < most:
            raise ConfigError(f"limit: must lie between least and most, not on one; got {limit} in [{least}, {most}]")
        self.alpha, self.group = open_share("alpha", alpha), group
        self.points = whole("points", points, 1)
        grid = np.arange(1, whole("candidates", candidates, 1) + 1) / (candidates + 1)
        self.means = np.concatenate([[self.bounds.share], grid])  # on [0, 1]; the limit first
        super().__init__(sums=2 + 2 * self.points * len(self.means))  # rows, sum, log growth by mean, side and stake
        self.null = f"H0: the mean outcome of a unit is at most {limit:g}"

    def _take(self, batch: Batch) -> MonitorState:
        if self.group is not None:
            batch = batch.only(self.group)
        x = self.bounds.column(batch)
        self._seen.refuse_again(self.kind, batch, "each unit enters once, with a total over a fixed window")
        self._seen = self._seen.joined(batch.unit)
        growth = np.concatenate([wealth_growth(x, m, self.points).ravel() for m in self.means])
        return self._tallied(batch, np.concatenate([[batch.n, x.sum()], growth]))

    def _now(self, batches: int) -> MonitorState:
        rows = self._records[:batches, 1:]
        wealth = np.cumsum(rows[:, 2:].reshape(batches, len(self.means), 2, self.points), axis=0)
        log_e = log_mean_exp(wealth)  # (t, means, sides)
        out = log_e.max(axis=0) >= math.log(2 / self.alpha)
        order = np.argsort(self.means)
        means, above, below = self.means[order], out[order, 0], out[order, 1]
        lower, upper = float(means[above].max(initial=0.0)), float(means[below].min(initial=1.0))
        return evidence_state(
            log_e[:, 0, 0],
            self.alpha,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(rows[:, 0].sum()),
            estimate=self.bounds.back(float(rows[:, 1].sum() / rows[:, 0].sum())),
            lower=self.bounds.back(lower),
            upper=self.bounds.back(upper),
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Outcomes in [0, 1] of units that enter once."""
        if not isinstance(stream, BoundedStream | EventStream) or (isinstance(stream, EventStream) and stream.standing):
            return None
        return cls(limit=stream.limit, most=1.0, alpha=alpha, candidates=9)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        x = self.bounds.on_unit(stream.value)
        growth = log_growth(x - self.means[0], stakes(float(self.means[0]), self.points))
        return alarmed(log_mean_exp(np.cumsum(growth, axis=1)), self.alpha)


def wealth_growth(x: Floats, mean: float, points: int) -> Floats:
    """(2, l) sums of log(1 + stake (x - mean)), and of log(1 + stake (mean - x)), over outcomes x (n,) in [0, 1]."""
    up, down = stakes(mean, points), stakes(1 - mean, points)
    assert up[0] * mean <= LARGEST_BET + 1e-12
    return np.stack([log_growth(x - mean, up), log_growth(mean - x, down)])
