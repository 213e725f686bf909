import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import simpson
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from experiments.monitors import boundaries
from experiments.monitors.boundaries import CLASSICAL, SPENDING, next_boundary, spent, start
from rage_env.errors import ConfigError, InputError, UnknownNameError
from tests.experiments.monitors.published_boundaries import CONSTANTS, LAN_DEMETS, RPACT, Design

Floats = NDArray[np.float64]


def bounds_of(design: Design) -> Floats:
    """The design's boundaries, by us."""
    return boundaries(
        design.spending, alpha=design.alpha, sides=design.sides, fractions=design.fractions, shape=design.shape
    )


def by_simpson(bounds: Floats, times: Floats, sides: int, off: float = 0.0) -> Floats:
    """(looks,) shares first out at each look were its bound alone `off` away: Simpson's rule on z sqrt(time)."""
    high, points = bounds * np.sqrt(times), 601
    low = -high if sides == 2 else np.full(len(times), -9.0)
    crossed, score, density = np.empty(len(times)), np.zeros(1), np.ones(1)
    before = 0.0
    for look, time in enumerate(times):
        spread, reach = math.sqrt(time - before), (bounds[look] + off) * math.sqrt(time)
        leaves = ndtr((score - reach) / spread) + (ndtr((-reach - score) / spread) if sides == 2 else 0.0)
        crossed[look] = leaves[0] if look == 0 else simpson(leaves * density, x=score)
        now = np.linspace(max(low[look], -9 * math.sqrt(time)), min(high[look], 9 * math.sqrt(time)), points)
        kernel = np.exp(-(((now[:, None] - score[None]) / spread) ** 2) / 2) / spread / math.sqrt(2 * math.pi)
        density = kernel[:, 0] if look == 0 else simpson(kernel * density, x=score, axis=1)
        score, before = now, time
    return crossed


@pytest.mark.parametrize("design", RPACT)
def test_boundaries_are_those_that_rpact_is_tested_against(design: Design) -> None:
    assert bounds_of(design) == pytest.approx(design.bounds, abs=1e-6)


@pytest.mark.parametrize("design", LAN_DEMETS)
def test_spending_boundaries_are_those_of_lan_and_demets(design: Design) -> None:
    rounding = 5.1e-3 if design.shape == 1.0 else 5.1e-4
    assert bounds_of(design) == pytest.approx(design.bounds, abs=rounding)


@pytest.mark.parametrize(("family", "alpha"), CONSTANTS)
def test_classical_constants_of_two_to_twelve_looks_are_those_of_jennison_and_turnbull(
    family: str, alpha: float
) -> None:
    ours = [boundaries(family, looks, alpha)[-1] for looks in range(2, 13)]
    assert ours == pytest.approx(CONSTANTS[family, alpha], abs=5.1e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("rule", [*SPENDING, "wang_tsiatis"])
@pytest.mark.parametrize("looks", range(2, 13))
def test_another_way_to_integrate_puts_every_boundary_within_a_ten_thousandth(
    rule: str, looks: int, alpha: float, sides: int
) -> None:
    """No table prints all of these to four decimals; Simpson's rule stands in. 1e-4 off, and it would show."""
    times = np.arange(1, looks + 1) / looks
    bounds = boundaries(rule, looks, alpha, sides)
    if rule in CLASSICAL:
        assert by_simpson(bounds - 1e-4, times, sides).sum() > alpha > by_simpson(bounds + 1e-4, times, sides).sum()
        return
    increments = np.diff(spent(times, alpha, sides, rule), prepend=0.0)
    seen = increments > 1e-11  # what is smaller drowns in rounding
    lenient, strict = (by_simpson(bounds, times, sides, off)[seen] for off in (-1e-4, 1e-4))
    assert (lenient > increments[seen]).all()
    assert (increments[seen] > strict).all()


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
    for rule, sides in itertools.product((*SPENDING, *CLASSICAL), (1, 2)):
        assert boundaries(rule, 1, 0.05, sides) == pytest.approx([norm.isf(0.05 / sides)], abs=1e-9)


def test_wang_and_tsiatis_hold_pocock_and_obrien_fleming_as_their_ends() -> None:
    for shape, family in ((0.5, "classical_pocock"), (0.0, "classical_obf")):
        ends = boundaries("wang_tsiatis", 6, 0.05, shape=shape)
        assert ends == pytest.approx(boundaries(family, 6, 0.05), abs=1e-10)


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


@settings(deadline=None)
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


@settings(deadline=None)
@given(alpha=st.one_of(st.floats(max_value=0.0), st.floats(min_value=1.0), st.just(math.nan), st.just("small")))
def test_an_alpha_that_is_no_share_is_refused(alpha: float) -> None:
    for rule in (*SPENDING, *CLASSICAL):
        with pytest.raises(ConfigError, match="alpha: must lie strictly between 0 and 1"):
            boundaries(rule, alpha=alpha)


@settings(deadline=None)
@given(fractions=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=5))
def test_fractions_that_do_not_rise_within_0_and_1_are_refused_and_others_answered(fractions: list[float]) -> None:
    rising = all(a < b for a, b in itertools.pairwise([0.0, *fractions])) and fractions[-1] <= 1
    if not rising:
        with pytest.raises(ConfigError, match="fractions: must rise strictly within"):
            boundaries(fractions=fractions)
    else:
        assert np.isfinite(boundaries("pocock", fractions=fractions)).sum() >= len(fractions) - 4


@settings(deadline=None)
@given(looks=st.one_of(st.integers(max_value=0), st.floats(), st.booleans(), st.just("five")))
def test_looks_that_are_no_count_are_refused(looks: int) -> None:
    with pytest.raises(ConfigError, match="looks: must be a whole number of at least 1"):
        boundaries(looks=looks)


@settings(deadline=None)
@given(
    rule=st.sampled_from([*SPENDING, *CLASSICAL]),
    shape=st.one_of(st.floats(), st.just("round"), st.booleans()),
    sides=st.sampled_from([1, 2]),
)
def test_any_shape_is_either_refused_by_name_or_gives_boundaries(rule: str, shape: float, sides: int) -> None:
    bounds = refused = None
    try:
        bounds = boundaries(rule, 3, 0.05, sides, shape=shape)
    except InputError as error:
        refused = str(error)
    if bounds is None:
        assert (refused or "").startswith("shape: ")
    else:
        assert (bounds > 0).all()


def test_nonsense_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match="alpha: must lie strictly between 0 and 1, got 5"):
        boundaries(alpha=5)
    with pytest.raises(UnknownNameError, match="did you mean 'pocock'"):
        boundaries("pocok")
    with pytest.raises(UnknownNameError, match=r"Known: .*wang_tsiatis"):
        boundaries("haybittle")
    with pytest.raises(ConfigError, match="sides: must be 1 or 2, got 3"):
        boundaries(sides=3)
    with pytest.raises(ConfigError, match="power of kim_demets"):
        boundaries("kim_demets", shape=-1)
    with pytest.raises(ConfigError, match="shape: obf has none, got 2"):
        boundaries("obf", shape=2)
    with pytest.raises(ConfigError, match="fractions: must rise strictly"):
        boundaries(fractions=[])
