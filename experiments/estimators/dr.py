"""dr: doubly robust, `dm + mean w (r - q)` (Robins and Rotnitzky 1995; Dudik, Langford and Li 2011).

Right when either the propensities or the reward model are; here the propensities are known, so the model only
takes variance away.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum


@dataclass(frozen=True)
class DoublyRobust(Sum):
    """The direct method, corrected by the weighted residuals."""

    needs_q = True

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`sum_a pi q` and `w (r - q)`."""
        return rows.model_value, rows.weighted_residual
