"""Safety certificate for a ratio guardrail: betting e-process on limit x min(GMV, cap) - loss, H0: unsafe.

Needed before an arm may grow, and much slower than the alarm: with 2,000 users and a cap of $500 it took 5 weeks at
a true rate of 10 bps under a limit of 25, 13 weeks at 15 bps, 48 at 20. Only rows old enough to be fully reported
may enter, and losses are bounded by what the world enforces; capping observed losses would make it invalid.
"""

from __future__ import annotations

from typing import ClassVar, Self

from experiments.monitors.interface import Validity, Verdict
from experiments.monitors.ratio import Null, RatioMonitor, Terms, as_ages
from experiments.monitors.streams import RatioStream, Stream

__all__ = ["RatioCertificate"]


class RatioCertificate(RatioMonitor):
    """Certifies once mature losses prove that they stay under `limit` x capped denominator.

    max_loss_usd: the most a row can lose, enforced by the world. mature_age_weeks: age from which nothing more is
    reported. The rest as in `ratio_betting`.
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
    ) -> None:
        rest = (null, window_weeks, shared_shock, rows_per_unit, group, points)
        terms = Terms(limit, cap_usd, max_loss_usd, -1, alpha, as_ages([mature_age_weeks]), *rest)
        super().__init__(terms)

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
