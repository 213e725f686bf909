"""Were arms drawn with the probabilities that were logged? The sample-ratio check for agents that adapt.

For each arm, (drawn or not) less its logged probability is a fair game given the past, whatever the agent learned;
bets on either sign of it, mixed over stakes and arms, stay small unless the log is wrong: Ville's inequality
(1939), bets after Waudby-Smith & Ramdas (2020), arXiv 2010.09686.
A log whose propensities are wrong makes every off-policy estimate and every effect inside an agent worthless.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.betting import log_growth, log_mean_exp, stakes
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share, whole
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import LoggedStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import LogError

__all__ = ["ArmShares"]

Floats = NDArray[np.float64]
_POINTS = 12


class ArmShares(TallyMonitor):
    """Alarms once the arms drawn cannot stem from the logged probabilities. group: arm drawn; needs `probs`.

    drawn_together: arms of a week were drawn jointly (systematic sampling), so a week makes one bet, on the mean over
    its rows. The estimate is the largest distance of an arm's share from the mean of its probabilities.
    """

    kind: ClassVar[str] = "arm_shares"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "arms"

    def __init__(self, *, arms: int, alpha: float = 0.05, drawn_together: bool = False) -> None:
        self.arms = whole("arms", arms, 2)
        super().__init__(sums=1 + self.arms * (1 + 2 * _POINTS))  # rows; by arm: excess, log growth by sign and stake
        self.alpha, self.drawn_together = open_share("alpha", alpha), drawn_together
        self.null = "H0: given the past, each arm is drawn with its logged probability"

    def _take(self, batch: Batch) -> MonitorState:
        probs = batch.require("probs", "arms drawn are compared with the probabilities logged for all arms")
        if probs.shape[1] != self.arms:
            raise LogError(f"{self.kind}: week {batch.week} logs {probs.shape[1]} arms; declared are {self.arms}")
        self._refuse_second_batch(batch)
        drawn = batch.groups()[:, None] == np.arange(self.arms)
        excess = drawn - probs  # (n, k)
        growth = self._growth(excess.T)
        return self._tallied(batch, np.concatenate([[batch.n], excess.sum(axis=0), growth.ravel()]))

    def _growth(self, excess: Floats) -> Floats:
        """(..., 2, l) log growth of bets on more draws and on fewer. excess: (..., n)."""
        if self.drawn_together:
            excess = excess.mean(axis=-1, keepdims=True)
        stake = stakes(1.0, _POINTS)
        return np.stack([log_growth(excess, stake), log_growth(-excess, stake)], axis=-2)

    def _now(self, batches: int) -> MonitorState:
        rows, excess, growth = np.split(self._records[:batches, 1:], [1, 1 + self.arms], axis=1)
        share = excess.sum(axis=0) / rows.sum()
        worst = int(np.abs(share).argmax())
        return evidence_state(
            log_mean_exp(np.cumsum(growth, axis=0)),
            self.alpha,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(rows[-1, 0]),
            estimate=float(np.abs(share).max()),
            reason=f"arm {worst} was drawn in {share[worst]:+.4f} of rows beyond its logged probability",
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """An agent's draws."""
        return cls(arms=2, alpha=alpha) if isinstance(stream, LoggedStream) else None

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week, between two arms, one of which mirrors the other."""
        if not isinstance(stream, LoggedStream):
            return super().replicate(stream)
        growth = self._growth(stream.arm - stream.chance[..., None])
        wealth = np.cumsum(growth.reshape(*growth.shape[:2], -1), axis=1)
        return alarmed(log_mean_exp(wealth), self.alpha)
