"""Rolling a policy out: exact for one week, right for several by brute force, and the cohort never notices."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import DecisionError
from rage_env.interface import Observation, observe
from rage_env.outcomes import COLUMNS, value
from rage_env.randomness import Draw, Noise, arms_one_by_one, person_keys
from rage_env.rollout import Policy, Rollout

Floats = NDArray[np.float64]


def cohort(seed: int = 5, n: int = 400, **options: Any) -> tuple[CohortEnv, Observation]:  # Any: of the constructor
    env = CohortEnv(n, seed=seed, weeks=6, **options)
    return env, observe(*env.reset(seed=seed))


def wary(seen: Observation) -> Floats:
    """(n, k) more offers to the active, a different arm by region; reads features that the weeks move."""
    probs = np.zeros((seen.n, seen.k))
    offered = 0.1 + 0.2 * seen.features[:, 2].astype(np.float64)  # active_4w
    probs[np.arange(seen.n), 1 + seen.segments["region"]] = offered
    probs *= seen.action_mask
    probs[:, 0] = 1 - probs[:, 1:].sum(axis=1)
    return probs


def nobody(seen: Observation) -> Floats:
    return np.tile(np.eye(seen.k)[0], (seen.n, 1))


def cashback(seen: Observation) -> Floats:
    probs = np.zeros((seen.n, seen.k))
    probs[:, 2] = seen.present
    probs[:, 0] = 1 - probs[:, 2]
    return probs


def test_one_week_ahead_is_the_conditional_mean_under_the_policy() -> None:
    env, seen = cohort()
    probs, means = wary(seen), env.truth.mean_outcomes()
    found = env.truth.rollout(wary, 1, replications=3)
    for column in COLUMNS:
        by_hand = (probs * means[column]).sum(axis=1).mean()
        assert found.mean[column] == pytest.approx([by_hand], rel=1e-12, abs=1e-15)
        assert found.stderr[column] == pytest.approx([0.0], abs=1e-12)
    assert not np.allclose(env.truth.rollout(nobody, 1).mean["contacts"], found.mean["contacts"])


def _stepped(seed: int, weeks: int, arms: np.random.Generator) -> dict[str, Floats]:
    """{column: (weeks,)} what a fresh cohort books on average, arms drawn here and not by the roll-out."""
    env, seen = cohort(seed)
    booked: dict[str, list[float]] = {c: [] for c in COLUMNS}
    for _ in range(weeks):
        arm = (wary(seen).cumsum(axis=1) < arms.random((seen.n, 1))).sum(axis=1)
        obs, _, _, _, info = env.step(arm)
        for column, amounts in env.truth.ledger().items():
            booked[column].append(float(amounts.mean(dtype=np.float64)))
        seen = observe(obs, info)
    return {c: np.array(v) for c, v in booked.items()}


@pytest.fixture(scope="module")
def beside_brute_force() -> dict[str, tuple[float, float]]:
    """{column: (z of simulated minus rolled out over all weeks; the same had the first week gone on for ever)}."""
    rng, weeks, seeds = np.random.default_rng(0), 5, range(100, 190)
    pairs = [(_stepped(s, weeks, rng), cohort(s)[0].truth.rollout(wary, weeks, replications=2).mean) for s in seeds]
    found = {}
    for column in COLUMNS:
        lived = np.array([a[column].sum() for a, _ in pairs])
        rolled = np.array([b[column] for _, b in pairs])
        found[column] = (_z(lived - rolled.sum(axis=1)), _z(lived - weeks * rolled[:, 0]))
    return found


def _z(differences: Floats) -> float:
    spread = float(differences.std(ddof=1)) / len(differences) ** 0.5
    return float(differences.mean()) / spread if spread > 0 else 0.0


def test_weeks_ahead_agree_with_many_cohorts_that_lived_them(
    beside_brute_force: dict[str, tuple[float, float]],
) -> None:
    for column, (honest, _) in beside_brute_force.items():
        assert abs(honest) < 4.5, column  # a dozen columns that differ: luck alone exceeds this once in 1e4
    assert max(abs(frozen) for _, frozen in beside_brute_force.values()) > 9


def test_drawn_along_the_common_luck_it_is_what_the_cohort_then_lives() -> None:
    env, seen = cohort(seed=9)
    ahead = env.truth.rollout(wary, 4, luck="common", drawn=True, per_user=True)
    total = {c: np.zeros(seen.n) for c in COLUMNS}
    for week in range(4):
        luck = Noise(env.key, person_keys(env.key, seen.unit), week).uniform64(Draw.ARM)
        obs, _, _, _, info = env.step(arms_one_by_one(wary(seen), luck))
        seen = observe(obs, info)
        for column, amounts in env.truth.ledger().items():
            assert ahead.runs[column][0, week] == amounts.mean(dtype=np.float64), (column, week)
            total[column] += amounts
    assert ahead.users is not None
    assert all(np.array_equal(ahead.users[c], total[c]) for c in COLUMNS)


def _bits(held: object) -> list[bytes]:
    """Every number that a cohort's state is made of."""
    if isinstance(held, np.ndarray):
        return [held.tobytes()]
    if isinstance(held, dict):
        return [b for _, v in sorted(held.items(), key=str) for b in _bits(v)]
    if isinstance(held, list | tuple):
        return [b for v in held for b in _bits(v)]
    if is_dataclass(held):
        return [b for f in fields(held) for b in _bits(getattr(held, f.name))]
    return [repr(held).encode()] if isinstance(held, int | float | str | bool) else []


