import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from experiments.monitors import Batch, monitor
from experiments.monitors.empirical_bernstein import interval_paths
from experiments.monitors.mixture import log_mixture, mixture_bound, mixture_scale
from experiments.monitors.ssrm import log_bayes_factor
from rage_env.errors import ConfigError, LogError


def test_evidence_of_the_mixture_reaches_one_over_alpha_just_at_its_bound() -> None:
    information = np.geomspace(0.1, 1e4, 7)
    scale = float(mixture_scale(np.array(50.0), 0.05))
    bound = mixture_bound(information, scale, 0.05)
    assert log_mixture(bound, information, scale) == pytest.approx(np.full(7, math.log(20)))


def test_evidence_is_the_mixture_of_likelihood_ratios_over_normal_drifts() -> None:
    z, information, scale = 2.5, 30.0, 0.04
    drift = z / math.sqrt(information)

    def integrand(theta: float) -> float:
        ratio = math.exp(information * (theta * drift - theta**2 / 2))
        return ratio * math.exp(-(theta**2) / (2 * scale)) / math.sqrt(2 * math.pi * scale)

    by_quadrature = quad(integrand, -3, 3)[0]
    log_e = float(log_mixture(np.array(z), np.array(information), scale))
    assert math.exp(log_e) == pytest.approx(by_quadrature, rel=1e-8)


def test_the_sequence_is_tightest_where_it_was_aimed() -> None:
    def width(log_scale: float) -> float:
        return float(mixture_bound(np.array(80.0), math.exp(log_scale), 0.05))

    best = minimize_scalar(width, bounds=(-10, 5), method="bounded")
    assert math.exp(best.x) == pytest.approx(float(mixture_scale(np.array(80.0), 0.05)), rel=1e-3)


def test_weeks_that_hang_together_are_refused_where_a_brownian_motion_is_assumed() -> None:
    rng, n = np.random.default_rng(0), 4_000
    made = monitor("asymptotic_cs", weeks=12)
    value = rng.normal(size=n)
    for week in range(12):
        state = made.update(Batch(week, np.arange(n), 0, value))
        value = 0.9 * value + math.sqrt(1 - 0.81) * rng.normal(size=n)
    assert state.verdict == "refused"
    assert "use independent_cs, or group_sequential" in state.reason


def test_independent_weeks_and_constant_users_are_not_refused() -> None:
    rng, n = np.random.default_rng(1), 4_000
    own = rng.normal(size=n)
    made = monitor("asymptotic_cs", weeks=12)
    states = [made.update(Batch(week, np.arange(n), 0, own + rng.normal(size=n) + 0.3)) for week in range(12)]
    assert {s.verdict for s in states} <= {"continue", "lift"}
    assert states[-1].verdict == "lift"
    assert states[-1].lower < 0.3 < states[-1].upper


def test_the_bayes_factor_of_two_heads_is_the_one_worked_by_hand() -> None:
    """Polya urn with 2 + 2 balls: P(two heads) = 2/4 x 3/5, against 1/4 under fair shares."""
    by_hand = math.log((2 / 4) * (3 / 5) / (1 / 4))
    assert float(log_bayes_factor(np.array([2.0, 0.0]), np.array([0.5, 0.5]), 4.0)) == pytest.approx(by_hand)


def test_a_lopsided_assignment_is_found_and_a_fair_one_is_not() -> None:
    rng = np.random.default_rng(2)
    for share, verdict in ((0.5, "continue"), (0.53, "harm")):
        made = monitor("ssrm", shares=[0.5, 0.5])
        for week in range(10):
            unit = np.arange(1_000) + 1_000 * week
            group = (rng.random(1_000) < share).astype(np.int64)
            state = made.update(Batch(week, unit, group, np.zeros(1_000)))
        assert state.verdict == verdict


def test_assignments_that_are_none_are_refused() -> None:
    made = monitor("ssrm", shares=[0.5, 0.5])
    made.update(Batch(0, np.array([1, 2]), np.array([0, 1]), np.zeros(2)))
    with pytest.raises(LogError, match="unit 2 comes a second time; a unit is counted in one group"):
        made.update(Batch(1, np.array([2, 3]), np.array([0, 1]), np.zeros(2)))
    with pytest.raises(LogError, match=r"row 1 \(unit 5\): group must be one of 0..1; got 2"):
        made.update(Batch(1, np.array([4, 5]), np.array([0, 2]), np.zeros(2)))
    for shares in ([0.5, 0.6], [1.0], [1.2, -0.2]):
        with pytest.raises(ConfigError, match="shares: must be two or more numbers above 0 that sum to 1"):
            monitor("ssrm", shares=shares)


def test_the_bernstein_interval_holds_the_mean_at_every_look() -> None:
    rng, reps, weeks, n = np.random.default_rng(3), 1_000, 12, 50
    x = rng.beta(1, 4, (reps, weeks, n))
    rows = np.full((reps, weeks), float(n))
    lower, upper = interval_paths(rows, x.sum(axis=2), (x * x).sum(axis=2), 0.05, weeks * n)
    missed = ((lower > 0.2) | (upper < 0.2)).any(axis=1).mean()
    assert missed <= 0.05
    assert (upper[:, -1] - lower[:, -1]).mean() < 0.1
    # known wrong: the fixed-horizon normal interval, looked at every week
    k = np.arange(1, weeks + 1) * n
    mean = x.sum(axis=2).cumsum(axis=1) / k
    naive = (np.abs(mean - 0.2) > 1.96 * x.std() / np.sqrt(k)).any(axis=1).mean()
    assert naive > 0.1


def test_an_outcome_outside_the_declared_bounds_is_refused() -> None:
    made = monitor("empirical_bernstein", limit=1.0, most=10.0)
    with pytest.raises(LogError, match=r"row 1 \(unit 8\): value must lie in the declared bounds \[0, 10\]; got 11"):
        made.update(Batch(0, np.array([7, 8]), 0, np.array([0.0, 11.0])))
    with pytest.raises(ConfigError, match="parameter 'most' is needed"):
        monitor("empirical_bernstein", limit=1.0)
    with pytest.raises(ConfigError, match="limit: must lie in"):
        monitor("empirical_bernstein", limit=11.0, most=10.0)
