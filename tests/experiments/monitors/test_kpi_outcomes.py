"""Ratios, accounts, caps, futility and looks off the plan: what the KPI monitors do with each, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from experiments.monitors import Batch, monitor
from experiments.monitors.contrast import contrast, linearised
from experiments.monitors.group_sequential import GroupSequential
from rage_env.errors import ConfigError, InputError, LogError

Floats = NDArray[np.float64]
KPI = ["group_sequential", "asymptotic_cs"]


def test_a_ratio_of_sums_and_its_error_are_those_of_the_delta_method_by_hand() -> None:
    value, size = np.array([2.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0])
    x = linearised(value, size, None)
    assert x == pytest.approx(2.5 + (value - 2.5 * size) / 2)
    assert x.mean() == pytest.approx(15 / 6)
    arms = np.array([True, True, False])
    split = linearised(value, size, arms)
    assert split[arms].mean() - split[~arms].mean() == pytest.approx(6 / 3 - 9 / 3)
    assert linearised(value, np.zeros(3), None).tolist() == [0.0, 0.0, 0.0]


def test_a_ratio_keeps_its_level_where_sizes_and_values_go_together() -> None:
    """20,000 replications: 5 standard errors of .05 are .0077."""
    rng, reps, n = np.random.default_rng(0), 20_000, 120
    size = rng.gamma(2.0, 1.0, (reps, n))
    arms = np.arange(n) < 50
    value = size * (1 + 0.3 * rng.normal(size=(reps, n))) + rng.normal(size=(reps, n))
    bound = -ndtri(0.025)
    ours = np.abs(contrast(linearised(value, size, arms), arms).z) >= bound
    assert abs(ours.mean() - 0.05) <= 0.0077
    one, two = (value[:, a].sum(axis=1) / size[:, a].sum(axis=1) for a in (arms, ~arms))
    sizes_taken_for_fixed = np.sqrt(value.var(axis=1) * (1 / 50 + 1 / 70)) / size.mean(axis=1)
    assert (np.abs(one - two) / sizes_taken_for_fixed >= bound).mean() < 0.02


@pytest.mark.parametrize("kind", KPI)
def test_a_monitor_of_a_ratio_compares_sums_and_needs_denominators(kind: str) -> None:
    rng, n = np.random.default_rng(1), 400
    group, size = np.arange(n) % 2, rng.gamma(2.0, 1.0, (2, n))
    value = size * (1 + 0.1 * rng.normal(size=(2, n)))
    made = monitor(kind, weeks=2, mode="groups", outcome="ratio")
    with pytest.raises(LogError, match="denominator is missing; outcome ratio needs"):
        made.update(Batch(0, np.arange(n), group, value[0]))
    for week in range(2):
        state = made.update(Batch(week, np.arange(n), group, value[week], size[week]))
    one, two = (value[:, group == g].sum() / size[:, group == g].sum() for g in (1, 0))
    assert state.estimate == pytest.approx(one - two)
    assert "share of the total denominator" in state.null


def accounts(rng: np.random.Generator, n: int, weeks: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Account and group of each of 3 n users, and values that share most of their luck within an account."""
    account = np.repeat(np.arange(n), 3)
    return account, account % 2, rng.normal(size=n)[account] + 0.3 * rng.normal(size=(weeks, 3 * n))


@pytest.mark.parametrize("kind", KPI)
def test_users_of_an_account_are_one_unit_and_the_kpi_stays_per_user(kind: str) -> None:
    account, group, values = accounts(np.random.default_rng(2), 200, 2)
    by_account = monitor(kind, weeks=2, mode="groups", rows_per_unit=3)
    by_user = monitor(kind, weeks=2, mode="groups")
    for week in range(2):
        a = by_account.update(Batch(week, account, group, values[week]))
        b = by_user.update(Batch(week, np.arange(600), group, values[week]))
    assert a.estimate == pytest.approx(b.estimate)
    assert a.n_units == 200
    assert a.z == pytest.approx(b.z / np.sqrt(3), rel=0.2)


