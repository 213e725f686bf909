import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from experiments.monitors import Batch, Monitor, boundaries, monitor, monitor_class, names
from experiments.monitors.boundaries import Survivors, next_boundary, spent, start
from experiments.monitors.contrast import chain_correlation, compared, contrast
from experiments.monitors.group_sequential import GroupSequential
from experiments.monitors.replications import group_sequential_paths
from rage_env.errors import ConfigError, LogError, UnknownNameError

Floats = NDArray[np.float64]


def weeks_of(values: Floats, group: NDArray[np.int64] | int = 0) -> list[Batch]:
    """values: (weeks, n)."""
    return [Batch(week, np.arange(len(row)), group, row) for week, row in enumerate(values)]


def test_the_outcome_of_a_user_is_the_mean_per_enrolled_week() -> None:
    values = np.array([[1.0, 3.0, -1.0], [3.0, 1.0, 2.0]])
    made = monitor("naive_z")
    for batch in weeks_of(values):
        state = made.update(batch)
    means = values.mean(axis=0)
    assert state.estimate == pytest.approx(means.mean())
    assert state.z == pytest.approx(means.mean() / (means.std(ddof=1) / math.sqrt(3)))


def test_two_groups_are_compared_with_unpooled_variances() -> None:
    rng = np.random.default_rng(0)
    x, treated = rng.normal(size=50), np.arange(50) < 15
    now = contrast(x, treated)
    assert now.estimate / now.stderr == pytest.approx(ttest_ind(x[treated], x[~treated], equal_var=False).statistic)


def test_the_correlation_of_looks_is_that_of_the_user_means() -> None:
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=(3, 40)), axis=0)
    now = contrast(x, None)
    row = now.terms @ now.terms[2] / (now.stderr * now.stderr[2])
    assert row == pytest.approx(np.asarray(np.corrcoef(x))[2])


def test_looks_that_form_a_chain_are_taken_as_they_are() -> None:
    times = np.array([0.25, 0.5, 0.8])
    rho, chain = chain_correlation(np.sqrt(times[:2] / times[2]), np.array([np.sqrt(0.5), 1.0]), 10**9)
    assert rho == pytest.approx(np.sqrt(0.5 / 0.8))
    assert chain == pytest.approx(np.sqrt(times / 0.8))


def test_a_smooth_path_gets_higher_boundaries_than_its_neighbours_suggest() -> None:
    """Distant looks less alike than the product over the looks between: the chain must not claim more."""
    row = np.array([0.5, 0.99])
    rho, chain = chain_correlation(row, np.array([0.99, 1.0]), 10**15)
    assert rho == pytest.approx(0.5 / 0.99)
    assert (chain[:-1] <= row + 1e-6).all()


def test_smooth_paths_cross_too_often_where_only_neighbouring_looks_are_asked() -> None:
    """Means of integrated random walks, Pocock spending, 40,000 paths: 4.5 standard errors of .05 are .0049."""
    looks, reps = 12, 40_000
    sums = np.tril(np.ones((looks, looks)))
    root = np.linalg.matrix_power(sums, 3) / np.arange(1, looks + 1)[:, None]
    root /= np.linalg.norm(root, axis=1)[:, None]
    z = np.random.default_rng(0).normal(size=(reps, looks)) @ root.T
    correlation = root @ root.T
    increments = np.diff(spent(np.arange(1, looks + 1) / looks, 0.05, 2, "pocock"), prepend=0.0)

    def crossed(ask_all: bool) -> float:
        left, chain, bounds = start(), np.ones(1), np.empty(looks)
        for look, spend in enumerate(increments):
            rho: Floats = np.zeros(())
            if look:
                least, chain = chain_correlation(correlation[look, :look].copy(), chain, 10**12)
                rho = least if ask_all else np.asarray(correlation[look, look - 1])
            bounds[look], left = next_boundary(left, rho, float(spend))
        return float((np.abs(z) >= bounds).any(axis=1).mean())

    assert crossed(ask_all=True) <= 0.0549
    assert crossed(ask_all=False) > 0.0549


