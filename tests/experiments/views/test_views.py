"""Pages show what the folder holds: each table beside a number worked out another way."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.exhibits import EXHIBITS
from experiments.results import Results
from experiments.stored_experiment import config_of
from experiments.views import (
    budget,
    cards,
    curves,
    decisions,
    guardrails,
    lives,
    logged,
    models,
    monitors,
    offline,
    portfolio,
    queue,
    standing,
    targeting,
)
from experiments.views.sample import Sample
from experiments.views.view import View, of_runs, sampled
from rage_env.errors import LogError

LEARNER = "lagrangian_linucb"


@pytest.fixture(scope="module")
def weekly(shown_study: Results) -> pd.DataFrame:
    return shown_study.all_weekly()


@pytest.fixture(scope="module")
def people(shown_study: Results) -> pd.DataFrame:
    return sampled(shown_study, "people", LEARNER).table


@pytest.fixture(scope="module")
def lived(shown_study: Results) -> pd.DataFrame:
    return sampled(shown_study, "lives", LEARNER).table


@pytest.fixture
def bare(shown_study: Results, tmp_path: Path) -> Results:
    """The same study as an older version would have left it, without exhibits."""
    shutil.copytree(shown_study.path, tmp_path / "old")
    for name in EXHIBITS:
        for file in (tmp_path / "old").rglob(f"{name}.parquet"):
            file.unlink()
    return Results.open(tmp_path / "old")


def test_gains_end_where_the_leaderboard_says(shown_study: Results, weekly: pd.DataFrame) -> None:
    view = curves.gains(shown_study, weekly)
    board = shown_study.table("leaderboard").set_index("agent")
    last = view.table[view.table["week"] == 4].set_index("agent")["total"]
    for agent in ("credit", LEARNER):
        assert last[agent] / 5 == pytest.approx(board["gain"][agent], abs=1e-6)
    assert (view.table["low"] <= view.table["high"]).all()


def test_slack_and_gauges_are_about_the_same_weeks(shown_study: Results, weekly: pd.DataFrame) -> None:
    slack = guardrails.slack(shown_study, weekly).table
    assert set(slack["guardrail"]) == {g.name for g in guardrails.world_of(shown_study).guardrails}
    gauges = guardrails.gauges(shown_study, weekly, "credit").table.set_index("guardrail")
    late = slack[(slack["agent"] == "credit") & (slack["guardrail"] == "loss_rate") & (slack["week"] >= 1)]
    assert gauges["slack"]["loss_rate"] == pytest.approx(late["true"].mean())
    assert gauges["usage"]["loss_rate"] == pytest.approx(0.0025 - late["true"].mean())
    assert gauges["used"]["loss_rate"] > 1
    assert gauges["weeks_broken"]["loss_rate"] > 0
    assert math.isnan(gauges["used"]["abuse_vs_status_quo"])


def test_the_frontier_holds_those_that_nobody_beats(shown_study: Results) -> None:
    table = standing.frontier(shown_study).table
    for line in table.to_dict("records"):
        beaten = ((table["gain"] >= line["gain"]) & (table["broken"] <= line["broken"])
                  & ((table["gain"] > line["gain"]) | (table["broken"] < line["broken"]))).any()  # fmt: skip
        assert line["on_frontier"] == (not beaten)


def test_the_funnel_narrows_and_failures_are_shares(shown_study: Results) -> None:
    funnel = decisions.funnel(shown_study).table
    stages = funnel[funnel["kind"] == "stage"].pivot(index="agent", columns="step", values="share")
    assert (np.diff(stages[list(decisions.STAGES)].to_numpy(), axis=1) <= 1e-12).all()
    failures = decisions.failures(shown_study).table
    np.testing.assert_allclose(failures[["right", "harmful", "missed", "lesser"]].sum(axis=1), 1, rtol=1e-6)


def test_no_order_gains_more_than_the_true_one_and_all_end_where_everybody_is_targeted(shown_study: Results) -> None:
    table = targeting.curves(shown_study, LEARNER).table
    wide = table.pivot(index="share", columns="order", values="gain")
    assert (wide.drop(columns="uplift (true)").le(wide["uplift (true)"] + 1e-12, axis=0)).all(axis=None)
    assert (wide.loc[0.0] == 0).all()
    areas = targeting.qini(table).set_index("order")
    assert areas["of_best"]["uplift (true)"] == 1.0
    assert areas["of_best"]["believed uplift"] < 1


def test_equal_scores_gain_what_a_random_order_of_them_would() -> None:
    sample = _sample(uplift=[4.0, 0.0, 0.0, 0.0], score=[1.0] * 4)
    curve = targeting._cumulative(sample, sample.prob, np.array([0.25, 0.5, 1.0]))
    np.testing.assert_allclose(curve, [0.25, 0.5, 1.0])


def test_the_spread_of_uplift_counts_every_user_once(shown_study: Results) -> None:
    assert targeting.spread_of_uplift(shown_study, LEARNER).table["share"].sum() == pytest.approx(1, abs=1e-6)


def test_beliefs_are_judged_where_there_are_any(shown_study: Results) -> None:
    bands = models.calibration(shown_study, LEARNER).table
    assert set(bands["model"]) == {"uplift", "risk"}
    assert (bands[bands["model"] == "uplift"]["predicted"].diff().dropna() >= 0).all()
    assert "choose a learner" in models.calibration(shown_study, "credit").missing
    assert models.fit_by_week(shown_study, LEARNER).table["risk"].between(-1, 1).all()
    drivers = models.drivers(shown_study, LEARNER).table
    assert drivers["own"].abs().dropna().is_monotonic_decreasing


def test_drift_is_zero_against_itself_and_seen_when_a_feature_moves() -> None:
    rng = np.random.default_rng(1)
    still = pd.Series(rng.normal(size=2_000))
    assert models._psi(still, still) == 0
    assert models._psi(still, pd.Series(rng.normal(size=2_000))) < 0.05  # luck exceeds this less than once in 1e6
    assert models._psi(still, still + 1) > 0.25


def test_a_budget_is_kept_and_more_of_it_never_gains_less(people: pd.DataFrame) -> None:
    sample = Sample.of(people[people["week"] == 0])
    table = budget.budgets(sample, [0.001, 0.01, 0.05], "truth").table
    assert (table["spent"] <= table["budget"] + 1e-9).all()
    wide = table.pivot(index="budget", columns="method", values="gain")
    assert (wide["uplift"].diff().dropna() >= -1e-12).all()
    assert (wide["uplift"] >= wide["random"]).all()
    assert (wide["uplift"] >= wide["propensity"]).all()


def test_the_price_of_a_budget_is_what_the_next_dollar_gains(people: pd.DataFrame) -> None:
    sample = Sample.of(people[people["week"] == 0])
    at, step = 0.01, 1e-5
    here, more = (budget.buy(sample, at + s, "truth") for s in (0.0, step))
    less = budget.buy(sample, at - step, "truth")
    assert (more.gain - here.gain) / step - 1e-6 <= here.price <= (here.gain - less.gain) / step + 1e-6


def test_a_limit_on_losses_costs_gain_and_is_kept(people: pd.DataFrame) -> None:
    sample = Sample.of(people[people["week"] == 0])
    free, held = (budget.buy(sample, 1.0, "truth", limit) for limit in (None, 0.0025))
    assert held.gain < free.gain


def test_plans_by_belief_are_judged_by_the_truth(people: pd.DataFrame) -> None:
    sample = Sample.of(people[people["week"] == 4])
    by_truth, by_belief = (budget.buy(sample, 0.02, basis).gain for basis in ("truth", "beliefs"))
    assert by_belief < by_truth


def test_the_queue_puts_the_largest_expected_impact_first_and_lets_the_contacted_wait(lived: pd.DataFrame) -> None:
    table = queue.queue(lived, 4).table
    ready = table[table["status"] == "ready"]
    assert ready["impact"].is_monotonic_decreasing
    assert (table["impact"] > 0).all()
    assert (table[table["status"] == "cooling down"]["since_contact"] < queue.COOL_DOWN_WEEKS).all()
    assert set(table["priority"]) == {"P1", "P2", "P3"}
    everyone = queue.queue(lived, 4, cool_down_weeks=0).table
    assert (everyone["status"] == "ready").all()


def test_age_counts_weeks_in_a_row_without_the_offer_that_would_gain() -> None:
    rows = [("no_offer", 1.0), ("offer", 1.0), ("no_offer", 1.0), ("no_offer", 2.0)]
    life = pd.DataFrame(
        {"week": range(4), "user_id": 7, "present": True, "reason": "x", "archetype": "a", "allowed": 3}
    )
    life = life.assign(arm=[a for a, _ in rows], **{"value.no_offer": 0.0, "value.offer": [v for _, v in rows]})
    life = life.assign(**{"prob.no_offer": 0.5, "prob.offer": 0.5})
    (line,) = queue.queue(life, 3).table.to_dict("records")
    assert (line["age"], line["since_contact"], line["impact"], line["status"]) == (2, 2, 2.0, "ready")
    (before,) = queue.queue(life, 2).table.to_dict("records")
    assert (before["age"], before["since_contact"], before["status"]) == (1, 1, "cooling down")


def test_actions_are_appended_and_never_changed(tmp_path: Path) -> None:
    assert "Nothing was decided" in queue.audit(tmp_path).missing
    first = queue.record(tmp_path, "approve", {"user_id": 1}, "ann").read_text()
    assert queue.record(tmp_path, "snooze", {"user_id": 2}, "bob", "on leave").read_text().startswith(first)
    assert list(queue.audit(tmp_path).table["user_id"]) == [2, 1]
    with pytest.raises(LogError, match="'delete' is no action; give one of approve, snooze, reject"):
        queue.record(tmp_path, "delete", {}, "ann")
    (tmp_path / queue.AUDIT).write_text("{broken\n")
    with pytest.raises(LogError, match="line 1: is no JSON object"):
        queue.audit(tmp_path)


def test_a_life_shows_each_arm_each_week_and_which_was_taken(shown_study: Results, lived: pd.DataFrame) -> None:
    user = int(lives.users_kept(lived)["user_id"][0])
    life = lives.weeks_of(shown_study, LEARNER, user).table
    assert list(life["week"]) == list(range(5))
    table = lives.counterfactual(life)
    assert (table.groupby("week")["taken"].sum() == 1).all()
    assert (table[table["arm"] == "no_offer"]["uplift"] == 0).all()
    np.testing.assert_allclose(lives.propensities(life).groupby("week")["probability"].sum(), 1, atol=1e-5)
    assert "not among those" in lives.weeks_of(shown_study, LEARNER, -1).missing


def test_a_logged_life_is_the_one_that_was_kept_in_full(
    shown_study: Results, lived: pd.DataFrame, bare: Results
) -> None:
    user = int(lived["user_id"].iloc[3])
    kept = lives.weeks_of(shown_study, LEARNER, user).table
    read = logged.life(shown_study, LEARNER, user).table
    assert list(read["arm"]) == list(kept["arm"])
    np.testing.assert_array_equal(read["gmv"], kept["gmv"])
    np.testing.assert_allclose(
        lives.propensities(read)["probability"], lives.propensities(kept)["probability"], atol=1e-7
    )
    assert "No user 999999" in logged.life(shown_study, LEARNER, 999_999).missing
    shutil.rmtree(bare.run_folder(LEARNER, 1) / "log")
    assert "keep_logs=true" in logged.life(bare, LEARNER, user).missing


def test_an_agent_has_a_safe_share_or_it_is_said_why_none_has(shown_study: Results) -> None:
    view = standing.safe_share(shown_study)
    board = shown_study.table("leaderboard")
    assert view.here == bool(board["safe_share"].notna().any())
    assert view.here or "No agent has one" in view.missing


def test_the_portfolio_adds_up(shown_study: Results, weekly: pd.DataFrame) -> None:
    table = portfolio.segments(shown_study, LEARNER).table
    board = shown_study.table("leaderboard").set_index("agent")["value"]
    for _, one in table.groupby("segment"):
        assert (one["value"] * one["users"]).sum() / 300 == pytest.approx(board[LEARNER], abs=1e-6)
    curve = portfolio.concentration(shown_study, LEARNER).table
    assert curve["value"].iloc[-1] == pytest.approx(1)
    assert portfolio.gini(curve) > 0
    retained = portfolio.retained_by_segment(shown_study, LEARNER, "archetype (true)").table
    assert (retained[retained["week"] == 0]["present"] == 1).all()
    assert (curves.retention(shown_study, weekly).table["present"] <= 1).all()


def test_estimates_and_verdicts_stand_beside_the_truth(shown_study: Results) -> None:
    table = offline.against_truth(shown_study).table
    np.testing.assert_allclose(table["value"] - table["truth"], table["error"])
    assert offline.by_estimator(table)["covered"].between(0, 1).all()
    assert set(monitors.verdicts(shown_study).table.columns) >= {"agent", "seed", "monitor", "verdict", "mark"}
    paths = monitors.paths(shown_study).table
    assert (paths.groupby(["agent", "seed", "monitor"])["stopped"].sum() <= 1).all()


def test_cards_name_parameters_guardrails_and_origin(shown_study: Results) -> None:
    found = dict(cards.model_cards(shown_study, shown_study.table("leaderboard"))["credit"])
    assert found["Parameters"] == '{"arm": "credit_line"}'
    assert "loss_rate <= 0.0025" in found["Guardrails it was given"]
    assert "assumed" in dict(cards.data_card(shown_study))["Origin"]


MISSING: list[Callable[[Results], View]] = [
    decisions.funnel,
    decisions.failures,
    lambda r: targeting.curves(r, LEARNER),
    lambda r: models.calibration(r, LEARNER),
    lambda r: models.drift(r, LEARNER),
    lambda r: portfolio.segments(r, LEARNER),
    lambda r: lives.weeks_of(r, LEARNER, 0),
]


@pytest.mark.parametrize("ask", MISSING)
def test_what_an_older_study_did_not_keep_is_said_with_what_to_run(
    bare: Results, ask: Callable[[Results], View]
) -> None:
    view = ask(bare)
    assert not view.here
    assert "`rage run small`" in view.missing


def test_an_unfinished_study_says_how_far_it_is(bare: Results) -> None:
    (bare.path / "leaderboard.parquet").unlink()
    (bare.run_folder("credit", 2) / "summary.json").unlink()
    assert "5 of 6 runs are done" in of_runs(bare, "leaderboard").missing


def test_an_experiment_that_this_version_cannot_read_is_named(bare: Results) -> None:
    (bare.path / "config.json").write_text(json.dumps({**bare.config, "unheard_of": 1}))
    with pytest.raises(LogError, match=r"config\.json: is no experiment of this version"):
        config_of(bare)


def _sample(uplift: list[float], score: list[float]) -> Sample:
    n = len(uplift)
    value, zero = np.column_stack([np.zeros(n), uplift]), np.zeros((n, 2))
    prob = np.column_stack([np.zeros(n), score])
    return Sample(("no_offer", "offer"), np.ones((n, 2), bool), prob, value, zero, zero, zero, zero, None, None)