def test_users_of_an_account_taken_for_strangers_raise_far_too_many_alarms() -> None:
    rng, reps, n = np.random.default_rng(3), 2_000, 60
    luck = rng.normal(size=(reps, n, 1)) + 0.3 * rng.normal(size=(reps, n, 3))
    arms, bound = np.arange(n) % 2 == 0, -ndtri(0.025)
    strangers = contrast(luck.reshape(reps, -1), np.repeat(arms, 3))
    assert (np.abs(strangers.z) >= bound).mean() > 0.2
    assert (np.abs(contrast(luck.mean(axis=2), arms).z) >= bound).mean() <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / reps)


def test_accounts_that_change_their_size_or_straddle_groups_are_named() -> None:
    account, group, values = accounts(np.random.default_rng(4), 10, 2)
    made = monitor("group_sequential", weeks=4, mode="groups", rows_per_unit=3)
    made.update(Batch(0, account, group, values[0]))
    with pytest.raises(LogError, match="unit 0 has 2 rows, 3 in the first week"):
        made.update(Batch(1, account[1:], group[1:], values[1][1:]))
    with pytest.raises(LogError, match=r"row 0 \(unit 0\): group must be one for all rows of a unit"):
        made.update(Batch(1, account, np.where(np.arange(30) == 0, 1, group), values[1]))
    tight = monitor("group_sequential", weeks=4, mode="groups", rows_per_unit=2)
    with pytest.raises(LogError, match="unit 0 has 3 rows, declared are 2; set rows_per_unit for accounts"):
        tight.update(Batch(0, account, group, values[0]))


@pytest.mark.parametrize("kind", KPI)
def test_accounts_and_ratios_merge_and_go_on_after_saving(kind: str) -> None:
    account, group, values = accounts(np.random.default_rng(5), 100, 3)
    size = np.random.default_rng(6).gamma(2.0, 1.0, values.shape)

    params = {"weeks": 3, "mode": "groups", "rows_per_unit": 3, "outcome": "ratio", "users_per_skew2": 0.0}
    whole, left, right, again = (monitor(kind, **params) for _ in range(4))
    half = account < 50
    for week in range(3):
        batch = Batch(week, account, group, values[week], size[week])
        whole.update(batch)
        left.update(batch.where(half))
        right.update(batch.where(~half))
        if week == 1:
            again.load(*whole.save())
    assert left.merge(right).states[-1].z == pytest.approx(whole.states[-1].z)
    assert left.merge(right).states[-1].boundary == pytest.approx(whole.states[-1].boundary)
    assert again.update(batch).z == pytest.approx(whole.states[-1].z)


@pytest.mark.parametrize("kind", [*KPI, "naive_z"])
def test_a_cap_declared_after_the_first_look_is_refused_by_name(kind: str) -> None:
    params = {} if kind == "naive_z" else {"weeks": 4}
    values = np.random.default_rng(7).normal(size=(2, 50))
    open_ended, capped = monitor(kind, **params), monitor(kind, cap=2.0, **params)
    batch = Batch(3, np.arange(50), 0, values[0])
    for made in (open_ended, capped):
        made.update(batch)
        with pytest.raises(ConfigError, match=r"cap: 1\.5 was declared after week 3 had been seen"):
            made.cohort.cap = 1.5  # type: ignore[attr-defined]  # of every KPI monitor
    with pytest.raises(ConfigError, match=r"cap: 2\.0 is declared for data seen since week 3 under None"):
        monitor(kind, cap=2.0, **params).load(*open_ended.save())
    other = monitor(kind, cap=2.0, **params)
    other.update(Batch(3, np.arange(50, 90), 0, values[1][:40]))
    with pytest.raises(LogError, match="merge shards of one declaration"):
        open_ended.merge(other)


@pytest.mark.parametrize("kind", KPI)
def test_a_monitor_that_has_seen_nothing_can_be_saved(kind: str) -> None:
    twin = monitor(kind, weeks=3)
    twin.load(*monitor(kind, weeks=3).save())
    assert twin.states == []


def futile_share(effect: float, reps: int = 150, n: int = 150) -> float:
    """Share of replications called futile before the end and before any lift; final z is 3.4 at effect .11."""
    rng, futile = np.random.default_rng(8), 0
    plan = {"weeks": 6, "sides": 1, "alpha": 0.025, "least_effect": 0.11, "power": 0.9, "futility": "pocock"}
    for _ in range(reps):
        made = monitor("group_sequential", **plan)
        values = rng.normal(size=(6, n)) * np.sqrt(6) * 0.4 + effect
        states = [made.update(Batch(week, np.arange(n), 0, row)) for week, row in enumerate(values)]
        called = [s.week for s in states[:-1] if s.verdict == "futile"]
        stop = made.path().stop_week
        futile += bool(called) and (stop is None or called[0] < stop)
    return futile / reps


