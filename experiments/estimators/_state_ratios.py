"""How much more often the target would have met a state in a week than the log did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments import reward_model
from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["StateRatios"]


@dataclass(frozen=True)
class StateRatios(Recipe):
    """(n,) ratio of the state's density under the target to that in the log, in the row's week.

    `ratio_t(s) = E[ratio_{t-1} w_{t-1} | s_t = s]` (Xie, Ma and Wang 2019): a regression on the week's features,
    forward in time, each fold's by the other folds alone; cut at 0 and scaled to a mean of 1 in every week. Features
    must say all of a user's past that matters.
    """

    def work(self, log: Whole) -> Floats:
        """Ridge of all users together, with one more column for those who have left."""
        design = reward_model.design_of(np.column_stack([log.features, log.gone]))
        ratio = np.ones(len(log.arm))
        for others, mine in log.splits():
            carried = np.ones(int(log.user.max()) + 1)  # ratio times weight of the user's last row
            moved = False
            for rows in log.weeks:
                who = log.user[rows]
                found = carried[who]
                if moved:
                    on = others[rows]
                    one = np.zeros(int(on.sum()), np.int64)
                    model = reward_model.fit(design[rows][on], one, found[on], 1)
                    found = np.maximum(model(design[rows])[:, 0], 0.0)
                    found /= float(found[on].mean()) or 1.0
                ratio[rows[mine[rows]]] = found[mine[rows]]
                carried[who] = found * log.weight[rows]
                moved = True
        return ratio
