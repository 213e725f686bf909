"""The cohort keeps Gymnasium's contract for vector environments, and its own on top."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, DecisionError
from rage_env.interface import observe

IDS = ["rage/fintech-v0", "rage_env:rage/fintech-v0"]


def cohort(n: int = 300, **keywords: Any) -> CohortEnv:  # Any: those of CohortEnv
    return CohortEnv(n, **{"weeks": 6, **keywords})


def mixed(env: CohortEnv, week: int) -> NDArray[np.int64]:
    return np.random.default_rng(week).integers(0, env.world.arms.k, env.num_envs)


@pytest.mark.parametrize("id_", IDS)
def test_make_vec_gives_the_cohort_by_either_id(id_: str) -> None:
    env = gymnasium.make_vec(id_, num_envs=12, seed=7, weeks=3)
    assert isinstance(env.unwrapped, CohortEnv)
    obs, info = env.reset(seed=7)
    assert env.observation_space.contains(obs)
    assert env.single_observation_space.contains(obs[3])
    assert set(info) == {k for k in info if not k.startswith("_")} | {f"_{k}" for k in info if not k.startswith("_")}
    _, reward, terminated, truncated, after = env.step(env.action_space.sample())
    assert set(after) == set(info)
    assert reward.shape == terminated.shape == truncated.shape == (12,)


def test_a_spec_survives_json_and_makes_the_same_world() -> None:
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=8, weeks=4, scenario={"retention_value_usd": 55.0})
    assert env.spec is not None
    again = EnvSpec.from_json(json.dumps(json.loads(env.spec.to_json())))
    twin = gymnasium.make_vec(again, num_envs=8)
    assert (env.reset(seed=4)[0] == twin.reset(seed=4)[0]).all()
    assert twin.unwrapped.scenario == env.unwrapped.scenario  # type: ignore[attr-defined]  # a CohortEnv


def test_observations_are_float32_and_bounds_are_finite() -> None:
    env = cohort()
    obs, _ = env.reset(seed=1)
    box = env.observation_space
    assert obs.dtype == np.float32
    assert np.isfinite(box.low).all()  # type: ignore[attr-defined]  # a Box
    assert np.isfinite(box.high).all()  # type: ignore[attr-defined]  # a Box
    assert env.single_observation_space.shape == (obs.shape[1],)


def test_a_closed_cohort_ends_each_user_once_and_truncates_the_rest() -> None:
    env = cohort()
    assert env.autoreset_mode is env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    _, info = env.reset(seed=2)
    ended = np.zeros(300, int)
    for week in range(6):
        gone_before = ~info["present"]
        _, _, terminated, truncated, info = env.step(mixed(env, week))
        ended += terminated
        assert not (terminated & gone_before).any()
        assert not (truncated & ~info["present"]).any()
        gone = ~info["present"]
        assert (info["action_mask"][gone].sum(axis=1) == 1).all()
        assert (info["action_mask"][gone, 0] == 1).all()
        assert (info["status_quo"][gone, 0] == 1).all()
        assert (truncated == ((week == 5) & info["present"])).all()
    assert ended.max() == 1
    assert 0 < ended.sum() < 300
    with pytest.raises(DecisionError, match="is over; call reset"):
        env.step(mixed(env, 0))


def test_departed_users_earn_and_cost_nothing_but_late_losses() -> None:
    env = cohort(2000, weeks=8)
    env.reset(seed=3)
    late = 0.0
    for week in range(8):
        before = env.lives.alive.copy()
        _, reward, _, _, _ = env.step(mixed(env, week))
        assert (reward[~before] <= 0).all()
        late += float(reward[~before].sum())
        for column in env.columns().values():
            assert not column[~before].any()
    assert late < 0


def test_an_open_cohort_refills_within_the_step_and_shows_the_last_of_the_old() -> None:
    env = cohort(400, population="open")
    assert env.autoreset_mode is env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    _, info = env.reset(seed=2)
    seen = set(info["user_id"].tolist())
    for week in range(5):
        old = info["user_id"]
        obs, _, terminated, truncated, info = env.step(mixed(env, week))
        left = np.flatnonzero(terminated)
        assert len(left)
        assert not truncated.any()
        assert (info["_final_obs"] == terminated).all()
        assert all(env.single_observation_space.contains(info["final_obs"][i]) for i in left)
        assert info["final_obs"][np.flatnonzero(~terminated)[0]] is None
        assert (info["final_info"]["user_id"][left] == old[left]).all()
        assert not info["final_info"]["present"][left].any()
        assert (info["user_id"][left] == old[left] + 400).all()
        assert not seen & set(info["user_id"][left].tolist())
        assert info["is_new"][left].all()
        assert info["present"].all()
        assert (obs[left, env.features.names.index("log_age")] == 0).all()
        assert not info["cost"][left].any()
        assert info["final_info"]["cost"][left].any()
        seen |= set(info["user_id"].tolist())


def test_the_last_week_of_an_open_cohort_begins_the_next_episode_and_forgets_no_loss() -> None:
    env = cohort(3000, population="open", weeks=3)
    env.reset(seed=5)
    for week in range(3):
        _, _, terminated, truncated, info = env.step(mixed(env, week))
    assert (terminated | truncated).all()
    assert not (terminated & truncated).any()
    assert env.episode == 1
    assert (info["week"] == 0).all()
    assert len(env.settle())
    assert (env.settle().reported_week >= 3).all()
    assert set(env.truth.ledger()) >= {"gmv"}
    fresh = cohort(3000, population="open", weeks=3)
    fresh.reset(seed=5)
    fresh.reset()
    env.step(mixed(env, 0))
    fresh.step(mixed(env, 0))
    assert (env.truth.ledger()["gmv"] == fresh.truth.ledger()["gmv"]).all()
    assert (env.settle().user_id == fresh.settle().user_id).all()


def test_late_losses_of_the_departed_never_reach_the_newcomer_in_their_slot() -> None:
    env = cohort(3000, population="open", weeks=12)
    env.reset(seed=6)
    credit = np.full(3000, 5)
    foreign = 0
    for _ in range(11):
        holders = env.traits.user_id.copy()
        _, reward, _, _, _ = env.step(credit)
        late, columns = env.reports(), env.columns()
        cash = columns["revenue_gross"] - columns["loss_bonus_abuse"]
        cash = cash.astype(np.float64) - columns["bonus_cost"] - columns["contact_cost"]
        own = holders[late.user_id % 3000] == late.user_id
        paid = (late.column < 2) & own
        np.subtract.at(cash, late.user_id[paid] % 3000, late.amount[paid])
        foreign += int((~own).sum())
        assert reward == pytest.approx(cash, abs=2e-3)
    assert foreign > 0


def test_a_reset_mask_lets_newcomers_in_at_the_current_week() -> None:
    env = cohort()
    env.reset(seed=8)
    env.step(mixed(env, 0))
    mask = np.zeros(300, np.bool_)
    mask[[2, 9]] = True
    before = env.traits.user_id.copy()
    shown = env.observation_space.sample()[:1]
    obs, info = env.reset(options={"reset_mask": mask})
    assert (info["week"] == 1).all()
    assert (info["user_id"] != before).nonzero()[0].tolist() == [2, 9]
    assert info["is_new"][mask].all()
    assert info["present"][mask].all()
    assert not env.pre_period["gmv"][mask].any()
    assert env.episode == 0
    assert obs.shape == (300, shown.shape[1])
    env.reset(options={"reset_mask": np.ones(300, np.bool_)})
    assert (env.episode, env.week) == (1, 0)


def test_resets_go_on_to_the_next_episode_and_seeds_start_again() -> None:
    env = cohort(seed=11)
    first = env.reset()[0]
    second = env.reset()[0]
    assert (first != second).any()
    assert (env.reset(seed=11)[0] == first).all()
    assert (env.reset()[0] == second).all()
    assert (cohort(seed=99).reset(seed=11)[0] == first).all()
    assert (cohort().reset()[0] != cohort().reset()[0]).any()


def test_statistics_of_episodes_can_be_recorded_by_gymnasium_s_own_wrapper() -> None:
    env = RecordEpisodeStatistics(gymnasium.make_vec("rage/fintech-v0", num_envs=64, weeks=3, population="open"))
    env.reset(seed=1)
    total = np.zeros(64)
    for _ in range(3):
        _, reward, terminated, truncated, info = env.step(np.zeros(64, np.int64))
        total += reward
    ended = terminated | truncated
    assert ended.all()
    assert info["episode"]["l"].max() == 3
    stayed = info["episode"]["l"] == 3
    assert info["episode"]["r"][stayed] == pytest.approx(total[stayed], rel=1e-4, abs=1e-3)


def test_an_observation_can_be_made_of_every_step() -> None:
    env = cohort()
    obs, info = env.reset(seed=1)
    seen = observe(obs, info)
    assert (seen.week, seen.n, seen.k) == (0, 300, 6)
    assert set(seen.segments) == {"region", "channel"}
    obs, _, _, _, info = env.step(mixed(env, 0))
    seen = observe(obs, info)
    assert seen.week == 1
    at = [g.name for g in env.scenario.guardrails].index("bonus_budget")
    assert seen.numerator_to_date[at] == pytest.approx(env.columns()["bonus_cost"].sum(dtype=np.float64), rel=1e-6)
    assert seen.denominator_to_date[at] == 300
    assert seen.status_quo.sum(axis=1) == pytest.approx(np.ones(300))


def test_what_was_returned_in_an_earlier_week_never_changes() -> None:
    env = cohort()
    kept = [env.reset(seed=1)]
    copies = [(kept[0][0].copy(), {k: np.array(v) for k, v in kept[0][1].items()})]
    ledgers = []
    for week in range(5):
        obs, _, _, _, info = env.step(mixed(env, week))
        kept.append((obs, info))
        copies.append((obs.copy(), {k: np.array(v) for k, v in info.items()}))
        ledgers.append((env.truth.ledger(), {k: v.copy() for k, v in env.truth.ledger().items()}))
        env.truth.potential_outcomes()
    for (obs, info), (obs_then, info_then) in zip(kept, copies, strict=True):
        assert (obs == obs_then).all()
        assert all((info[k] == info_then[k]).all() for k in info_then)
    for ledger, then in ledgers:
        assert all((ledger[c] == then[c]).all() for c in then)


@pytest.mark.parametrize("population", ["closed", "open"])
def test_outputs_written_in_place_hold_the_same_weeks(population: Any) -> None:  # Any: a literal
    safe, in_place = (cohort(population=population, copy=copy, keep_burn_in=True) for copy in (True, False))
    first = in_place.reset(seed=3)
    assert _same(safe.reset(seed=3), first)
    assert _same([log.features for log in safe.burn_in_logs], [log.features for log in in_place.burn_in_logs])
    for week in range(6):
        arm = mixed(safe, week)
        there, here = safe.step(arm), in_place.step(arm)
        assert _same(there, here)
        assert here[0].ctypes.data == first[0].ctypes.data
        assert here[-1]["status_quo"].ctypes.data == first[1]["status_quo"].ctypes.data


def _same(a: Any, b: Any) -> bool:  # Any: whatever a step returns
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) and a.dtype == object:
        return _same(list(a), list(b))
    return bool(np.array_equal(a, b))


def test_late_columns_of_the_ledger_are_written_out_as_they_were_lived() -> None:
    env = cohort(5000)
    env.reset(seed=3)
    arm = np.full(5000, 5)
    expected = env.truth.potential_outcomes()
    env.step(arm)
    lived = np.where(env.last_present, arm, 0)
    assert (env.last_arm == lived).all()
    assert env.last_arm.dtype == np.intp
    for column, held in env.columns_all.items():
        assert (held == expected[column][np.arange(5000), lived]).all()
    assert env.columns_all["loss_credit"].any()
    assert len(env.columns_all) == len(expected)


def test_cost_is_this_week_s_use_of_each_guardrail_against_its_limit() -> None:
    env = cohort()
    env.reset(seed=1)
    _, _, _, _, info = env.step(np.full(300, 4))
    at = [g.name for g in env.scenario.guardrails].index("bonus_budget")
    limit = env.scenario.guardrails[at].limit
    assert info["cost"][:, at] == pytest.approx(env.columns()["bonus_cost"] - limit * env.last_present, abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a: a[:-1], r"week 0: actions must be \(300,\) whole numbers, got int64 \(299,\)"),
        (lambda a: a.astype(np.float64), "whole numbers, got float64"),
        (lambda a: np.where(np.arange(300) == 17, 6, a), "week 0, user 17: arm 6 does not exist; arms are 0..5"),
        (lambda a: np.where(np.arange(300) == 3, -1, a), "week 0, user 3: arm -1 does not exist"),
    ],
)
def test_a_bad_action_names_user_and_week(wrong: Any, message: str) -> None:  # Any: lambdas
    env = cohort()
    env.reset(seed=1)
    with pytest.raises(DecisionError, match=message):
        env.step(wrong(np.zeros(300, np.int64)))


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(DecisionError, match="call reset"):
        cohort().step(np.zeros(300, np.int64))
    with pytest.raises(DecisionError, match="nobody to replace"):
        cohort().reset(options={"reset_mask": np.arange(300) == 0})
    with pytest.raises(DecisionError, match="no step has been taken"):
        cohort_after_reset().truth.ledger()


def cohort_after_reset() -> CohortEnv:
    env = cohort()
    env.reset(seed=1)
    return env


def test_fields_of_the_scenario_are_keywords() -> None:
    env = cohort(weeks=3, retention_value_usd=10.0, scenario={"mechanisms": {"offers": {"take_rate": 0.02}}})
    assert (env.scenario.weeks, env.scenario.retention_value_usd) == (3, 10.0)
    assert env.scenario.used["offers"].take_rate == 0.02
    assert env.scenario.used["offers"].abuser_redemption == 3.0


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"week": 3}, "did you mean 'weeks'"),
        ({"population": "opne"}, "did you mean 'open'"),
        ({"reward": "profit"}, "'profit' is not one of cash, value"),
        ({"weeks": 0}, "weeks: .*greater than or equal to 1"),
        ({"seed": -1}, r"seed: must be a whole number from 0 to 2\*\*63 - 1, got -1"),
        ({"seed": "7"}, "seed: must be a whole number"),
        ({"first_slot": -1}, "numbered from 0, got -1"),
        ({"scenario": {"mechanisms": {"engagement": {"momentum_logit": float("nan")}}}}, "finite"),
        ({"scenario": {"population": {"fraud_mix": [0.5, 0.2, 0.2, 0.2]}}}, "sum to 1.1"),
        ({"first_slot": 5, "n_max": 300}, "300 slots in all cannot hold 300 from slot 5"),
        ({"scenario": {"mechanisms": {"offers": {"take_rat": 1.0}}}}, "did you mean 'take_rate'"),
        ({"status_quo": {"arm": "bonus_6", "share": 0.1}}, "did you mean 'bonus_5'"),
    ],
)
def test_a_wrong_keyword_is_named_with_the_nearest_right_one(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CohortEnv(300, **keywords)


def test_unknown_options_of_reset_are_refused() -> None:
    env = cohort()
    with pytest.raises(ConfigError, match="did you mean 'reset_mask'"):
        env.reset(seed=1, options={"reset_masks": None})
    with pytest.raises(ConfigError, match=r"reset_mask: must be \(300,\) bool"):
        env.reset(seed=1, options={"reset_mask": np.zeros(3, np.bool_)})


def test_reward_of_value_also_counts_who_was_lost() -> None:
    cash, worth = cohort(reward="cash"), cohort(reward="value")
    cash.reset(seed=1)
    worth.reset(seed=1)
    a, b = cash.step(mixed(cash, 0)), worth.step(mixed(worth, 0))
    assert a[1] - b[1] == pytest.approx(cash.scenario.retention_value_usd * a[2], abs=1e-3)
    assert a[2].any()


def test_burn_in_weeks_are_kept_on_request_and_feed_the_features() -> None:
    env = cohort(keep_burn_in=True, burn_in_weeks=5)
    obs, _ = env.reset(seed=1)
    assert [w.week for w in env.burn_in_logs] == [-5, -4, -3, -2, -1]
    assert not any(w.arm.any() or w.columns["contacts"].any() or w.columns["churned"].any() for w in env.burn_in_logs)
    last_four = sum(w.columns["active"] for w in env.burn_in_logs[1:])
    assert (obs[:, env.features.names.index("active_4w")] == last_four).all()
    assert (env.pre_period["gmv"] == sum(w.columns["gmv"] for w in env.burn_in_logs)).all()


def test_potential_outcomes_are_asked_for_the_coming_week_only() -> None:
    env = cohort(weeks=1)
    env.reset(seed=1)
    assert env.truth.potential_outcomes()["gmv"].shape == (300, 6)
    assert set(env.truth.archetypes) == {"persuadable", "sure_thing", "lost_cause", "sleeping_dog"}
    assert set(env.truth.fraud_types) <= {"honest", "abuser", "first_party", "third_party"}
    env.step(mixed(env, 0))
    with pytest.raises(DecisionError, match="there is no coming week"):
        env.truth.mean_outcomes()


def test_user_17_lives_the_same_life_among_a_hundred_or_five_thousand() -> None:
    few, many = CohortEnv(100, weeks=5, n_max=5_000), CohortEnv(5_000, weeks=5)
    few.reset(seed=3)
    many.reset(seed=3)
    for week in range(5):
        arm = np.random.default_rng(week).integers(0, 6, 5_000)
        a, b = few.step(arm[:100]), many.step(arm)
        assert (a[0][17] == b[0][17]).all()
        for column, held in few.truth.ledger().items():
            assert held[17] == many.truth.ledger()[column][17], column
