"""Closed expectations agree with numerical integration, and tables with the functions they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from rage_env import lognormal, scenario
from rage_env.mechanisms import engagement

LOCATION = st.floats(min_value=-3, max_value=8)
SCALE = st.floats(min_value=0.1, max_value=2)
CAP = st.floats(min_value=0.1, max_value=1e4)


def by_quadrature(location: float, scale: float, cap: float) -> float:
    edge = (math.log(cap) - location) / scale
    density = stats.norm.pdf
    below, _ = integrate.quad(lambda z: math.exp(location + scale * z) * density(z), -12, min(edge, 12), limit=200)
    return float(below + cap * stats.norm.sf(edge))


@settings(deadline=None)
@given(LOCATION, SCALE, CAP)
def test_the_capped_mean_is_the_integral_of_the_smaller_of_amount_and_cap(loc: float, scale: float, cap: float) -> None:
    told = float(lognormal.mean_capped(np.array(loc), scale, cap))
    assert told == pytest.approx(by_quadrature(loc, scale, cap), rel=1e-5, abs=1e-7)
    assert told <= min(cap, float(lognormal.mean(np.array(loc), scale))) * (1 + 1e-12)


@settings(deadline=None)
@given(LOCATION, SCALE, CAP)
def test_what_lies_above_a_floor_and_below_it_add_up(loc: float, scale: float, floor: float) -> None:
    whole = float(lognormal.mean(np.array(loc), scale))
    above = float(lognormal.mean_above(np.array(loc), scale, floor))
    assert above >= -1e-9 * whole
    assert above + by_quadrature(loc, scale, floor) == pytest.approx(whole, rel=1e-5, abs=1e-7)


def test_no_cap_is_the_whole_mean_and_a_cap_of_nothing_is_nothing() -> None:
    loc = np.array([0.0, 2.0])
    with np.errstate(divide="ignore"):
        assert lognormal.mean_capped(loc, 1.0, np.inf) == pytest.approx(lognormal.mean(loc, 1.0))
        assert lognormal.mean_capped(loc, 1.0, np.zeros(2)).tolist() == [0.0, 0.0]


def test_the_table_of_activity_agrees_with_the_beta_quantile() -> None:
    params = scenario.load("fintech").used["engagement"]
    z = np.random.default_rng(3).normal(size=20_000).astype(np.float32)
    p = special.betaincinv(params.beta_a, params.beta_b, special.ndtr(z.astype(np.float64)))
    told = engagement.base_logit(z, params.beta_a, params.beta_b).astype(np.float64)
    assert np.abs(special.expit(told) - p).max() < 2e-6
    assert np.isfinite(engagement.base_logit(np.array([-40.0, 40.0], np.float32), 1.1, 0.93)).all()
