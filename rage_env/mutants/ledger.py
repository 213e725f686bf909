"""Books that are kept wrongly: a sign, a mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.randomness import Noise
from rage_env.state import Lives, Traits
from rage_env.week import START, Columns, When
from rage_env.world import World

__all__ = ["CapAfterMean", "CreditRepaid"]


class _CreditRepaidWorld(World):
    def live(
        self,
        traits: Traits,
        lives: Lives,
        arm: NDArray[np.intp],
        luck: Noise,
        *,
        when: When = START,
        may_leave: bool = True,
    ) -> tuple[Columns, Lives]:
        now, after = super().live(traits, lives, arm, luck, when=when, may_leave=may_leave)
        return {**now, **{c: -now[c] for c in ("loss_credit",) if c in now}}, after


class CreditRepaid(CohortEnv):
    """Credit losses are booked with the wrong sign."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _CreditRepaidWorld(self.scenario)


class _CapAfterMeanWorld(World):
    def means(self, traits: Traits, lives: Lives, arm: NDArray[np.intp], *, when: When = START) -> Columns:
        out = super().means(traits, lives, arm, when=when)
        fraud = self.scenario.used["fraud"]
        mean = fraud.amount_median_usd * np.exp(0.5 * fraud.amount_log_sd**2)
        return {**out, "loss_fraud": out["fraud_reports"] * min(mean, fraud.max_loss_usd)}


class CapAfterMean(CohortEnv):
    """The conditional mean of fraud caps the mean where the draw caps the amount."""

    needs = ("fraud",)

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _CapAfterMeanWorld(self.scenario)
