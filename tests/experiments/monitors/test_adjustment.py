"""CUPED and CUPAC: the same figures as textbook regression, the promised level at few users, and no leaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from experiments.monitors import Batch, monitor
from experiments.monitors.contrast import compared, contrast
from experiments.monitors.cupac import Column, Foretold, foretell
from rage_env.errors import ConfigError, LogError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def old_z(x: Floats, own: Floats, arms: Bools) -> Floats:
    """What was here before: residuals of pooled CUPED tested as if nothing had been fitted. x, own: (..., n)."""
    dev, y = own.copy(), x.copy()
    for members in (arms, ~arms):
        dev[..., members] -= dev[..., members].mean(axis=-1, keepdims=True)
        y[..., members] -= y[..., members].mean(axis=-1, keepdims=True)
    slope = (dev * y).sum(axis=-1) / (dev**2).sum(axis=-1)
    cut = x - slope[..., None] * own
    up, down = cut[..., arms], cut[..., ~arms]
    variance = up.var(axis=-1, ddof=1) / up.shape[-1] + down.var(axis=-1, ddof=1) / down.shape[-1]
    return np.asarray((up.mean(axis=-1) - down.mean(axis=-1)) / np.sqrt(variance), np.float64)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), treated=st.integers(4, 20), newcomers=st.integers(0, 5))
def test_adjusted_differences_are_those_of_a_regression_with_hc2_errors_and_bell_mccaffrey_freedom(
    seed: int, treated: int, newcomers: int
) -> None:
    """Written out with n x n matrices."""
    rng, n = np.random.default_rng(seed), 30
    arms, own = np.arange(n) < treated, rng.normal(5, 2, n)
    new = rng.permutation(n) < newcomers
    x = own * rng.normal(size=n) + arms
    columns = [np.ones(n), arms, np.where(new, 0.0, own)] + [new.astype(float)] * (newcomers > 0)
    design = np.column_stack(columns)
    inverse = np.linalg.pinv(design)
    maker = np.eye(n) - design @ inverse
    a = inverse[1] ** 2 / np.maximum(np.diag(maker), 1e-12)
    product = a[:, None] * maker
    now = contrast(x, compared(n, arms, np.where(new, np.nan, own)))
    assert float(now.estimate) == pytest.approx(inverse[1] @ x, abs=1e-9)
    assert float(now.stderr) ** 2 == pytest.approx(a @ (maker @ x) ** 2, rel=1e-6)
    freedom = np.trace(product) ** 2 / np.trace(product @ product)
    assert float(now.freedom) == pytest.approx(max(freedom, 1.0), rel=1e-6)


def test_without_covariates_freedom_is_what_textbooks_say() -> None:
    half = np.arange(40) < 20
    assert float(compared(40, half).freedom) == pytest.approx(38)
    assert float(compared(40, None).freedom) == pytest.approx(39)


def test_twelve_users_keep_their_level_and_the_old_errors_would_not() -> None:
    """100,000 replications: 5 standard errors of .05 are .0035."""
    rng, reps, n = np.random.default_rng(0), 100_000, 12
    arms, own = np.arange(n) % 2 == 0, rng.normal(size=(reps, n))
    x = own + rng.normal(size=(reps, n))
    bound = -ndtri(0.025)
    ours = np.abs(contrast(x, compared(n, arms, own)).z) >= bound
    assert abs(ours.mean() - 0.05) <= 0.0035
    assert (np.abs(old_z(x, own, arms)) >= bound).mean() > 0.08


def test_the_interval_leaves_zero_out_exactly_where_z_reaches_its_bound() -> None:
    x, arms = np.random.default_rng(1).normal(size=14), np.arange(14) < 6
    now = contrast(x, arms)
    assert now.reach(abs(float(now.z))) == pytest.approx(abs(float(now.estimate)), rel=1e-9)
    assert now.reach(np.inf) == np.inf


def test_newcomers_move_no_slope_and_a_covariate_of_no_use_changes_nothing() -> None:
    rng, n = np.random.default_rng(2), 400
    arms, own = np.arange(n) % 2 == 0, rng.normal(size=n)
    x = 2 * own + 0.1 * rng.normal(size=n)
    new = np.arange(n) >= 380
    x[new] += 50.0
    kept = contrast(x, compared(n, arms, np.where(new, np.nan, own)))
    taken_for_average = contrast(x, compared(n, arms, np.where(new, 0.0, own)))
    assert float(kept.stderr) < 0.1 * float(taken_for_average.stderr)
    flat = contrast(x, compared(n, arms, np.full(n, 7.0)))
    assert float(flat.estimate) == pytest.approx(float(contrast(x, arms).estimate))
    assert float(flat.stderr) == pytest.approx(float(contrast(x, arms).stderr))


def weekly(rng: np.random.Generator, n: int, weeks: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    own = rng.normal(size=n)
    return own, own + 0.5 * rng.normal(size=(weeks, n)), np.arange(n) % 2


@pytest.mark.parametrize("kind", ["group_sequential", "asymptotic_cs"])
def test_a_covariate_known_only_after_exposure_is_refused(kind: str) -> None:
    own, values, group = weekly(np.random.default_rng(3), 200, 3)
    made = monitor(kind, weeks=3, mode="groups", adjust=True)
    with pytest.raises(LogError, match="covariate draws on week 4, known only after exposure began in week 4"):
        made.update(Batch(4, np.arange(200), group, values[0], covariate=own, covariate_week=4))
    made.update(Batch(4, np.arange(200), group, values[0], covariate=own, covariate_week=3))
    later = own.copy()
    later[17] += 1.0
    with pytest.raises(LogError, match=r"row 17 \(unit 17\): covariate has changed since exposure began"):
        made.update(Batch(5, np.arange(200), group, values[1], covariate=later))
    assert made.update(Batch(5, np.arange(200), group, values[1])).verdict == "continue"


@pytest.mark.parametrize("kind", ["group_sequential", "asymptotic_cs"])
def test_newcomers_go_through_a_monitor_and_infinite_pasts_do_not(kind: str) -> None:
    own, values, group = weekly(np.random.default_rng(4), 200, 2)
    own[:10] = np.nan
    made = monitor(kind, weeks=2, mode="groups", adjust=True, users_per_skew2=0.0)
    state = made.update(Batch(0, np.arange(200), group, values[0], covariate=own))
    plain = monitor(kind, weeks=2, mode="groups").update(Batch(0, np.arange(200), group, values[0]))
    assert state.upper - state.lower < plain.upper - plain.lower
    own[0] = np.inf
    with pytest.raises(LogError, match=r"row 0 \(unit 0\): covariate must be finite"):
        Batch(0, np.arange(200), group, values[0], covariate=own)


def test_a_model_of_the_past_narrows_more_than_any_one_column_of_it() -> None:
    rng, n = np.random.default_rng(5), 3_000
    skill, columns = rng.normal(size=(n, 3)), [Column("visits", 6), Column("spend", 7), Column("age", 2)]
    weight = np.array([1.0, -2.0, 0.5])
    trained = foretell(
        skill + 0.1 * rng.normal(size=(n, 3)),
        skill @ weight + rng.normal(size=n),
        skill,
        columns,
        exposure_week=8,
        outcome_week=7,
    )
    assert trained.week == 7
    arms, x = np.arange(n) % 2 == 0, skill @ weight + 0.5 * rng.normal(size=n)
    by_model = contrast(x, compared(n, arms, trained.value)).stderr
    by_column = contrast(x, compared(n, arms, skill[:, 1])).stderr
    assert by_model < 0.6 * by_column


def told(columns: list[Column], **other: int) -> Foretold:
    past = np.random.default_rng(6).normal(size=(20, len(columns)))
    return foretell(past, past.sum(axis=1), past, columns, **{"exposure_week": 8, "outcome_week": 7, **other})


def test_a_model_that_has_seen_the_experiment_is_refused_by_the_name_of_what_it_saw() -> None:
    with pytest.raises(LogError, match=r"columns: clicks \(week 8\) known only after exposure began in week 8"):
        told([Column("spend", 7), Column("clicks", 8)])
    with pytest.raises(LogError, match=r"the outcome to learn from \(week 9\)"):
        told([Column("spend", 7)], outcome_week=9)
    with pytest.raises(ConfigError, match="ridge: must be a finite number above 0"):
        foretell(
            np.ones((3, 1)), np.ones(3), np.ones((3, 1)), [Column("a", 0)], exposure_week=2, outcome_week=1, ridge=0
        )


def test_leaking_the_outcome_would_hide_an_effect_that_is_there() -> None:
    """Why leaks are refused: adjusted for what the treatment did, nothing is left to see."""
    rng, n = np.random.default_rng(7), 2_000
    arms, own = np.arange(n) % 2 == 0, rng.normal(size=n)
    clicks = own + 1.0 * arms + 0.1 * rng.normal(size=n)
    x = clicks + 0.5 * rng.normal(size=n)
    assert contrast(x, compared(n, arms, own)).z > 20
    assert abs(contrast(x, compared(n, arms, clicks)).estimate) < 0.1
