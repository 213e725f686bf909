"""Verdicts are marked by the truth, and marks can be wrong."""

from __future__ import annotations

import pytest

from experiments.metrics import Mean
from experiments.watch import marked_gain


@pytest.mark.parametrize(
    ("verdict", "gain", "mark"),
    [
        ("lift", Mean(1.0, 0.1), "right"),
        ("lift", Mean(-1.0, 0.1), "wrong"),
        ("harm", Mean(-1.0, 0.1), "right"),
        ("harm", Mean(1.0, 0.1), "wrong"),
        ("lift", Mean(0.1, 0.1), "too close to mark"),
        (None, Mean(1.0, 0.1), "no call"),
    ],
)
def test_a_kpi_verdict_is_marked_by_the_sign_of_the_settled_gain(verdict: str | None, gain: Mean, mark: str) -> None:
    assert marked_gain(verdict, gain) == mark
