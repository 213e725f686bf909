"""mips: marginalised inverse propensity scoring over groups of arms (Saito and Joachims, ICML 2022).

`mean w(g) r` with `w(g) = pi(g|x) / p(g|x)`, the probabilities of any arm of the group g of the arm that was taken.
Unbiased if an arm matters only through its group: then rows of a like arm count too, and weights are smaller. The
group is the paper's embedding, a function of the arm here. groups: one number an arm, `[0, 1, 1, 2]`; needs the log's
`prob_*` columns. Without groups every arm is one, which is ips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._logged_probs import LoggedProbs
from experiments.estimators._recipe import Recipe
from rage_env.errors import ConfigError


@dataclass(frozen=True)
class MarginalisedPropensity(Sum):
    """Mean of the rewards under weights of groups."""

    groups: tuple[int, ...] = ()  # one an arm
    note = "grouped: right only if an arm matters through its group alone"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """What every arm's chance was, where groups merge arms."""
        return (LoggedProbs(),) if self.groups else ()

    def weights(self, rows: Rows) -> Floats:
        """`sum_{a in g} pi / sum_{a in g} p`, g the group of the arm taken."""
        if not self.groups:
            return rows.weight
        k = rows.target.shape[1]
        if len(self.groups) != k:
            raise ConfigError(f"estimator mips: {len(self.groups)} groups given for {k} arms; give one an arm")
        groups = np.array(self.groups)
        alike = groups[rows.arm][:, None] == groups
        wanted = np.where(alike, rows.target, 0.0).sum(axis=1)
        weight: Floats = wanted / np.where(alike, rows.asked(LoggedProbs()), 0.0).sum(axis=1)
        return weight

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`w(g) r`."""
        if not self.groups:
            return (rows.weighted_reward,)
        return (self.weights(rows) * rows.reward,)
