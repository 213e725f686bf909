"""dm: the direct method, the reward model's own opinion of the target: `mean_x sum_a pi(a|x) q(x, a)`.

Needs no propensity, so it also answers on deterministic logs. Its interval covers who happened to be in the log
but not the error of the model. Named and set beside its rivals by Dudik, Langford & Li (2011), arXiv 1103.4601.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum


@dataclass(frozen=True)
class DirectMethod(Sum):
    """Mean of the reward model under the target."""

    needs_propensity = False
    needs_q = True
    note = "model only: the interval leaves out the reward model's error"

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`sum_a pi q`."""
        return (rows.model_value,)

    def weights(self, rows: Rows) -> Floats:
        """Everybody counts once."""
        return rows.ones