def test_boundaries_follow_the_looks_and_not_the_textbook_where_users_persist() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1, 4_000)) + rng.normal(size=(12, 4_000))
    made = monitor("group_sequential", weeks=12)
    last = [made.update(b) for b in weeks_of(values)][-1]
    assert last.boundary < boundaries("obf", 12)[-1] - 0.05


def test_a_clear_lift_stops_early_and_a_clear_loss_is_called_harm() -> None:
    noise = np.random.default_rng(2).normal(size=(12, 1_000))
    for effect, verdict in ((0.15, "lift"), (-0.15, "harm")):
        made = monitor("group_sequential", weeks=12)
        states = [made.update(b) for b in weeks_of(noise + effect)]
        assert made.path().stop_week is not None
        assert states[-1].verdict == verdict
        assert states[-1].lower < effect < states[-1].upper


def test_nothing_shown_by_the_end_of_the_plan_is_futile() -> None:
    values = np.random.default_rng(4).normal(size=(4, 1_000))
    values -= values.mean(axis=1, keepdims=True)
    made = monitor("group_sequential", weeks=4)
    assert [made.update(b).verdict for b in weeks_of(values)] == ["continue", "continue", "continue", "futile"]


def test_data_beyond_the_plan_have_no_error_left_to_spend() -> None:
    made = monitor("group_sequential", weeks=2)
    states = [made.update(b) for b in weeks_of(np.random.default_rng(3).normal(size=(3, 1_000)))]
    assert states[-1].verdict == "refused"
    assert "plan ended after 2 weeks" in states[-1].reason


def test_planned_looks_alone_spend_and_an_unplanned_one_is_said() -> None:
    values = np.random.default_rng(3).normal(size=(12, 1_000))
    made = monitor("group_sequential", weeks=12, looks=[4, 8, 12])
    assert isinstance(made, GroupSequential)
    states = [made.update(b, look=True if b.week == 5 else None) for b in weeks_of(values)]
    assert [s.week for s in states if not math.isnan(s.boundary)] == [3, 5, 7, 11]
    assert "unplanned look after 6 weeks" in states[5].reason
    assert states[6].lower == states[5].lower
    planned = monitor("group_sequential", weeks=12, looks=[4, 8, 12])
    bounds = [planned.update(b).boundary for b in weeks_of(values)]
    assert states[3].boundary == bounds[3]
    assert states[7].boundary > bounds[7]


def test_too_few_users_for_their_skewness_are_refused_until_capped() -> None:
    values = np.random.default_rng(5).lognormal(0, 2, (2, 500))
    open_ended = monitor("group_sequential", weeks=2)
    state = open_ended.update(weeks_of(values)[0])
    assert state.verdict == "refused"
    assert "355 x skewness squared" in state.reason
    capped = monitor("group_sequential", weeks=2, cap=5.0)
    assert capped.update(weeks_of(values)[0]).verdict != "refused"


def test_running_totals_fed_for_weekly_values_are_refused() -> None:
    totals = np.cumsum(np.cumsum(np.random.default_rng(6).normal(size=(4, 500)), axis=0), axis=0)
    strict, lenient = (
        monitor("group_sequential", weeks=4),
        monitor("group_sequential", weeks=4, falling_information="say"),
    )
    refused = [strict.update(b) for b in weeks_of(totals)][-1]
    assert refused.verdict == "refused"
    assert "running totals" in refused.reason
    said = [lenient.update(b) for b in weeks_of(totals)][-1]
    assert said.verdict != "refused"
    assert "information fell" in said.reason


def test_two_lives_without_a_difference_are_no_evidence_and_no_error() -> None:
    made = monitor("group_sequential", weeks=2)
    state = made.update(weeks_of(np.zeros((1, 10)))[0])
    assert (state.verdict, state.estimate, state.z) == ("continue", 0.0, 0.0)


@pytest.mark.parametrize("kind", ["group_sequential", "asymptotic_cs", "independent_cs", "naive_z"])
@pytest.mark.parametrize("level", [0.1, 1.0, 1e9 / 3])
def test_groups_of_which_every_user_has_the_same_value_are_no_evidence(kind: str, level: float) -> None:
    group = np.arange(1_201) % 2
    made = monitor(kind, mode="groups", **({} if kind == "naive_z" else {"weeks": 3}))
    for batch in weeks_of(np.full((3, 1_201), level), group):
        state = made.update(batch)
        assert (state.verdict, state.estimate, state.z) == ("continue", 0.0, 0.0)


