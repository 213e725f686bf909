"""fqe: fitted Q evaluation, the to-go model's own opinion of the target's whole path (Le, Voloshin and Yue 2019).

Mean over users of V in their first week, per user-week of the log. Needs no propensity. Right as far as the features
say what matters and the models fit; nothing corrects them.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._recipe import Recipe
from experiments.estimators._to_go import ToGo


@dataclass(frozen=True)
class FittedQ(Sum):
    """Mean of the to-go model at the users' first rows."""

    needs_propensity = False
    estimand = "path"
    model_only = True
    note = "model only: the interval leaves out the to-go model's error"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """The model."""
        return (ToGo(),)

    def weights(self, rows: Rows) -> Floats:
        """Everybody counts once."""
        return rows.ones

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """V in the user's first row, else 0."""
        _, value, first = rows.asked(ToGo()).T
        return (value * first,)
