import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.monitors.planning import fixed_drift, plan, stopping
from experiments.monitors.spending import SPENDING
from rage_env.errors import ConfigError, UnknownNameError
from tests.experiments.monitors.published_boundaries import RPACT_PLANS, PublishedPlan


@pytest.mark.parametrize("printed", RPACT_PLANS)
def test_power_futility_and_expected_information_are_those_that_rpact_is_tested_against(
    printed: PublishedPlan,
) -> None:
    design = printed.design
    futility, shape = printed.futility or (None, None)
    made = plan(
        design.spending,
        alpha=design.alpha,
        sides=design.sides,
        fractions=design.fractions,
        shape=design.shape,
        power=printed.power,
        futility=futility,
        futility_shape=shape,
    )
    assert made.upper == pytest.approx(design.bounds, abs=1e-6)
    assert made.lower[: len(printed.futile)] == pytest.approx(printed.futile, abs=1e-6)
    assert made.drift**2 == pytest.approx(printed.information, abs=1e-5)
    assert made.inflation == pytest.approx(printed.inflation, abs=1e-6)
    assert made.at(made.drift).up == pytest.approx(printed.stops, abs=1e-6)
    assert made.at(made.drift).expected_time * made.inflation == pytest.approx(printed.expected_time, abs=1e-6)
    assert made.at(0.0).expected_time * made.inflation == pytest.approx(printed.expected_time_at_0, abs=1e-6)


@pytest.mark.parametrize("futility", [None, "obf"])
def test_simulated_paths_stop_where_the_plan_says(futility: str | None) -> None:
    """200,000 paths: 5 standard errors of a share are .0056."""
    made = plan("pocock", 4, 0.05, 2, [0.2, 0.5, 0.7, 1.0], power=0.9, futility=futility)
    rng, reps = np.random.default_rng(0), 200_000
    steps = rng.normal(size=(reps, 4)) * np.sqrt(np.diff(made.time, prepend=0.0))
    for drift in (0.0, made.drift):
        z = (np.cumsum(steps, axis=1) + drift * made.time) / np.sqrt(made.time)
        out = (z >= made.upper) | (z <= made.lower)
        first = np.where(out.any(axis=1), out.argmax(axis=1), 3)
        expected = made.at(drift)
        assert made.time[first].mean() == pytest.approx(expected.expected_time, abs=0.0056)
        ups = (z >= made.upper)[np.arange(reps), first].mean()
        assert ups == pytest.approx(expected.power, abs=0.0056)


def test_one_look_is_the_textbook_sample_size() -> None:
    made = plan("obf", 1, 0.05, 2, power=0.8)
    assert made.drift == pytest.approx(norm.isf(0.025) + norm.isf(0.2), abs=1e-6)
    assert made.inflation == pytest.approx(1.0, abs=1e-6)
    assert made.drift == pytest.approx(fixed_drift(0.05, 0.8, 2), abs=1e-6)


def test_futility_costs_information_and_does_not_bind_what_the_upper_bounds_promise() -> None:
    bold, careful = plan("obf", 5, 0.025, 1, power=0.9), plan("obf", 5, 0.025, 1, power=0.9, futility="obf")
    assert careful.upper == pytest.approx(bold.upper, abs=1e-12)
    assert careful.drift > bold.drift
    assert careful.at(0.0).expected_time < 0.8 * bold.at(0.0).expected_time
    ignored = stopping(careful.time, careful.upper, np.full(5, -np.inf), 0.0)
    assert ignored.power == pytest.approx(0.025, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    spending=st.sampled_from(SPENDING),
    looks=st.integers(1, 6),
    alpha=st.floats(1e-3, 0.2),
    power=st.floats(0.3, 0.99),
    sides=st.sampled_from([1, 2]),
    futility=st.sampled_from([None, *SPENDING]),
)
def test_every_plan_has_its_power_and_stops_no_later_than_its_end(
    spending: str, looks: int, alpha: float, power: float, sides: int, futility: str | None
) -> None:
    made = plan(spending, looks, alpha, sides, power=power, futility=futility)
    assert made.at(made.drift).power == pytest.approx(power, abs=1e-6)
    assert made.at(0.0).power <= alpha / sides + 1e-9
    assert made.inflation >= 1 - 1e-6
    assert 0 < made.at(made.drift).expected_time <= 1 + 1e-9
    assert (made.lower <= made.upper).all()


def test_plans_that_promise_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"power: must lie above alpha 0\.05, got 0\.05"):
        plan(power=0.05)
    with pytest.raises(ConfigError, match="power: must lie strictly between 0 and 1, got 1"):
        plan(power=1.0)
    with pytest.raises(UnknownNameError, match="no spending function is called 'never'"):
        plan(futility="never")
