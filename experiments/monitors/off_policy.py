"""What would another policy earn? A confidence sequence from logged decisions that may be looked at any week.

Weighted rewards w r, or doubly robust terms w (r - q) + q of the policy, on [0, 1]: their mean given the past is the
policy's value, so products of exp(bet (x - value) - psi(bet) (x - guess)^2), psi(b) = -ln(1 - b) - b, stay small
wherever x - guess >= -1 (Fan, Grama & Liu 2015). The same on 1 - r gives the upper end. Waudby-Smith et al. (2022),
arXiv 2210.10768; the guess is the mean of the weeks before. Bets are fixed numbers mixed over a grid, so that the
target is the plain average over rows, whatever the weeks were like.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.betting import log_mean_exp
from experiments.monitors.bounds import Bounds
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import LoggedStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError

__all__ = ["OffPolicy", "ends", "value_evidence"]

Floats = NDArray[np.float64]
_BETS = np.geomspace(0.9, 1e-5, 28)
_PSI = -np.log1p(-_BETS) - _BETS
_HALVINGS = 40


class OffPolicy(TallyMonitor):
    """Says lift or harm once the policy's value is proven to lie above or under `limit`, e.g. what is earned today.

    least, most: bounds on a row's reward that hold for certain; largest_weight: bound on target / propensity, such as
    1 / floor. All are declared before the data. Rows need `propensity` and `target`; doubly_robust uses `predicted`
    and `predicted_target` too, which nothing from this week on may have gone into; it starts slower, since no bet may
    exceed 1 / (1 + largest_weight), and is narrower with many rows.
    """

    kind: ClassVar[str] = "off_policy"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "weights"

    def __init__(
        self,
        *,
        limit: float,
        most: float,
        largest_weight: float,
        least: float = 0.0,
        alpha: float = 0.05,
        doubly_robust: bool = False,
    ) -> None:
        super().__init__(sums=5)  # rows; sum and sum of squares of the terms, and of the mirrored terms
        self.bounds = Bounds(limit, least, most)
        if not (math.isfinite(largest_weight) and largest_weight >= 1):
            raise ConfigError(f"largest_weight: must be a finite number of at least 1, got {largest_weight!r}")
        self.alpha, self.largest_weight, self.doubly_robust = open_share("alpha", alpha), largest_weight, doubly_robust
        self.null = f"H0: given the past, the policy earns {limit:g} a row on average over all rows so far"

    @property
    def _shrink(self) -> float:
        """Terms are scaled by this, so that none falls short of its guess by more than 1."""
        return 1 / (1 + self.largest_weight) if self.doubly_robust else 1.0

    def _take(self, batch: Batch) -> MonitorState:
        self._refuse_second_batch(batch)
        logged = batch.require("propensity", "a logged decision counts by its probability")
        weight = batch.require("target", "the policy's probability of the arm drawn is needed") / logged
        too_large = weight > self.largest_weight * (1 + 1e-6)
        rule = f"gives a weight target / propensity above the declared bound {self.largest_weight:g}"
        batch.refuse(too_large, "propensity", rule)
        r = self.bounds.column(batch)
        if self.doubly_robust:
            why = "a doubly robust value needs what was expected beforehand"
            batch.require("predicted", why)
            batch.require("predicted_target", why)
            of_drawn, of_policy = (self.bounds.column(batch, c) for c in ("predicted", "predicted_target"))
            terms = weight * (r - of_drawn) + of_policy
            mirrored = 1 - terms
        else:
            terms, mirrored = weight * r, weight * (1 - r)
        return self._tallied(batch, [batch.n, *_sums(terms), *_sums(mirrored)])

    def _now(self, batches: int) -> MonitorState:
        rows, up, up2, down, down2 = self._records[:batches, 1:].T
        bound, shrink = self.bounds.share, self._shrink
        above, below = (
            value_evidence(rows, up, up2, bound, shrink),
            value_evidence(rows, down, down2, 1 - bound, shrink),
        )
        lower = ends(rows, up, up2, self.alpha / 2, shrink)
        upper = 1 - ends(rows, down, down2, self.alpha / 2, shrink)
        log_e = np.logaddexp(above, below) - math.log(2)
        state = evidence_state(
            log_e,
            self.alpha,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(rows[-1]),
            estimate=self.bounds.back(float(up.sum() / rows.sum())),
            lower=self.bounds.back(lower),
            upper=self.bounds.back(upper),
        )
        first = int(np.argmax(log_e >= -math.log(self.alpha)))
        lifted = state.verdict == "harm" and above[first] > below[first]
        return dataclasses.replace(state, verdict="lift") if lifted else state

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """An agent's draws; doubly robust where outcomes were predicted."""
        if not isinstance(stream, LoggedStream):
            return None
        largest = float(max(stream.target / stream.chance.min(), (1 - stream.target) / (1 - stream.chance.max())))
        robust = stream.predicted is not None
        return cls(limit=stream.limit, most=1.0, largest_weight=max(largest, 1.0), alpha=alpha, doubly_robust=robust)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, LoggedStream):
            return super().replicate(stream)
        weight, r = stream.weight(), stream.value
        if stream.predicted is None:
            terms, mirrored = weight * r, weight * (1 - r)
        else:
            q = stream.predicted[:, None]
            terms = weight * (r - q) + q
            mirrored = 1 - terms
        rows = np.full(r.shape[:2], float(r.shape[2]))
        sums = ((x.sum(axis=2), (x * x).sum(axis=2)) for x in (terms, mirrored))
        bounds = (self.bounds.share, 1 - self.bounds.share)
        above, below = (value_evidence(rows, *s, b, self._shrink) for s, b in zip(sums, bounds, strict=True))
        return alarmed(np.logaddexp(above, below) - math.log(2), self.alpha)


def _sums(terms: Floats) -> tuple[float, float]:
    return float(terms.sum()), float(terms @ terms)


def value_evidence(rows: Floats, total: Floats, squares: Floats, value: float, shrink: float = 1.0) -> Floats:
    """(..., t) log evidence that terms have a larger mean than `value`, from each week's rows, sums and squares."""
    gain, spread = _gain_and_spread(rows, total, squares, shrink)
    gain = gain - shrink * value * np.cumsum(rows, axis=-1)
    return log_mean_exp(gain[..., None] * _BETS - spread[..., None] * _PSI)


def ends(rows: Floats, total: Floats, squares: Floats, alpha: float, shrink: float = 1.0) -> float:
    """Least mean in [0, 1] that the evidence after the last of t weeks does not reject at level `alpha`."""
    gain, spread = (x[-1] for x in _gain_and_spread(rows, total, squares, shrink))
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wealth = (gain - shrink * middle * rows.sum()) * _BETS - spread * _PSI
        low, high = (middle, high) if float(log_mean_exp(wealth)) >= -math.log(alpha) else (low, middle)
    return low


def _gain_and_spread(rows: Floats, total: Floats, squares: Floats, shrink: float) -> tuple[Floats, Floats]:
    """(..., t) scaled sums so far, and squared distances from what the weeks before made one guess."""
    n, s = np.cumsum(rows, axis=-1) - rows, np.cumsum(total, axis=-1) - total
    guess = np.clip((0.5 + s) / (1 + n), 0.0, 1.0)
    spread = shrink**2 * (squares - 2 * guess * total + rows * guess**2)
    return shrink * np.cumsum(total, axis=-1), np.cumsum(spread, axis=-1)
