"""snips: self-normalised inverse propensity scoring, `sum w r / sum w` (Hajek 1971; Swaminathan and Joachims 2015).

Stays within the range of the rewards; its interval comes from the ratio's own influence function.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Ratio, Rows


@dataclass(frozen=True)
class SelfNormalised(Ratio):
    """Importance-weighted mean of the rewards, divided by the weights it really met."""

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`w r` and `w`."""
        return rows.weighted_reward, rows.weight
