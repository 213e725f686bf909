"""Leaves everybody alone: the floor that every agent is measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.fixed import FixedAgent
from rage_env.interface import NO_OFFER, Observation


class NoOffer(FixedAgent):
    """Arm 0 for all, always."""

    name = "no_offer"

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """All weight on arm 0."""
        weights = np.zeros((observation.n, observation.k))
        weights[:, NO_OFFER] = 1.0
        return weights
