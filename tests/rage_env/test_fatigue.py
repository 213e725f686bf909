"""Contacts tire slowly: what an extra load costs in the long run is about three times what its first month shows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv

NUDGE = 1  # whose own effect on lost causes is 0, so that all it changes in them is their load


def cost_of_load(memory: float, weeks: tuple[int, ...]) -> list[float]:
    """Activity that lost causes lose, when left alone for a week after so many weeks of nudges."""
    chances: dict[int, list[NDArray[np.float64]]] = {week: [] for week in weeks}
    here = np.ones(20_000, np.bool_)
    for arm in (0, NUDGE):
        env = CohortEnv(20_000, weeks=60, scenario={"mechanisms": {"response": {"memory": memory}}})
        env.reset(seed=11)
        for week in range(max(weeks) + 1):
            if week in chances:
                chances[week].append(env.truth.mean_outcomes()["active"][:, 0])
            env.step(np.full(env.num_envs, arm))
        here &= env.lives.alive & np.asarray(env.truth.archetypes == "lost_cause")
    return [float((a - b)[here].mean()) for a, b in chances.values()]


def test_a_year_of_extra_load_costs_about_three_times_what_its_first_month_shows() -> None:
    month, year = cost_of_load(0.9, (4, 52))
    assert month > 0
    assert 2.0 <= year / month <= 4.0


def test_fatigue_that_is_over_at_once_would_be_seen() -> None:
    month, year = cost_of_load(0.3, (4, 52))
    assert year / month == pytest.approx(1.0, abs=0.5)
