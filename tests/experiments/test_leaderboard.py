"""One row an agent, with a flag wherever a number would mislead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from experiments.leaderboard import leaderboard, share_of_oracle


def summary(**changes: Any) -> dict[str, Any]:  # Any: a run's summary is plain JSON of several depths
    """A run's summary as it is written, with some figures changed."""
    slack = {f"slack_{k}_{s}": 0.1 for k in ("true", "reported", "realised") for s in ("min", "mean")}
    base: dict[str, Any] = {
        "value": 2.0,
        "net_revenue": 2.5,
        "weeks": 10,
        "users": 1000,
        "gain": {"value": 0.4, "stderr": 0.1},
        "gain_skewness": -1.0,
        "net_revenue_gain": {"value": 0.3, "stderr": 0.1},
        "nrpau": {"value": 5.0, "stderr": 0.2},
        "nrpau_no_offer": 4.0,
        "oracle": {"agent": 12.0, "no_offer": 10.0, "oracle_observable": 14.0, "oracle_latent": 15.0},
        "weeks_violated": 1,
        "guardrails": {"loss": {**slack, "violated": 1, "unavoidable": 0}},
        "ope": {n: estimate(0.2, 0.1) for n in ("naive", "dr")},
        "monitors": {"kpi": {"verdict": "lift at week 3", "mark": "right"}},
    }
    return base | changes


def estimate(error: float | None, stderr: float | None) -> dict[str, Any]:
    value = None if error is None else 1 + error
    return {"value": value, "stderr": stderr, "error": error, "step_truth": 1.0, "reason": "" if value else "no chance"}


def row(*runs: Mapping[str, Any]) -> dict[str, Any]:
    return dict(leaderboard({"it": runs}).iloc[0])


def test_the_best_value_stands_on_top() -> None:
    board = leaderboard({"a": [summary(value=1.0)], "b": [summary(value=3.0)], "c": []})
    assert board["agent"].tolist() == ["b", "a"]


def test_gains_are_averaged_over_seeds_and_their_intervals_are_about_these_seeds() -> None:
    it = row(summary(), summary(gain={"value": 0.8, "stderr": 0.1}))
    assert it["gain"] == pytest.approx(0.6)
    assert it["gain_upper"] - it["gain"] == pytest.approx(1.96 * math.sqrt(0.02) / 2, abs=1e-3)
    assert math.isnan(it["gain_seeds_lower"])
    five = row(*(summary(gain={"value": 0.1 * i, "stderr": 0.1}) for i in range(5)))
    assert five["gain_seeds_lower"] < five["gain"] < five["gain_seeds_upper"]


def test_an_interval_that_rare_losses_make_too_narrow_is_flagged_until_there_are_users_enough() -> None:
    """Skewness 2 needs 1,420 users: one seed of 1,000 is too few, two seeds are enough."""
    assert row(summary(gain_skewness=-2.0))["gain_too_skewed"]
    assert not row(summary(gain_skewness=-2.0), summary(gain_skewness=-2.0))["gain_too_skewed"]
    assert not row(summary())["gain_too_skewed"]


def test_nrpau_that_moves_against_the_gain_is_flagged() -> None:
    assert not row(summary())["nrpau_disagrees"]
    assert row(summary(nrpau={"value": 3.0, "stderr": 0.2}))["nrpau_disagrees"]


def test_a_value_beyond_what_the_limits_allow_is_flagged() -> None:
    oracle = {"agent": 15.1, "no_offer": 10.0, "oracle_observable": 14.0, "oracle_latent": 15.0}
    assert not row(summary())["above_oracle"]
    assert row(summary(oracle=oracle))["above_oracle"]


def test_the_share_of_the_oracle_is_one_ratio_of_sums_and_blank_where_the_oracle_may_gain_nothing() -> None:
    def run(agent: float, best: float) -> dict[str, Any]:
        held = {"agent": agent, "no_offer": 0.0, "oracle_observable": best, "oracle_latent": 9.0}
        return summary(oracle=held)

    assert share_of_oracle([run(1.0, 4.0), run(2.0, 4.4), run(2.0, 4.2)]) == pytest.approx(5 / 12.6)
    assert math.isnan(share_of_oracle([run(1.0, 4.0), run(2.0, -3.0), run(2.0, 4.0)]))
    assert math.isnan(share_of_oracle([run(1.0, 0.0)]))


def test_the_least_slack_is_the_least_of_any_seed_and_weeks_are_counted_over_all() -> None:
    low = summary()
    low["guardrails"]["loss"] |= {"slack_true_min": -0.3, "violated": 4}
    it = row(summary(), low)
    assert (it["slack_true_min.loss"], it["violated.loss"], it["weeks"], it["weeks_violated"]) == (-0.3, 5, 20, 2)


def test_an_estimate_that_was_refused_leaves_its_reason_and_no_number() -> None:
    refused = summary(ope={n: estimate(None, None) for n in ("naive", "dr")})
    it = row(refused)
    assert math.isnan(it["ope_error.dr"])
    assert it["ope_refused"] == "no chance"
    both = row(summary(), refused)
    assert (both["ope_error.dr"], both["ope_z.dr"]) == (pytest.approx(0.2), pytest.approx(2.0))


def test_monitor_verdicts_stand_seed_by_seed_with_their_marks() -> None:
    other = summary(monitors={"kpi": {"verdict": "continue", "mark": "no call"}})
    assert row(summary(), other)["monitor.kpi"] == "lift at week 3 (right); continue (no call)"
