"""What a run keeps to be shown adds up, and says of the truth what the truth says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments import run
from experiments.config import ExperimentConfig
from experiments.exhibits import EXHIBITS, even_weeks, spread
from experiments.exhibits.failures import FATES
from experiments.exhibits.segments import ARCHETYPE
from experiments.results import Results
from experiments.run_book import RunOutcome
from experiments.runner import run_agent
from tests.experiments.conftest import Small

ARMS = ("no_offer", "nudge", "cashback", "bonus_5", "bonus_20", "credit_line")


@pytest.fixture(scope="module")
def config(small: Small) -> ExperimentConfig:
    return small(agents=[{"kind": "no_offer"}, {"kind": "random"}, {"kind": "lagrangian_linucb"}], users=400)


@pytest.fixture(scope="module")
def learner(config: ExperimentConfig) -> RunOutcome:
    return run_agent(config, config.agents[2], seed=1)


def test_every_user_of_a_funnel_is_counted_once(learner: RunOutcome) -> None:
    table = learner.exhibits["funnel"]
    assert list(table["week"]) == list(range(6))
    reasons = table[[c for c in table.columns if c.startswith("reason.")]]
    assert (reasons.sum(axis=1) == table["present"]).all()
    assert (table["assigned"] == 400).all()
    assert (table["present"] >= table["reachable"]).all()
    assert (table["offered"] >= table["redeemed"]).all()
    assert (table["reason.unstated"] == 0).all()


def test_an_agent_without_reasons_is_not_given_any(config: ExperimentConfig) -> None:
    table = run_agent(config, config.agents[1], seed=1).exhibits["funnel"]
    assert (table["reason.unstated"] == table["present"]).all()
    assert (table["by_chance"] == 0).all()


def test_fates_share_out_each_user_once_and_their_dollars_add_up_to_the_gain(learner: RunOutcome) -> None:
    table, weekly = learner.exhibits["failures"], learner.weekly
    np.testing.assert_allclose(table[list(FATES)].sum(axis=1), table["present"], rtol=1e-6)
    assert (table["harm_usd"] <= 0).all()
    assert (table["regret_usd"] >= -1e-6).all()
    week = weekly.set_index("week").loc[0]
    gain = table[table["week"] == 0]["gain_usd"].sum() / 400
    assert gain == pytest.approx(week["expected_value"] - week["step.no_offer"], abs=1e-6)


def test_doing_nothing_harms_nobody_and_misses_all_that_could_be_gained(config: ExperimentConfig) -> None:
    table = run_agent(config, config.agents[0], seed=1).exhibits["failures"]
    assert table[["harmful", "lesser", "gain_usd", "harm_usd", "offered"]].abs().to_numpy().max() == 0
    persuadable = table[table["archetype"] == "persuadable"]
    assert (persuadable["missed"] > 0.5 * persuadable["present"]).all()


def test_segments_add_up_to_the_week(learner: RunOutcome) -> None:
    table, weekly = learner.exhibits["segments"], learner.weekly
    for _, one in table.groupby("segment"):
        by_week = one.groupby("week")[["value_usd", "net_revenue_usd", "present"]].sum()
        np.testing.assert_allclose(by_week["value_usd"] / 400, weekly["value"], atol=1e-6)
        np.testing.assert_allclose(by_week["net_revenue_usd"] / 400, weekly["net_revenue"], atol=1e-6)
        assert list(by_week["present"]) == list(weekly["present"])
    assert ARCHETYPE in set(table["segment"])


def test_people_hold_decisions_beliefs_and_the_truth_of_the_same_week(learner: RunOutcome) -> None:
    table = learner.exhibits["people"]
    assert sorted(table["week"].unique()) == [0, 2, 3, 5]
    probs, value = (table[[f"{what}.{arm}" for arm in ARMS]].to_numpy() for what in ("prob", "value"))
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    drawn = probs[np.arange(len(table)), [ARMS.index(a) for a in table["arm"]]]
    np.testing.assert_allclose(drawn, table["propensity"], atol=1e-6)
    first = table["week"] == 0
    assert (probs * value)[first].sum() / 400 == pytest.approx(learner.weekly["expected_value"][0], rel=1e-4)
    assert (table["believed.no_offer"] == 0).all()
    assert table["believed.bonus_5"].std() > 0


def test_an_agent_that_expects_nothing_shows_no_beliefs(config: ExperimentConfig) -> None:
    exhibits = run_agent(config, config.agents[1], seed=1).exhibits
    for name in ("people", "lives"):
        assert not [c for c in exhibits[name].columns if c.startswith("believed")]


def test_lives_are_whole_and_bring_what_their_owners_brought(learner: RunOutcome) -> None:
    lives = learner.exhibits["lives"]
    assert (lives.groupby("user_id")["week"].apply(list).map(lambda w: w == list(range(6)))).all()
    assert lives["user_id"].nunique() == 200
    total = lives.groupby("user_id")["realised_usd"].sum()
    users = learner.users.set_index("user_id")["value"].loc[total.index]
    np.testing.assert_allclose(total, users, atol=1e-3)


def test_samples_of_users_are_kept_of_the_first_seed_alone(config: ExperimentConfig) -> None:
    assert set(run_agent(config, config.agents[0], seed=1).exhibits) == set(EXHIBITS)
    assert set(run_agent(config, config.agents[0], seed=2).exhibits) == {"funnel", "failures", "segments"}


def test_a_run_without_exhibits_is_done_all_the_same(config: ExperimentConfig, tmp_path: Path) -> None:
    changed = config.model_copy(update={"agents": config.agents[:1], "seeds": (1,)})
    results = Results.open(run(changed, out=tmp_path, track=False, progress=False).path)
    assert all(results.has_exhibit("no_offer", 1, name) for name in EXHIBITS)
    for name in EXHIBITS:
        (results.run_folder("no_offer", 1) / f"{name}.parquet").unlink()
    assert results.is_done("no_offer", 1)
    assert not results.has_exhibit("no_offer", 1, "funnel")
    assert not results.has_exhibit("no_offer", 1, "weekly")


def test_weeks_and_users_are_spread_evenly_from_end_to_end() -> None:
    assert even_weeks(26, 3) == {0, 8, 17, 25}
    assert even_weeks(1, 3) == {0}
    assert list(spread(5, 10)) == [0, 1, 2, 3, 4]
    assert (spread(10_001, 101) == np.arange(0, 10_001, 100)).all()