def _state(env: CohortEnv) -> list[bytes]:
    standing = [env.standing.numerator, env.standing.denominator]
    due = vars(env._pending)
    parts = [env.traits, env.lives, standing, due, env.columns_all, env.is_new, env.generation, env.pre_period]
    return [b for part in (*parts, env.week, env.key, env.episode) for b in _bits(part)]


@pytest.mark.parametrize("population", ["closed", "open"])
def test_a_cohort_does_not_notice_that_its_future_was_asked(population: str) -> None:
    asked, seen = cohort(population=population)
    alone, _ = cohort(population=population)
    for env in (asked, alone):
        env.step(np.ones(400, np.int64))
    before, shown = _state(asked), seen.features.copy()
    for luck in ("fresh", "common"):
        asked.truth.rollout(wary, 5, luck=luck, replications=2 if luck == "fresh" else 1, drawn=True)
    assert _state(asked) == before
    assert np.array_equal(seen.features, shown)
    for _ in range(5):
        one, other = (env.step(np.full(400, 2)) for env in (asked, alone))
        assert np.array_equal(one[0], other[0])
        assert all(np.array_equal(asked.truth.ledger()[c], alone.truth.ledger()[c]) for c in COLUMNS)
    assert _state(asked) == _state(alone)
    assert _state(asked) != before  # the comparison sees a cohort that moved on


def spread(found: Rollout) -> float:
    return float(found.stderr["gmv"][-1])


def test_two_policies_share_their_luck() -> None:
    env, _ = cohort(n=1_000)
    offered, left, twice = (env.truth.rollout(p, 5, replications=12) for p in (cashback, nobody, nobody))
    assert all((v == 0).all() for v in left.minus(twice).runs.values())
    paired, other = offered.minus(left), offered.minus(env.truth.rollout(nobody, 5, replications=12, seed=1))
    assert spread(paired) < 0.7 * spread(other)
    assert paired.mean["gmv"] == pytest.approx(offered.mean["gmv"] - left.mean["gmv"])


def test_conditional_means_leave_less_to_luck_than_drawn_ledgers() -> None:
    env, _ = cohort()
    averaged, drawn = (env.truth.rollout(wary, 3, replications=20, drawn=d) for d in (False, True))
    worth = [np.asarray(value(found.runs, 80.0)).std(axis=0, ddof=1) for found in (averaged, drawn)]
    assert (worth[0] < 0.6 * worth[1]).all()
    gap = averaged.mean["gmv"] - drawn.mean["gmv"]
    assert (np.abs(gap) < 4 * np.hypot(averaged.stderr["gmv"], drawn.stderr["gmv"])).all()