def test_futility_ends_most_tests_of_nothing_early_and_few_of_what_is_worth_finding() -> None:
    """The error of overlooking the least effect is .1 by the plan; 150 replications: 4 standard errors are .098."""
    assert futile_share(0.0) > 0.7
    assert futile_share(0.11) <= 0.1 + 0.098


def test_a_look_called_futile_says_so_and_does_not_bind() -> None:
    made = monitor("group_sequential", weeks=4, least_effect=1.0)
    values = np.random.default_rng(9).normal(size=(4, 500))
    values -= values.mean(axis=1, keepdims=True)
    state = made.update(Batch(0, np.arange(500), 0, values[0]))
    assert state.verdict == "futile"
    assert "a lift of 1 is unlikely to be found" in state.reason
    for week in range(1, 4):
        state = made.update(Batch(week, np.arange(500), 0, values[week] + 5.0))
    assert state.verdict == "lift"


@settings(max_examples=20, deadline=None)
@given(weeks=st.integers(2, 8), data=st.data())
def test_looks_off_the_plan_are_spent_by_its_rule_and_never_beyond_alpha(weeks: int, data: st.DataObject) -> None:
    planned = sorted(data.draw(st.sets(st.integers(1, weeks), min_size=1)))
    asked = data.draw(st.sets(st.integers(1, weeks)))
    made = monitor("group_sequential", weeks=weeks, looks=planned, spending="pocock", users_per_skew2=0.0)
    assert isinstance(made, GroupSequential)
    values = np.random.default_rng(weeks).normal(size=(weeks, 60))
    for week, row in enumerate(values):
        elapsed = week + 1
        state = made.update(Batch(week, np.arange(60), 0, row), look=True if elapsed in asked else None)
        unplanned = elapsed in asked and elapsed not in planned
        said = f"unplanned look after {elapsed} weeks, error spent by calendar time, rule pocock"
        assert (said in state.reason) == unplanned
    assert made.rule.by(1.0) == pytest.approx(0.05)


@settings(max_examples=20, deadline=None)
@given(growth=st.floats(1.2, 4.0))
def test_information_that_falls_is_refused_or_said_never_passed_over(growth: float) -> None:
    values = np.random.default_rng(10).normal(size=(2, 400)) * np.array([[1.0], [3 * growth]])
    for way, verdict in (("refuse", "refused"), ("say", "")):
        made = monitor("group_sequential", weeks=3, falling_information=way, users_per_skew2=0.0)
        for week, row in enumerate(values):
            state = made.update(Batch(week, np.arange(400), 0, row))
        assert "information fell since an earlier look" in state.reason
        assert not verdict or state.verdict == verdict


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"looks": []}, "looks: must rise within"),
        ({"looks": [0, 2]}, "looks: must rise within"),
        ({"looks": [2, 1]}, "looks: must rise within"),
        ({"sides": 3}, "sides: must be 1 or 2"),
        ({"spending": "classical_obf"}, "no spending function is called 'classical_obf'"),
        ({"shape": 2.0}, "shape: obf has none"),
        ({"outcome": "median"}, "outcome: must be one of mean, ratio"),
        ({"rows_per_unit": 0}, "rows_per_unit: must be a whole number"),
        ({"least_effect": -1.0}, "least_effect: must be a finite number above 0"),
        ({"least_effect": 1.0, "power": 1.0}, "power: must lie strictly between 0 and 1"),
        ({"least_effect": 1.0, "futility": "soon"}, "no spending function is called 'soon'"),
        ({"adjust": True}, "adjust: a paired difference has no covariate"),
        ({"cap": 0.0}, "cap: must be a finite number above 0"),
        ({"weeks": 0}, "weeks: must be a whole number of at least 1"),
        ({"alpha": 0.0}, "alpha: must lie strictly between 0 and 1"),
        ({"comparisons": 0}, "comparisons: must be a whole number"),
    ],
)
def test_plans_that_make_no_sense_are_refused_before_any_data_come(params: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        monitor("group_sequential", **{"weeks": 4, **params})
