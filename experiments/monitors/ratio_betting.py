"""Harm alarm for a ratio guardrail, loss / GMV <= limit: betting e-processes on loss - limit x min(GMV, cap).

A user-week enters once at each age with the loss reported by then. What is reported never exceeds what is true, so
each age's process keeps its level under the null about true losses, and no maturity has to be awaited. The ages run
on different clocks (when the process of age 18 takes in a week, those of younger ages have long seen it), so their
mean would not be an e-process; the alarm takes the best of them at alpha / number of ages, which loses little.
Ville's inequality; Waudby-Smith & Ramdas (2020), arXiv 2010.09686.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from experiments.monitors.interface import Validity, Verdict
from experiments.monitors.ratio import Null, RatioMonitor, Terms, as_ages
from experiments.monitors.streams import RatioStream, Stream

__all__ = ["RatioBetting"]


class RatioBetting(RatioMonitor):
    """Alarms once reported losses prove that `limit` x capped denominator is exceeded. Losses need no bound.

    limit: the rate. cap_usd: most a user-week's denominator may count, fixed before the data. ages: weeks after
    accrual at which rows are fed. null: `cohort` or `population`, the latter with totals over `window_weeks`.
    shared_shock: users share luck within a week (or arms were drawn together): one bet a week on the mean.
    rows_per_unit: rows an account may have a week, summed before the bet. group: watch only this group's rows.
    """

    kind: ClassVar[str] = "ratio_betting"
    validity: ClassVar[Validity] = "finite_sample"
    conclusion: ClassVar[Verdict] = "harm"

    def __init__(
        self,
        *,
        limit: float,
        cap_usd: float,
        alpha: float = 0.05,
        ages: Sequence[int] = (2, 4, 8, 18),
        null: Null = "cohort",
        window_weeks: int = 1,
        shared_shock: bool = False,
        rows_per_unit: int = 1,
        group: int | None = None,
        points: int = 24,
    ) -> None:
        rest = (null, window_weeks, shared_shock, rows_per_unit, group, points)
        terms = Terms(limit, cap_usd, limit * cap_usd, 1, alpha, as_ages(ages), *rest)
        super().__init__(terms)

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Losses that are fully known at once."""
        if not isinstance(stream, RatioStream):
            return None
        null: Null = "population" if stream.once else "cohort"
        return cls(
            limit=stream.limit,
            cap_usd=stream.cap_usd,
            alpha=alpha,
            ages=[0],
            null=null,
            window_weeks=stream.window_weeks,
            shared_shock=stream.shared_shock,
        )
