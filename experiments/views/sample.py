"""The sampled users of some weeks as arrays: what was decided, believed and true of every arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Sample", "arms_in"]

Floats = NDArray[np.float64]


def arms_in(table: pd.DataFrame) -> tuple[str, ...]:
    """Names of the arms, in order, arm 0 first."""
    return tuple(c.removeprefix("prob.") for c in table.columns if c.startswith("prob."))


@dataclass(frozen=True, eq=False)
class Sample:
    """Present users of a table `people`. All (n, k); value, believed: usd, believed beyond arm 0 or None."""

    arms: tuple[str, ...]
    allowed: NDArray[np.bool_]
    prob: Floats
    value: Floats
    loss: Floats
    cost: Floats
    active: Floats
    gmv: Floats
    believed: Floats | None
    believed_loss: Floats | None

    @classmethod
    def of(cls, people: pd.DataFrame) -> Self:
        """The rows of users who are there."""
        table, arms = people[people["present"]], arms_in(people)

        def by_arm(what: str) -> Floats:
            return np.asarray(table[[f"{what}.{a}" for a in arms]].to_numpy(np.float64))

        def believed(what: str) -> Floats | None:
            return by_arm(what) if f"{what}.{arms[0]}" in table else None

        bits = table["allowed"].to_numpy(np.int64)[:, None] >> np.arange(len(arms)) & 1
        return cls(
            arms=arms,
            allowed=bits == 1,
            prob=by_arm("prob"),
            value=by_arm("value"),
            loss=by_arm("loss"),
            cost=by_arm("cost"),
            active=by_arm("active"),
            gmv=by_arm("gmv"),
            believed=believed("believed"),
            believed_loss=believed("believed_loss"),
        )

    @property
    def n(self) -> int:
        """Users, one a row and week."""
        return len(self.prob)

    @property
    def uplift(self) -> Floats:
        """(n, k) true expected value beyond leaving alone, usd."""
        return self.value - self.value[:, :1]

    def best_offer(self, score: Floats) -> tuple[NDArray[np.intp], Floats]:
        """(n,) the allowed offer of highest score, and that score; -inf where no offer is allowed."""
        offers = np.where(self.allowed[:, 1:], score[:, 1:], -np.inf)
        arm = offers.argmax(axis=1)
        return arm + 1, offers[np.arange(self.n), arm]

    def of_arm(self, amounts: Floats, arm: NDArray[np.intp]) -> Floats:
        """(n,) what stands under each user's arm."""
        return np.asarray(amounts[np.arange(self.n), arm])
