"""What `rage run` shows: gains beside broken guardrails, and no figure where there is none."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from experiments.board import show_leaderboard


def board() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "agent": ["greedy", "no_offer"],
            "value": [1.25, 1.0],
            "gain": [0.25, 0.0],
            "gain_lower": [0.125, math.nan],
            "gain_upper": [0.375, math.nan],
            "net_revenue": 1.5,
            "nrpau": 2.0,
            "share_of_oracle": [1.5, math.nan],
            "weeks": 26,
            "weeks_violated": [7, 0],
            "nrpau_disagrees": [True, False],
            "above_oracle": [True, False],
            "gain_too_skewed": [True, False],
            "slack_true_min.loss_rate": [-0.001, 0.002],
            "violated.loss_rate": [7, 0],
            "monitor.alarm": ["harm at week 5 (right)", None],
            "ope_truth": [math.nan, math.nan],
            "ope_refused": ["no overlap: use a floor", ""],
        }
    )


def test_a_gain_is_shown_with_its_interval_and_the_weeks_it_broke_a_guardrail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    show_leaderboard(board())
    shown = capsys.readouterr().out
    (first,) = [line for line in shown.splitlines() if "+0.250" in line]
    for part in ("greedy !", "+0.250 [+0.125, +0.375]", "2.000*", "150%", "7 of 26"):
        assert part in first
    assert "-0.001 (7)" in shown
    assert "harm at week 5 (right)" in shown
    assert "no overlap" in shown
    assert "may be missing: greedy\n" in shown
    assert "nan" not in shown


def test_parts_of_a_leaderboard_that_a_study_lacks_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    lean = board()[["agent", "value", "gain", "gain_lower", "gain_upper", "net_revenue", "nrpau", "weeks_violated"]]
    show_leaderboard(lean)
    shown = capsys.readouterr().out
    assert "greedy" in shown
    for absent in ("slack", "monitors", "off-policy"):
        assert absent not in shown