def test_fresh_luck_is_new_in_every_replication_and_none_of_it_is_the_cohorts_own() -> None:
    env, _ = cohort()
    fresh = env.truth.rollout(wary, 3, replications=4, drawn=True).runs["gmv"][:, -1]
    common = env.truth.rollout(wary, 3, luck="common", drawn=True).runs["gmv"][0, -1]
    assert len({*fresh.tolist(), common}) == 5
    again = env.truth.rollout(wary, 3, replications=2, drawn=True).runs["gmv"][:, -1]
    assert np.array_equal(fresh[:2], again)


def test_a_drifting_calendar_is_the_worlds_own_whatever_the_luck() -> None:
    walk = {"target": "mechanisms.spending.gmv_per_active_week_usd", "kind": "random_walk", "size": 0.3}
    env, _ = cohort(scenario={"drift": [walk], "sources": {"drift": "assumed"}})
    for _ in range(3):
        env.step(np.zeros(400, np.int64))
    expected = env.truth.mean_outcomes()["gmv"][:, 0].mean()
    assert env.truth.rollout(nobody, 2, replications=2).runs["gmv"][:, 0] == pytest.approx([expected, expected])
    still, _ = cohort()
    assert abs(still.truth.mean_outcomes()["gmv"][:, 0].mean() / expected - 1) > 0.05


def test_totals_are_sums_over_users_and_weeks() -> None:
    env, _ = cohort()
    found = env.truth.rollout(wary, 3, replications=4, per_user=True)
    assert found.users is not None
    for column in COLUMNS:
        total, stderr = found.total[column]
        assert total == pytest.approx(found.users[column].sum(), abs=1e-9)
        assert total == pytest.approx(400 * found.mean[column].sum(), abs=1e-9)
        assert stderr >= 0
    assert np.isnan(env.truth.rollout(wary, 2, luck="common").stderr["gmv"]).all()


def test_the_last_week_of_an_open_cohort_can_be_reached() -> None:
    env, _ = cohort(population="open")
    found = env.truth.rollout(nobody, 6, replications=2)
    assert found.mean["gmv"].shape == (6,)
    assert (found.mean["gmv"] > 0).all()


def short(seen: Observation) -> Floats:
    return nobody(seen) * 0.9


@pytest.mark.parametrize(
    ("policy", "weeks", "options", "told"),
    [
        (nobody, 0, {}, "weeks must lie between 1 and the 6 left of 6; got 0"),
        (nobody, 7, {}, "weeks must lie between 1 and the 6 left of 6; got 7"),
        (nobody, 2, {"luck": "bad"}, "luck must be one of fresh, common; got 'bad'"),
        (nobody, 2, {"luck": "common", "replications": 3}, "one common luck, so one replication; got 3"),
        (nobody, 2, {"replications": 0}, "replications must be 1 or more; got 0"),
        (short, 2, {}, "week 0, user 0: probabilities must be >= 0, sum to 1"),
    ],
)
def test_what_cannot_be_rolled_out_is_told(policy: Policy, weeks: int, options: dict[str, Any], told: str) -> None:
    env, _ = cohort()
    with pytest.raises(DecisionError, match=told):
        env.truth.rollout(policy, weeks, **options)


def test_a_cohort_without_a_state_and_unlike_rollouts_are_refused() -> None:
    with pytest.raises(DecisionError, match=r"no state yet; call reset\(\) first"):
        CohortEnv(10).truth.rollout(nobody, 1)
    env, _ = cohort()
    with pytest.raises(DecisionError, match="can be paired where"):
        env.truth.rollout(nobody, 2).minus(env.truth.rollout(nobody, 3))
