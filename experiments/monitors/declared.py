"""What is to be compared in a closed cohort, declared before any data come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.adjustment import Comparison, compared
from experiments.monitors.rules import positive, whole
from experiments.monitors.streams import MeanStream
from rage_env.errors import ConfigError

__all__ = ["KPI", "Declared", "Mode", "Outcome"]

Floats = NDArray[np.float64]
Mode = Literal["paired", "groups"]
Outcome = Literal["mean", "ratio"]
KPI: dict[Outcome, str] = {
    "mean": "mean value per assigned user-week",
    "ratio": "total value as a share of the total denominator",
}
"""What is compared, in words."""


@dataclass(eq=False)
class Declared:
    """Whose values are compared, and how.

    `paired`: values are differences to the paired life under control, all rows count. `groups`: rows of the
    `treatment` and `control` groups are compared, others are left out. cap: most a row's mean per week may count,
    declared before the first batch. adjust: for the covariate of the first batch. outcome: `mean` per row, or `ratio`
    of summed values to summed denominators. rows_per_unit: rows that an account may have; they are summed, and the
    account is what varies.
    """

    mode: Mode = "paired"
    treatment: int = 1
    control: int = 0
    cap: float | None = None
    adjust: bool = False
    outcome: Outcome = "mean"
    rows_per_unit: int = 1

    def __post_init__(self) -> None:
        for name, known in (("mode", Mode), ("outcome", Outcome)):
            if getattr(self, name) not in get_args(known):
                raise ConfigError(f"{name}: must be one of {', '.join(get_args(known))}, got {getattr(self, name)!r}")
        if self.mode == "groups" and self.treatment == self.control:
            raise ConfigError(f"treatment: must differ from control, both are group {self.control}")
        if self.adjust and self.mode == "paired":
            raise ConfigError("adjust: a paired difference has no covariate left to adjust for; use mode groups")
        if self.cap is not None:
            positive("cap", self.cap)
        whole("rows_per_unit", self.rows_per_unit, 1)

    @property
    def what(self) -> str:
        """What is compared, in words."""
        groups = f"group {self.treatment} minus group {self.control}"
        return f"{'paired difference to control' if self.mode == 'paired' else groups} in {KPI[self.outcome]}"

    @property
    def told(self) -> tuple[Mode, int, int, float | None, bool, Outcome, int]:
        """What was declared before the data."""
        return self.mode, self.treatment, self.control, self.cap, self.adjust, self.outcome, self.rows_per_unit

    def means_of(self, stream: MeanStream) -> tuple[Floats, Comparison]:
        """(reps, weeks, m) capped means of the units compared, and how they are compared."""
        weekly, arms, covariate = stream.value, None, stream.covariate
        if stream.group is not None and self.mode == "groups":
            mine = (stream.group == self.treatment) | (stream.group == self.control)
            weekly, arms = weekly[..., mine], stream.group[mine] == self.treatment
            covariate = None if covariate is None else covariate[..., mine]
        means = np.cumsum(weekly, axis=1) / np.arange(1, weekly.shape[1] + 1)[:, None]
        means = means if self.cap is None else np.clip(means, -self.cap, self.cap)
        known = None if covariate is None or not self.adjust else covariate[:, None]
        return means, compared(means.shape[-1], arms, known)
