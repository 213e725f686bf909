"""Effects of arms from a log: one learner a module, T-, X- and doubly robust, found by name."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import SMALL, Growth
from agents.uplift.effects import Effects
from agents.uplift.trial import Trial

__all__ = ["Effects", "LearnerName", "Trial", "fit_effects"]

LearnerName = Literal["t", "x", "dr"]


def fit_effects(
    trial: Trial,
    k: int,
    *,
    learner: LearnerName = "dr",
    offset: NDArray[np.float64] | None = None,
    seed: int = 0,
    growth: Growth = SMALL,
    pairs: int = 1,
) -> Effects:
    """Effects of arms 1..k-1 against arm 0, beyond `offset` (rows, k - 1) where effects are already believed.

    pairs: of complementary halves of the users that they are grown on.
    """
    known = np.zeros((len(trial.arm), k - 1)) if offset is None else offset
    module = importlib.import_module(f"agents.uplift.{learner}")
    effects = module.fit(trial, k, known, replace(growth, seed=seed), pairs=pairs)
    assert isinstance(effects, Effects)
    return effects
