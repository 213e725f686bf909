"""An observation is refused where an agent could not trust it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rage_env.errors import DecisionError
from rage_env.interface import Observation, segment_names


def observation(**change: Any) -> Observation:  # Any: fields of Observation
    held: dict[str, Any] = {
        "week": 3,
        "user_id": np.array([7, 8]),
        "unit": np.array([7, 8]),
        "features": np.zeros((2, 4), np.float32),
        "action_mask": np.ones((2, 3), np.int8),
        "is_new": np.zeros(2, np.bool_),
        "present": np.ones(2, np.bool_),
        "segments": {},
        "status_quo": np.full((2, 3), 1 / 3, np.float32),
        "numerator_to_date": np.zeros(1),
        "denominator_to_date": np.zeros(1),
    }
    return Observation(**{**held, **change})


def test_users_and_arms_are_counted() -> None:
    assert (observation().n, observation().k) == (2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.array([[0, 0, 0, 0], [0, 0, np.nan, 0]], np.float32)}, "feature 2 of user 8 is not finite"),
        ({"action_mask": np.array([[1, 1, 1], [0, 1, 1]], np.int8)}, "user 8 may not be left alone"),
        ({"present": np.ones(3, np.bool_)}, "week 3: present has 3 rows for 2 users"),
        ({"unit": np.ones(1)}, "unit has 1 rows"),
    ],
)
def test_an_observation_that_breaks_a_rule_names_user_and_week(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DecisionError, match=message):
        observation(**change)


def test_segments_are_read_by_their_prefix() -> None:
    assert segment_names({"segment_region": 1, "_segment_region": 1, "unit": 2}) == ("region",)
