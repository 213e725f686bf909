import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from experiments.monitors import boundaries
from experiments.monitors.boundaries import SPENDING, next_boundary, spent, start
from rage_env.errors import ConfigError, UnknownNameError

PUBLISHED = [
    # DeMets & Lan (1994) table, as ld98 prints them
    ("obf", 5, 0.05, 2, None, [4.877, 3.357, 2.680, 2.290, 2.031]),
    ("pocock", 5, 0.05, 2, None, [2.438, 2.427, 2.410, 2.397, 2.386]),
    # Lan & DeMets (1983), linear spending, two decimals
    ("kim_demets", 5, 0.05, 2, 1.0, [2.58, 2.49, 2.41, 2.34, 2.28]),
    # one side at .025, three looks, O'Brien-Fleming type
    ("obf", 3, 0.025, 1, None, [3.710, 2.511, 1.993]),
]


@pytest.mark.parametrize(("spending", "looks", "alpha", "sides", "shape", "published"), PUBLISHED)
def test_boundaries_are_those_in_print(
    spending: str, looks: int, alpha: float, sides: int, shape: float | None, published: list[float]
) -> None:
    rounding = 5.1e-3 if shape == 1.0 else 5.1e-4
    assert boundaries(spending, looks, alpha, sides, shape=shape) == pytest.approx(published, abs=rounding)


@pytest.mark.parametrize("spending", SPENDING)
@pytest.mark.parametrize("sides", [1, 2])
def test_three_looks_spend_what_a_trivariate_normal_says(spending: str, sides: int) -> None:
    times = np.array([0.3, 0.55, 1.0])
    bound = boundaries(spending, 3, 0.05, sides, times.tolist())
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    law = multivariate_normal(np.zeros(3), covariance, seed=1, abseps=1e-7, releps=1e-7, maxpts=2_000_000)
    lower = -bound if sides == 2 else np.full(3, -np.inf)
    assert 1 - law.cdf(bound, lower_limit=lower) == pytest.approx(0.05, abs=2e-6)


def test_one_look_is_the_fixed_test() -> None:
    for spending, sides in itertools.product(SPENDING, (1, 2)):
        assert boundaries(spending, 1, 0.05, sides) == pytest.approx([norm.isf(0.05 / sides)], abs=1e-9)


def test_a_look_at_almost_the_same_time_is_no_chance_to_cross_again() -> None:
    once = boundaries("obf", fractions=[0.5, 1.0])
    twice = boundaries("obf", fractions=[0.5, 0.5001, 1.0])
    assert twice[2] == pytest.approx(once[1], abs=2e-3)


def test_too_few_nodes_for_near_copies_make_boundaries_higher_never_lower() -> None:
    first = next_boundary(start(), np.float64(0), 0.01)[1]
    fine = next_boundary(first, np.float64(0.9995), 0.01)[0]
    coarse = next_boundary(next_boundary(start(), np.float64(0), 0.01, nodes=40)[1], np.float64(0.9995), 0.01)[0]
    assert coarse >= fine - 1e-9


def test_many_streams_at_once_get_the_boundaries_of_each_alone() -> None:
    rho = np.array([0.2, 0.7, 0.95])
    alone = [float(next_boundary(next_boundary(start(), np.float64(0), 0.01)[1], r, 0.02)[0]) for r in rho]
    first = next_boundary(start(), np.zeros(3), 0.01)[1]
    assert next_boundary(first, rho, 0.02)[0] == pytest.approx(alone, abs=1e-10)


@given(
    alpha=st.floats(1e-3, 0.3),
    looks=st.integers(2, 6),
    spending=st.sampled_from(SPENDING),
    sides=st.sampled_from([1, 2]),
)
def test_spending_rises_to_alpha_and_stops_there(alpha: float, looks: int, spending: str, sides: int) -> None:
    by = spent(np.linspace(0, 2, 2 * looks + 1), alpha, sides, spending)
    assert (np.diff(by) >= -1e-12).all()
    assert by[looks:] == pytest.approx(alpha)
    assert (boundaries(spending, looks, alpha, sides) >= norm.isf(alpha / sides) - 1e-9).all()


def test_nonsense_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match="alpha: must lie strictly between 0 and 1, got 5"):
        boundaries(alpha=5)
    with pytest.raises(UnknownNameError, match="did you mean 'pocock'"):
        boundaries("pocok")
    with pytest.raises(ConfigError, match="sides: must be 1 or 2, got 3"):
        boundaries(sides=3)
    with pytest.raises(ConfigError, match="looks: must be at least 1"):
        boundaries(looks=0)
    for fractions in ([0.5, 0.4], [0.0, 1.0], [0.5, 1.2], []):
        with pytest.raises(ConfigError, match="fractions: must rise strictly"):
            boundaries(fractions=fractions)
    with pytest.raises(ConfigError, match="power of kim_demets"):
        boundaries("kim_demets", shape=-1)