@pytest.mark.parametrize("kind", ["group_sequential", "asymptotic_cs", "independent_cs"])
def test_a_metric_that_the_covariate_tells_in_full_is_no_evidence(kind: str) -> None:
    rng = np.random.default_rng(11)
    own, group = rng.normal(50.0, 9.0, 1_201), np.arange(1_201) % 2
    made = monitor(kind, mode="groups", weeks=3, adjust=True)
    for week in range(3):
        state = made.update(Batch(week, np.arange(1_201), group, 3 * own, covariate=own, covariate_week=-1))
        assert (state.verdict, state.estimate, state.z) == ("continue", 0.0, 0.0)


def test_a_difference_that_is_small_beside_the_mean_is_still_found() -> None:
    rng = np.random.default_rng(12)
    group = np.arange(4_000) % 2
    values = 1e9 + 1e-2 * rng.normal(size=4_000) + 5e-3 * group
    state = monitor("naive_z", mode="groups").update(weeks_of(values[None], group)[0])
    assert state.estimate == pytest.approx(5e-3, rel=0.25)
    assert state.z > 5


def test_a_covariate_from_before_narrows_the_interval_and_leaves_the_level() -> None:
    rng = np.random.default_rng(7)
    own, arms = rng.normal(size=2_000), np.arange(2_000) % 2 == 1
    x = own + 0.5 * rng.normal(size=2_000)
    assert contrast(x, compared(2_000, arms, own)).stderr < 0.5 * contrast(x, arms).stderr
    made = monitor("group_sequential", weeks=4, mode="groups", adjust=True)
    with pytest.raises(LogError, match="covariate is missing"):
        made.update(Batch(0, np.arange(4), np.array([0, 0, 1, 1]), np.ones(4)))


def test_rows_in_another_order_are_the_same_users() -> None:
    rng = np.random.default_rng(8)
    n = 600
    values, group = rng.normal(size=(4, n)), np.arange(n) % 3
    straight, shuffled = (monitor("group_sequential", weeks=4, mode="groups", treatment=2) for _ in range(2))
    for week in range(4):
        order = rng.permutation(n)
        a = straight.update(Batch(week, np.arange(n), group, values[week]))
        b = shuffled.update(Batch(week, np.arange(n)[order], group[order], values[week][order]))
    assert a.z == pytest.approx(b.z)
    assert a.boundary == pytest.approx(b.boundary)


@pytest.mark.parametrize("kind", ["group_sequential", "naive_z"])
def test_broken_cohorts_are_named_by_unit_and_row(kind: str) -> None:
    params = {"weeks": 4} if kind == "group_sequential" else {}
    unit, group, value = np.array([7, 8, 9, 10]), np.array([0, 0, 1, 1]), np.ones(4)

    def started() -> Monitor:
        made = monitor(kind, mode="groups", **params)
        made.update(Batch(3, unit, group, value))
        return made

    bad = [
        (Batch(4, unit, group[::-1].copy(), value), "unit 7 is in two groups"),
        (Batch(2, unit, group, value), "week 2 comes after week 3"),
        (Batch(3, unit, group, value), "week 3 was fed where week 4 comes next"),
        (Batch(6, unit, group, value), "week 6 was fed where week 4 comes next"),
        (Batch(4, np.array([7, 8, 9, 11]), group, value), "unit 10 has no row"),
        (Batch(4, np.append(unit, 11), np.append(group, 0), np.ones(5)), "row 4: unit 11 was not enrolled"),
        (Batch(4, np.append(unit, 7), np.append(group, 0), np.ones(5)), "row 4: unit 7 came twice"),
        (Batch(4, unit, np.array([0, 0, 0, 1]), value), "treatment group 1 has 1 rows"),
    ]
    for batch, message in bad:
        made = started()
        with pytest.raises(LogError, match=message):
            made.update(batch)
    fresh = monitor(kind, mode="groups", **params)
    with pytest.raises(LogError, match="row 1: unit 7 is in two groups"):
        fresh.update(Batch(0, np.array([7, 7, 8, 9, 10]), np.array([0, 1, 0, 1, 1]), np.ones(5)))
    with pytest.raises(LogError, match="row 1: unit 7 has a second row"):
        fresh.update(Batch(0, np.array([7, 7, 8, 9, 10]), np.array([0, 0, 0, 1, 1]), np.ones(5)))


