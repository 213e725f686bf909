"""Studies of the null worlds find no winner and hear no alarm; the same studies of fintech do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments.config import ExperimentConfig
from experiments.facts.panel import Bools
from experiments.reward_model import cross_fit
from experiments.study import StudyResult
from rage_env.cohort import CohortEnv

Small = Callable[..., ExperimentConfig]
AGENTS = ["no_offer", "random", "uplift_greedy", "lagrangian_linucb", "oracle_latent"]
RECKLESS = {"kind": "blanket", "name": "reckless", "arm": "credit_line"}


def studied(small: Small, world: str, out: Path, **changes: object) -> StudyResult:
    few = {"users": 400, "weeks": 4, "monitors": [], "oracle": {"every_weeks": 2, "users_fit": 1500}}
    config = small(scenario=world, **{**few, **changes})
    return experiments.run(config, out=out, track=False, progress=False)


def expected(found: StudyResult, agent: str) -> pd.Series[float]:
    """What an agent's choices are worth beyond no_offer in the sampled weeks, by conditional means."""
    weekly = pd.concat([pd.read_parquet(p) for p in sorted((found.path / "runs" / agent).rglob("weekly.parquet"))])
    return (weekly["step.agent"] - weekly["step.no_offer"]).dropna()


def test_no_agent_is_worth_more_than_leaving_people_alone_where_nothing_works(small: Small, tmp_path: Path) -> None:
    agents = [{"kind": kind} for kind in AGENTS]
    null = studied(small, "null_effects", tmp_path, agents=agents)
    for agent in AGENTS:
        assert (expected(null, agent) <= 1e-6).all(), agent
    assert (expected(null, "random") < -0.02).all()
    board = null.leaderboard.set_index("agent")
    assert (board["gain"] <= 1e-9).all()
    usual = studied(small, "fintech", tmp_path, agents=agents[:1] + agents[-1:])
    assert (expected(usual, "oracle_latent") > 0.02).all()


def test_no_alarm_rings_where_all_are_honest_however_reckless_the_agent(small: Small, tmp_path: Path) -> None:
    alarms = [{"kind": "ratio_betting", "metric": metric} for metric in ("loss_rate", "chargeback_rate")]
    at_once = {"delay_scale": 0.03, "sources": {"delay_scale": "assumed"}}
    made = {"agents": [{"kind": "no_offer"}, RECKLESS], "monitors": alarms, "weeks": 6}
    null = studied(small, "null_fraud", tmp_path, scenario_overrides=at_once, **made)
    told = null.leaderboard.filter(like="monitor.")
    assert (told == "continue (rightly silent); continue (rightly silent)").all(axis=None)
    lost = null.leaderboard.filter(regex="violated.(loss_rate|chargeback_rate|abuse_vs_status_quo)")
    assert lost.shape[1] == 3
    assert (lost == 0).all(axis=None)
    usual = studied(small, "fintech", tmp_path, seeds=[1], scenario_overrides=at_once, **made).leaderboard.set_index(
        "agent"
    )
    assert "harm at week" in usual.loc["reckless", "monitor.ratio_betting.loss_rate"]


def ranked_gain(world: str) -> float:
    """True gain in activity by a $5 bonus to the fifth that a learned uplift ranks first, over that to any fifth."""
    env = CohortEnv(6_000, world)
    obs, info = env.reset(seed=17)
    means, bonus = env.truth.mean_outcomes()["active"], env.arm_names.index("bonus_5")
    true = means[:, bonus] - means[:, 0]
    treated: Bools = np.random.default_rng(0).random(env.num_envs) < 0.5
    env.step(np.where(treated, bonus, 0))
    active = env.truth.ledger()["active"].astype(np.float64)
    model = cross_fit(obs.astype(np.float64), treated.astype(np.int64), active, info["user_id"] % 2, 2)
    first = np.argsort(model[:, 0] - model[:, 1])[: env.num_envs // 5]
    return float(true[first].mean() / true.mean())


def test_ranking_by_learned_uplift_gains_nothing_over_chance_where_all_are_equal() -> None:
    assert ranked_gain("null_heterogeneity") == pytest.approx(1, abs=0.005)
    assert ranked_gain("fintech") > 0.25
