"""Estimators of whole paths, held against what the target would really have brought from the first week on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agents
from experiments import estimators
from experiments.acting import arms_of, problem_of, record
from experiments.cohorts import live
from experiments.config import Floor
from experiments.estimators._base import Floats
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation, observe
from rage_env.log import CohortLog, LogMeta

PATH = ["pdis", "wpdis", "dr_sequential", "fqe", "mis"]
WEEKS = 4


def tired(rng: np.random.Generator, users: int, policy: Callable[[Floats], Floats]) -> tuple[pd.DataFrame, Floats]:
    """Users who start rested; an offer (arm 1) earns 1 from rested users and costs 1 with tired ones. Whoever gets one
    is tired next week with chance .9, whoever does not with .1. policy: state (n,) -> (n, 2), drawn from and logged."""
    state, parts, probs = np.zeros(users), [], []
    for week in range(WEEKS):
        chance = policy(state)
        arm = (rng.random(users) < chance[:, 1]).astype(np.int64)
        reward = 2.0 + arm * (1 - 2 * state) + rng.normal(size=users)
        frame = {"user_id": np.arange(users), "week": week, "arm": arm, "x_tired": state, "reward": reward}
        parts.append(pd.DataFrame({**frame, "propensity": chance[np.arange(users), arm]}))
        probs.append(always(state))
        state = (rng.random(users) < np.where(arm == 1, 0.9, 0.1)).astype(np.float64)
    return pd.concat(parts, ignore_index=True), np.concatenate(probs)


def even(state: Floats) -> Floats:
    return np.full((len(state), 2), 0.5)


def always(state: Floats) -> Floats:
    """The target: an offer to nearly everybody, every week."""
    return np.tile([0.1, 0.9], (len(state), 1))


def exact() -> tuple[float, float]:
    """Mean per user-week of the target over its own path, and of one week of it in the states of the even log."""
    by_path, by_step, own, logged = 0.0, 0.0, 0.0, 0.0
    for _ in range(WEEKS):
        by_path += (2 + 0.9 * (1 - 2 * own)) / WEEKS
        by_step += (2 + 0.9 * (1 - 2 * logged)) / WEEKS
        own, logged = 0.9 * 0.9 + 0.1 * 0.1, 0.5
    return by_path, by_step


def z_of(names: list[str], truth: float, hide_state: bool = False, logs: int = 40) -> dict[str, float]:
    """{estimator: mean error over logs in standard errors of that mean}."""
    rng, off = np.random.default_rng(7), []
    for _ in range(logs):
        log, target = tired(rng, 1_000, even)
        log = log.assign(x_tired=0.0) if hide_state else log
        off.append(estimators.evaluate(log, target, names)["value"].to_numpy() - truth)
    errors = np.array(off)
    z = errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(logs))
    return dict(zip(names, z.tolist(), strict=True))


def test_paths_are_valued_rightly_where_carry_over_is_strong_and_single_weeks_are_not() -> None:
    """|z| < 4.5 of a mean over 40 logs: luck fails one of five in fewer than 1 of 10,000 sets of logs. The hundredth
    that bias of order 1 / users adds to wpdis, fqe and mis is far below a standard error."""
    by_path, by_step = exact()
    assert by_step - by_path > 0.2
    found = z_of([*PATH, "ips", "dr"], by_path)
    assert max(abs(found[name]) for name in PATH) < 4.5, found
    assert min(found["ips"], found["dr"]) > 10, found
    assert abs(z_of(["dr"], by_step)["dr"]) < 4.5


def test_models_that_cannot_see_the_state_are_caught_and_weights_do_not_mind() -> None:
    found = z_of(PATH, exact()[0], hide_state=True)
    assert max(abs(found[name]) for name in ("pdis", "wpdis", "dr_sequential")) < 4.5, found
    assert min(found["fqe"], found["mis"]) > 10, found


def test_a_good_model_narrows_the_sequential_estimate_and_states_weigh_less_than_paths() -> None:
    log, target = tired(np.random.default_rng(3), 4_000, even)
    found = estimators.evaluate(log, target, PATH).set_index("estimator")
    assert found.loc["dr_sequential", "stderr"] < 0.8 * found.loc["pdis", "stderr"]
    assert found.loc["mis", "ess"] > 1.5 * found.loc["pdis", "ess"]
    assert set(found["estimand"]) == {"path"}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_in_a_log_of_one_week_paths_are_steps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    logged, target = 0.7 * rng.dirichlet(np.ones(3), n) + 0.1, rng.dirichlet(np.ones(3), n)
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1).clip(max=2)
    log = pd.DataFrame({"user_id": np.arange(n), "week": 5, "arm": arm, "x_a": rng.normal(size=n)})
    log = log.assign(propensity=logged[np.arange(n), arm], reward=rng.normal(size=n))
    pairs = {"pdis": "ips", "wpdis": "snips", "dr_sequential": "dr", "fqe": "dm", "mis": "ips"}
    found = estimators.evaluate(log, target, [*PATH, "ips", "snips", "dr", "dm"]).set_index("estimator")
    for path, step in pairs.items():
        for column in ("value", "stderr"):
            assert found.loc[path, column] == pytest.approx(found.loc[step, column], rel=1e-5, abs=1e-6), path


def logged_world(seed: int, weeks: int) -> tuple[CohortLog, Floats, dict[str, Floats]]:
    """A small fintech world under a mixture of cashback for all and chance; the target leans the other way, to a nudge;
    with the target's probabilities and the world's own roll-out of it from week 0."""
    env = CohortEnv(1_500, "fintech", seed=seed, weeks=weeks + 1)
    seen = observe(*env.reset(seed=seed))
    agent = agents.load("epsilon_mixture", base="blanket", base_params={"arm": "cashback"}, epsilon=0.7)
    agent.start(problem_of(env, weeks, Floor(), None))
    truth = env.truth.rollout(leaning, weeks, replications=4).mean
    lived, wanted = [], []
    for _ in range(weeks):
        wanted.append(leaning(seen))
        probs = agent.decide(seen).probs
        arm = arms_of(env, agent, seed, seen, probs)
        after = live(env, arm)
        lived.append(record(seen, probs, arm, env))
        seen = after
    meta = LogMeta(env.arm_names, env.features.names, env.scenario.retention_value_usd)
    return CohortLog(meta, tuple(lived)), np.concatenate(wanted), truth


def leaning(seen: Observation) -> Floats:
    """A quarter of the time a nudge where that is allowed, else any allowed arm."""
    allowed = seen.action_mask / seen.action_mask.sum(axis=1, keepdims=True)
    nudge = np.eye(seen.k)[np.where(seen.action_mask[:, 1] == 1, 1, 0)]
    return np.asarray(0.75 * allowed + 0.25 * nudge, dtype=np.float64)


def test_in_a_whole_world_paths_are_valued_as_its_own_roll_out_says() -> None:
    """Six worlds, three weeks, pooled z of each column below 4.5; weights that forget the propensity are caught."""
    names, columns = ["pdis", "wpdis", "dr_sequential"], ("active", "contacts", "bonus_cost")
    off: dict[str, list[Floats]] = {c: [] for c in columns}
    blind: list[Floats] = []
    for seed in range(201, 207):
        log, target, truth = logged_world(seed, 3)
        table = log.as_of().to_pandas()
        for c in columns:
            found = estimators.evaluate(table, target, names, metric=c)
            off[c].append(((found["value"] - truth[c].mean()) / found["stderr"]).to_numpy())
        table = table.drop(columns=[p for p in table if str(p).startswith("prob_")]).assign(propensity=1 / 6)
        found = estimators.evaluate(table, target, ["pdis", "wpdis"], metric="contacts")
        blind.append(((found["value"] - truth["contacts"].mean()) / found["stderr"]).to_numpy())
    pooled = {c: np.sum(z, axis=0) / np.sqrt(len(z)) for c, z in off.items()}
    assert max(float(np.abs(z).max()) for z in pooled.values()) < 4.5, pooled
    assert np.abs(np.sum(blind, axis=0) / np.sqrt(len(blind))).min() > 4.5, blind


@pytest.mark.parametrize(
    "spelt",
    [
        lambda week: week * 0.5,
        lambda week: (week * 0.5).astype(str),
        lambda week: pd.Timestamp("2026-03-31") + pd.to_timedelta(7 * week, unit="D"),
        lambda week: (pd.Timestamp("2025-12-28") + pd.to_timedelta(7 * week, unit="D")).dt.strftime("%Y-%m-%d"),
        lambda week: (week * 5 + 5).astype(str),  # 5, 10, 15, 20: another order as words
    ],
)
def test_weeks_are_taken_in_order_of_time_whatever_they_are_called(spelt: Callable[[pd.Series], pd.Series]) -> None:
    log, target = tired(np.random.default_rng(3), 300, lambda state: np.full((len(state), 2), 0.5))
    wanted = estimators.evaluate(log, target, PATH)
    found = estimators.evaluate(log.assign(week=spelt(log["week"])), target, PATH)
    pd.testing.assert_frame_equal(found, wanted)


def test_words_that_no_calendar_knows_keep_path_estimators_from_answering_and_no_others() -> None:
    log, target = tired(np.random.default_rng(3), 300, lambda state: np.full((len(state), 2), 0.5))
    found = estimators.evaluate(log.assign(week="w" + log["week"].astype(str)), target, ["pdis", "fqe", "mrdr", "dr"])
    refused = found[~found["evaluable"]]
    assert refused["estimator"].tolist() == ["pdis", "fqe"]
    assert refused["reason"].str.startswith("refused: column week, row 0: 'w0' has no place in time").all()
