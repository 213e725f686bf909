"""Laws that hold for any log: identities between estimators and with plain means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from experiments import estimators
from experiments.estimators._discovery import load

Floats = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


def random_log(seed: int, users: int = 40, weeks: int = 3, k: int = 4) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """A log with the probabilities it was drawn from, a target and a reward model: (n, k) each."""
    rng = np.random.default_rng(seed)
    n = users * weeks
    logged, target = rng.dirichlet(np.ones(k) * 2, n) * 0.8 + 0.2 / k, rng.dirichlet(np.ones(k), n)
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)
    frame = pd.DataFrame(
        {
            "user_id": np.tile(np.arange(users) * 7 + 3, weeks),
            "week": np.repeat(np.arange(weeks), users),
            "arm": arm,
            "propensity": logged[np.arange(n), arm],
            "reward": rng.normal(size=n) + arm,
        }
    )
    return frame, logged, target, rng.normal(size=(n, k))


def values(*args: object, **options: object) -> dict[str, float]:
    frame = estimators.evaluate(*args, **options)  # type: ignore[arg-type]  # passed through
    return {str(name): float(value) for name, value in zip(frame["estimator"], frame["value"], strict=True)}


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_no_reward_and_no_model_is_worth_nothing(seed: int) -> None:
    log, _, target, q = random_log(seed)
    assert set(values(log.assign(reward=0.0), target, q_hat=0 * q).values()) == {0.0}


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_snips_and_naive_stay_within_the_rewards(seed: int) -> None:
    log, _, target, _ = random_log(seed)
    for value in values(log, target, ["snips", "naive"]).values():
        assert log["reward"].min() <= value <= log["reward"].max()


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_constant_reward_is_found_exactly_by_what_normalises_or_models(seed: int) -> None:
    log, _, target, q = random_log(seed)
    found = estimators.evaluate(log.assign(reward=3.7), target, ["snips", "dm", "dr", "sndr"], q_hat=0 * q + 3.7)
    assert found["value"].to_list() == pytest.approx([3.7] * 4, abs=1e-12)
    assert found["stderr"].to_list() == pytest.approx([0.0] * 4, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_dr_without_a_model_is_ips(seed: int) -> None:
    log, _, target, q = random_log(seed)
    found = estimators.evaluate(log, target, ["dr", "ips", "sndr", "snips"], q_hat=0 * q)
    for column in ("value", "stderr", "lower", "upper", "ess"):
        dr, ips, sndr, snips = found[column]
        assert (dr, sndr) == pytest.approx((ips, snips), abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_policy_that_was_logged_is_worth_the_mean(seed: int) -> None:
    log, logged, _, q = random_log(seed)
    found = values(log, logged, ["ips", "snips"], q_hat=q)
    assert list(found.values()) == pytest.approx([log["reward"].mean()] * 2, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(-50, 50), st.floats(0.01, 100))
def test_units_of_the_reward_pass_through(seed: int, shift: float, scale: float) -> None:
    log, _, target, q = random_log(seed)
    plain = values(log, target, q_hat=q)
    moved = values(log.assign(reward=shift + scale * log["reward"]), target, q_hat=shift + scale * q)
    weight = values(log.assign(reward=1.0), target, ["ips", "mips", "clipped_ips", "sg_ips"])
    for name, value in plain.items():
        add = shift * weight.get(name, 1.0)
        assert moved[name] == pytest.approx(add + scale * value, rel=1e-9, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_order_of_rows_and_the_names_of_users_do_not_matter(seed: int) -> None:
    log, _, target, q = random_log(seed)
    order = np.random.default_rng(seed).permutation(len(log))
    names = [name for name, e in load().items() if not e.asks]  # names decide who falls into which fold
    told = log.assign(user_id=[f"user {u}" for u in log["user_id"]]).iloc[order]
    here, there = (
        estimators.evaluate(*asked, names, q_hat=model).select_dtypes("number").to_numpy(float)
        for asked, model in (((log, target), q), ((told, target[order]), q[order]))
    )
    np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_policy_compared_with_itself_differs_by_nothing(seed: int) -> None:
    log, _, target, q = random_log(seed)
    found = estimators.evaluate(log, target, q_hat=q, baseline_probs=target)
    assert (found[["value", "stderr"]].to_numpy() == 0).all()


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_difference_is_the_difference_of_two_values(seed: int) -> None:
    log, logged, target, q = random_log(seed)
    both = values(log, target, q_hat=q, baseline_probs=logged)
    one, other = values(log, target, q_hat=q), values(log, logged, q_hat=q)
    assert both == pytest.approx({name: one[name] - other[name] for name in one}, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_ratio_to_assigned_is_the_plain_mean_where_weights_cancel(seed: int) -> None:
    log, _, target, _ = random_log(seed)
    ratio = values(log, target, ["ips"], metric="reward/assigned")["ips"]
    assert ratio == pytest.approx(values(log, target, ["snips"])["snips"], abs=1e-12)


def test_more_rows_than_a_chunk_are_all_counted() -> None:
    log, _, target, q = random_log(5, users=9_000)  # 27,000 rows
    weight = target[np.arange(len(log)), log["arm"]] / log["propensity"]
    found = values(log, target, ["ips", "dm"], q_hat=q)
    assert found["ips"] == pytest.approx(float((weight * log["reward"]).mean()), abs=1e-12)
    assert found["dm"] == pytest.approx(float((target * q).sum(axis=1).mean()), abs=1e-12)


def test_a_chunk_in_which_nobody_has_left_is_summed_like_the_others() -> None:
    """Users leave in the last week only; naive and dm share an array of ones wherever all are there."""
    log, _, target, q = random_log(5, users=9_000)
    log = log.assign(present=log["week"] < 2)
    log.loc[~log["present"], ["arm", "propensity", "reward"]] = [0, 1.0, 0.0]
    for order in (np.arange(len(log)), np.arange(len(log))[::-1]):
        here, wish, model = log.iloc[order], target[order], q[order]
        stay = here["present"].to_numpy()
        match = wish[np.arange(len(log)), here["arm"]][stay]
        found = values(here, wish, ["naive", "dm"], q_hat=model)
        naive = float((match * here["reward"][stay]).sum() / match.sum())
        assert found["naive"] == pytest.approx(naive * stay.mean(), abs=1e-12)
        assert found["dm"] == pytest.approx(float((wish * model).sum(axis=1)[stay].sum()) / len(log), abs=1e-12)


def test_departed_users_count_as_nothing_under_any_policy() -> None:
    log, _, target, q = random_log(1)
    gone = np.arange(len(log)) % 3 == 0
    log = log.assign(present=~gone)
    log.loc[gone, ["arm", "propensity", "reward"]] = [0, 1.0, 0.0]
    zeroed = np.where(gone[:, None], np.eye(4)[0], target)
    flat = np.where(gone[:, None], 0.0, q)
    fits = {"balanced_ips", "cdf_dr", "dr_sequential", "fqe", "mis", "mrdr"}  # on those who are present
    names = [n for n in estimators.names() if n not in {"naive", *fits}]
    assert values(log, target, names, q_hat=q) == values(log.drop(columns="present"), zeroed, names, q_hat=flat)


def test_naive_is_not_made_to_look_worse_by_people_who_left() -> None:
    log, logged, _, _ = random_log(2)
    gone = np.arange(len(log)) % 3 == 0
    log = log.assign(present=~gone)
    log.loc[gone, ["arm", "propensity", "reward"]] = [0, 1.0, 0.0]
    uniform = np.full(logged.shape, 1 / logged.shape[1])
    assert values(log, uniform, ["naive"])["naive"] == pytest.approx(log["reward"].mean(), abs=1e-12)
