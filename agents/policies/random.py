"""Draws uniformly among the allowed arms: what treating without thought costs, and a log rich in contrast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.fixed import FixedAgent
from rage_env.interface import Observation


class Random(FixedAgent):
    """Every allowed arm with the same probability; guardrails are ignored."""

    name = "random"

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The same weight on every allowed arm."""
        return np.asarray(observation.action_mask, dtype=np.float64)
