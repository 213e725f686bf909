"""Safety certificate for a ratio guardrail: betting e-process on limit x min(GMV, cap) - loss, H0: unsafe.

Needed before an arm may grow, and much slower than the alarm: with 2,000 users and a cap of $500 it took 5 weeks at
a true rate of 10 bps under a limit of 25, 13 weeks at 15 bps, 48 at 20. Rows enter when they are old enough to be
fully reported, or earlier with losses divided by the share that the declared delay law lets be known by then. Losses
are bounded by what the world enforces; capping observed losses would make it invalid. Bets as in
`ratio_betting`: Waudby-Smith & Ramdas (2020), arXiv 2010.09686.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Self

from experiments.monitors.batch import Batch
from experiments.monitors.interface import MonitorState, Validity, Verdict, positive
from experiments.monitors.ratio import Null, RatioMonitor, Terms, as_ages
from experiments.monitors.streams import RatioStream, Stream
from rage_env.errors import ConfigError

__all__ = ["RatioCertificate"]


class RatioCertificate(RatioMonitor):
    """Certifies once mature losses prove that they stay under `limit` x capped denominator.

    max_loss_usd: the most a row can lose, enforced by the world. mature_age_weeks: age from which nothing more is
    reported, or at which `reported_share` of losses is known: each loss is known by then with that chance, whatever its
    size. The rest as in `ratio_betting`.
    """

    kind: ClassVar[str] = "ratio_certificate"
    validity: ClassVar[Validity] = "finite_sample"
    conclusion: ClassVar[Verdict] = "certified"

    def __init__(
        self,
        *,
        limit: float,
        cap_usd: float,
        max_loss_usd: float,
        mature_age_weeks: int = 18,
        alpha: float = 0.05,
        null: Null = "cohort",
        window_weeks: int = 1,
        shared_shock: bool = False,
        rows_per_unit: int = 1,
        group: int | None = None,
        points: int = 24,
        reported_share: float = 1.0,
    ) -> None:
        if not 0 < positive("reported_share", reported_share) <= 1:
            raise ConfigError(f"reported_share: must lie in (0, 1], got {reported_share!r}")
        rest = (null, window_weeks, shared_shock, rows_per_unit, group, points)
        worst_usd = positive("max_loss_usd", max_loss_usd) / reported_share
        super().__init__(Terms(limit, cap_usd, worst_usd, -1, alpha, as_ages([mature_age_weeks]), *rest))
        self.reported_share = reported_share
        if reported_share < 1:
            self.null += f" (assumes the declared delay law: {reported_share:g} known at age {mature_age_weeks})"

    def _take(self, batch: Batch) -> MonitorState:
        if self.reported_share == 1:
            return super()._take(batch)
        most = self.terms.worst_usd * self.reported_share * self.terms.window_weeks
        batch.refuse(batch.value > most, "value", f"must not exceed the declared bound on losses, {most:g}")
        return super()._take(dataclasses.replace(batch, value=batch.value / self.reported_share))

    def _now(self, week: int) -> MonitorState:
        state = super()._now(week)
        if self.reported_share == 1:
            return state
        return dataclasses.replace(state, reason=f"assumes the declared delay law; {state.reason}")

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Losses that are fully known, and bounded."""
        if not isinstance(stream, RatioStream):
            return None
        null: Null = "population" if stream.once else "cohort"
        return cls(
            limit=stream.limit,
            cap_usd=stream.cap_usd,
            alpha=alpha,
            max_loss_usd=stream.max_loss_usd,
            mature_age_weeks=0,
            null=null,
            window_weeks=stream.window_weeks,
            shared_shock=stream.shared_shock,
        )
