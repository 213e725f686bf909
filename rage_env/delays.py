"""How long a delayed amount takes to become known: a lognormal law in days, truncated, read in whole weeks.

The delay belongs to the column and the age of the week, never to whether anything happened.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr

__all__ = ["DelayLaw"]


class DelayLaw(BaseModel):
    """Lognormal with this median and log-sd, truncated at `max_days`; a week is known once its days have passed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    median_days: float = Field(gt=0)
    sigma: float = Field(gt=0)
    max_days: float = Field(gt=0, le=700)

    @model_validator(mode="after")
    def _tail_holds_mass(self) -> Self:
        if self.max_days <= self.median_days / 10:
            raise ValueError("max_days: must exceed a tenth of median_days, or nothing is ever reported")
        return self

    def __eq__(self, other: object) -> bool:
        """By its numbers: what was worked out from them and kept does not count."""
        return isinstance(other, DelayLaw) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers)

    @property
    def _numbers(self) -> tuple[float, float, float]:
        return self.median_days, self.sigma, self.max_days

    def scaled(self, scale: float) -> DelayLaw:
        """The same law with all its days multiplied by `scale`."""
        return DelayLaw(median_days=self.median_days * scale, sigma=self.sigma, max_days=self.max_days * scale)

    @property
    def max_weeks(self) -> int:
        """The longest delay, in weeks."""
        return math.ceil(self.max_days / 7 - 1e-9)

    @cached_property
    def reported_share(self) -> NDArray[np.float64]:
        """(T,) share of a week's amount known when the week is `age` weeks old; 0 at age 0, 1 at the last."""
        days = np.minimum(7.0 * np.arange(self.max_weeks + 1), self.max_days)
        with np.errstate(divide="ignore"):
            z = (np.log(days) - math.log(self.median_days)) / self.sigma
        share: NDArray[np.float64] = ndtr(z) / ndtr(z[-1])
        return share

    def weeks(self, u: NDArray[np.floating]) -> NDArray[np.int32]:
        """(n,) delays in weeks, 1..max_weeks, at uniforms u (n,)."""
        exact, out = u.astype(np.float64), np.zeros(u.shape, np.int32)
        for share in self.reported_share:  # a search jumps at random and takes eight times as long
            out += exact > share
        return out
