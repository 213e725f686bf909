"""What a user is expected to bring from a week on, had the target acted from then on: fitted Q iteration, backwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["ToGo"]


@dataclass(frozen=True)
class ToGo(Recipe):
    """(n, 3): Q of the arm taken, V of the state, and 1 in the user's first row, else 0.

    Le, Voloshin and Yue (2019). Week by week from the last, a model of every arm is fitted to the reward plus the V of
    the user's next row; each fold's whole recursion reads the other folds alone. Features must say all of a user's past
    that matters for the future. Departed users bring what they brought.
    """

    def work(self, log: Whole) -> Floats:
        """Ridge, one line per arm and week."""
        out = np.zeros((len(log.arm), 3))
        design = reward_model.design_of(log.features)
        for others, mine in log.splits():
            out[mine, :2] = _recursion(log, design, others)[mine]
        seen = np.zeros(int(log.user.max()) + 1, np.bool_)
        for rows in log.weeks:
            out[rows, 2] = ~seen[log.user[rows]]
            seen[log.user[rows]] = True
        return out


def _recursion(log: Whole, design: Floats, others: NDArray[np.bool_]) -> Floats:
    """(n, 2) Q of the arm taken and V, of every row, by models of the `others`."""
    out = np.empty((len(log.arm), 2))
    ahead = np.zeros(int(log.user.max()) + 1)  # V of the user's next row
    for rows in reversed(log.weeks):
        who = log.user[rows]
        worth = log.reward[rows] + ahead[who]
        here = others[rows] & ~log.gone[rows]
        q = np.tile(worth[:, None], (1, log.k))
        if here.any():
            model = reward_model.fit(design[rows][here], log.arm[rows][here], worth[here], log.k)
            present = ~log.gone[rows]
            q[present] = model(design[rows][present])
        out[rows, 0] = np.take_along_axis(q, log.arm[rows][:, None], axis=1)[:, 0]
        out[rows, 1] = np.einsum("nk,nk->n", log.target[rows], q)
        ahead[who] = out[rows, 1]
    return out