def test_a_batch_refuses_what_it_cannot_carry() -> None:
    unit, value = np.arange(3), np.ones(3)
    bad: list[tuple[dict[str, object], str]] = [
        ({"unit": np.array([0.5, 1, 2])}, "unit must be a row of whole numbers"),
        ({"unit": np.empty(0, np.int64)}, "holds no rows"),
        ({"value": np.array([1.0, np.nan, 2.0])}, r"row 1 \(unit 1\): value must be finite; got nan"),
        ({"value": np.array([1.0, 2e160, 2.0])}, r"row 1 \(unit 1\): value must be finite, and at most 1e\+150"),
        ({"value": np.ones(2)}, r"value has shape \(2,\) for 3 units"),
        ({"denominator": np.array([1.0, -2.0, 2.0])}, r"row 1 \(unit 1\): denominator must be >= 0; got -2.0"),
        ({"propensity": np.array([1.0, 0.0, 0.5])}, r"row 1 \(unit 1\): propensity must lie in \(0, 1\]"),
        ({"group": np.array([0, -1, 0])}, r"row 1 \(unit 1\): group must be a code from 0; got -1"),
        ({"age_weeks": -1}, "age_weeks must be >= 0, got -1"),
    ]
    for wrong, message in bad:
        with pytest.raises(LogError, match=message):
            Batch(**{"week": 0, "unit": unit, "group": 0, "value": value, **wrong})  # type: ignore[arg-type]  # on purpose


def test_unknown_monitors_and_parameters_get_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'group_sequential'"):
        monitor("group_seqential")
    with pytest.raises(UnknownNameError, match="no monitor is called 'contrast'"):
        monitor("contrast")
    with pytest.raises(ConfigError, match="no parameter 'alpa': did you mean 'alpha'"):
        monitor("group_sequential", weeks=4, alpa=0.1)
    with pytest.raises(ConfigError, match="parameter 'weeks' is needed"):
        monitor("group_sequential")
    with pytest.raises(ConfigError, match=r"alpha: must lie strictly between 0 and 1, got 1\.5"):
        monitor("group_sequential", weeks=4, alpha=1.5)
    with pytest.raises(ConfigError, match=r"looks: must rise within 1..4 weeks elapsed, got \[2, 5\]"):
        monitor("group_sequential", weeks=4, looks=[2, 5])
    with pytest.raises(ConfigError, match="alpha: must lie strictly between 0 and 1, got 'tiny'"):
        monitor("group_sequential", weeks=4, alpha="tiny")
    with pytest.raises(ConfigError, match="weeks: must be a whole number of at least 1, got 'many'"):
        monitor("group_sequential", weeks="many")
    with pytest.raises(ConfigError, match="mode: must be one of paired, groups, got 'pared'"):
        monitor("naive_z", mode="pared")


def test_every_file_that_spells_its_class_is_a_monitor() -> None:
    assert {"group_sequential", "naive_z", "ratio_betting"} <= set(names())
    assert all(monitor_class(n).kind == n for n in names())


def test_coarse_nodes_of_replications_agree_with_the_monitors_own() -> None:
    values = np.random.default_rng(9).normal(size=(1, 12, 300))
    means = np.cumsum(values, axis=1) / np.arange(1, 13)[:, None]
    made = monitor("group_sequential", weeks=12)
    bounds = [made.update(b).boundary for b in weeks_of(values[0])]
    assert group_sequential_paths(means, None).bound[0] == pytest.approx(bounds, abs=1e-4)


def test_survivors_hold_the_mass_that_was_not_spent() -> None:
    left: Survivors = start()
    total = 0.0
    for rho, spend in ((0.0, 0.01), (0.8, 0.02), (0.9, 0.02)):
        _, left = next_boundary(left, np.float64(rho), spend)
        total += spend
        assert left.mass.sum() == pytest.approx(1 - total, abs=1e-9)
