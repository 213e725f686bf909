"""cdf_dr: quantiles and tails of what a row brings under the target (Huang, Leqi, Lipton and Azizzadenesheli 2021).

Without parameters the median; `quantile` for another level; `cvar` for the mean of that lowest share (its losses are
what a risk manager asks for). Doubly robust in the distribution function, see Distribution. Atoms, such as the many
zeros of spend, give quantiles without an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._distribution import Distribution
from experiments.estimators._recipe import Recipe
from rage_env.errors import ConfigError


@dataclass(frozen=True)
class DistributionDoublyRobust(Sum):
    """A quantile, or the mean of a lower tail."""

    quantile: float | None = None  # in (0, 1)
    cvar: float | None = None  # in (0, 1): share of rows in the tail
    estimand = "distribution"

    def __post_init__(self) -> None:
        if self.quantile is not None and self.cvar is not None:
            raise ConfigError("estimator cdf_dr: give quantile or cvar, not both; ask twice for both")
        for name, level in (("quantile", self.quantile), ("cvar", self.cvar)):
            if level is not None and not 0 < level < 1:
                raise ConfigError(f"estimator cdf_dr: {name} must lie between 0 and 1, got {level}; 0.5 is the median")

    @property
    def _recipe(self) -> Recipe:
        if self.cvar is not None:
            return Distribution(self.cvar, tail=True)
        return Distribution(0.5 if self.quantile is None else self.quantile)

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """The distribution."""
        return (self._recipe,)

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """One number a row; their mean is the estimate."""
        return (rows.asked(self._recipe),)
