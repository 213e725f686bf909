"""Does what the firm does today: the scenario's own status-quo probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.fixed import FixedAgent
from rage_env.interface import Observation


class StatusQuo(FixedAgent):
    """The observation's status-quo probabilities; what a mask forbids is left alone."""

    name = "status_quo"

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The status quo's own probabilities."""
        return np.asarray(observation.status_quo, dtype=np.float64)
