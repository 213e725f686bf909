"""A verdict is right, wrong or too close to mark by the truth alone, and figures over seeds are plain counts."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from experiments.ab.over_seeds import over_seeds
from experiments.ab.verdicts import VERDICTS, detectable, mark_of_guardrail, mark_of_value
from experiments.metrics import Mean
from experiments.monitors import MonitorState

NONE = math.nan


@pytest.mark.parametrize(
    ("verdict", "truth", "mark"),
    [
        ("lift", Mean(0.8, 0.1), "right"),
        ("lift", Mean(-0.8, 0.1), "wrong"),
        ("harm", Mean(-0.8, 0.1), "right"),
        ("harm", Mean(0.8, 0.1), "wrong"),
        ("lift", Mean(0.4, 0.1), "too close to mark"),  # below half of what could be detected
        ("lift", Mean(0.0, 0.0), "wrong"),  # not one life differs: any call is a false alarm
        ("continue", Mean(0.0, 0.0), "rightly silent"),
        ("futile", Mean(0.4, 0.1), "rightly silent"),
        ("continue", Mean(0.8, 0.1), "too close to mark"),
        ("continue", Mean(-1.2, 0.1), "missed"),
        ("refused", Mean(1.2, 0.1), "no call"),
    ],
)
def test_a_verdict_on_value_is_marked_by_the_truth_beside_what_could_be_detected(
    verdict: str, truth: Mean, mark: str
) -> None:
    assert mark_of_value(verdict, truth, effect=1.0) == mark


@pytest.mark.parametrize(
    ("verdict", "week", "first", "mark"),
    [
        ("harm", 5, 3.0, "right"),
        ("harm", 5, 5.0, "right"),
        ("harm", 5, 6.0, "wrong"),
        ("harm", 5, NONE, "wrong"),
        ("certified", 5, NONE, "right"),
        ("certified", 5, 3.0, "wrong"),
        ("continue", 9, 3.0, "missed"),
        ("continue", 9, NONE, "rightly silent"),
        ("refused", 9, 3.0, "no call"),
    ],
)
def test_a_verdict_on_a_guardrail_is_marked_by_the_first_week_that_truly_broke_it(
    verdict: str, week: int, first: float, mark: str
) -> None:
    assert mark_of_guardrail(verdict, week, first) == mark


def test_a_certificate_that_is_never_given_is_missed_only_by_the_safe() -> None:
    assert mark_of_guardrail("continue", 9, 3.0, certificate=True) == "rightly silent"
    assert mark_of_guardrail("continue", 9, NONE, certificate=True) == "missed"
    assert mark_of_guardrail("certified", 9, NONE, certificate=True) == "right"
    assert mark_of_guardrail("certified", 9, 3.0, certificate=True) == "wrong"


def test_what_a_monitor_could_detect_follows_from_its_own_standard_error() -> None:
    state = MonitorState(0.3, 0.1, 0.5, NONE, NONE, "continue", "asymptotic", "H0", z=3.0)
    assert detectable(state, 0.05) == pytest.approx(0.1 * (1.959964 + 0.841621), abs=1e-6)
    assert math.isnan(detectable(MonitorState(0.3, 0, 1, 1, 1, "continue", "finite_sample", "H0"), 0.05))


def test_figures_over_seeds_are_counts_of_seeds() -> None:
    told = [
        ("harm", 4, "right", 2.0),
        ("harm", 6, "right", 4.0),
        ("harm", 1, "wrong", NONE),
        ("continue", NONE, "missed", NONE),
    ]
    base: dict[str, object] = dict.fromkeys(VERDICTS, 0.0)
    rows = [
        base
        | {
            "agent": "a",
            "seed": i,
            "monitor": "m",
            "metric": "value",
            "aim": "value",
            "validity": "asymptotic",
            "stopped": i == 0,
        }
        | {"verdict": v, "week": w, "mark": m, "delay_weeks": d, "lost_before_usd": 10.0 * i}
        for i, (v, w, m, d) in enumerate(told)
    ]
    (found,) = over_seeds(pd.DataFrame(rows)).to_dict("records")
    assert (found["seeds"], found["harm"], found["stopped"]) == (4, 0.75, 0.25)
    assert (found["false_alarms"], found["caught"]) == (0.25, pytest.approx(2 / 3))
    assert found["false_alarms_se"] == pytest.approx(math.sqrt(0.25 * 0.75 / 4))
    assert (found["weeks"], found["delay_weeks"], found["lost_before_usd"]) == (5.0, 3.0, 15.0)
    assert (found["right"], found["wrong"], found["missed"]) == (2, 1, 1)
