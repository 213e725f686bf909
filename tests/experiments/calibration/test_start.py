"""The start solves parameters back from the moments that they imply."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.calibration.moments import LAGS, SURVIVAL, lag_name, survival_name, survival_week
from experiments.calibration.parameters import PARAMETERS, Parameter
from experiments.calibration.start import start, survival_law
from experiments.calibration.target import Design

USUAL = {
    "mechanisms.engagement.beta_a": 1.1,
    "mechanisms.engagement.beta_b": 0.93,
    "mechanisms.engagement.between": 0.75,
    "mechanisms.engagement.ar": 0.93,
    "mechanisms.spending.gmv_per_active_week_usd": 300.0,
    "population.churn.alpha": 0.153,
    "population.churn.beta": 0.931,
}


def survival(alpha: float, beta: float, weeks: int, oldest: int) -> dict[str, float]:
    at = np.array([survival_week(p, weeks) for p in SURVIVAL], np.float64)
    return dict(zip(map(survival_name, SURVIVAL), map(float, survival_law(alpha, beta, at, oldest)), strict=True))


def test_the_filing_s_churn_follows_from_its_two_figures_of_survival() -> None:
    left = survival_law(0.153, 0.931, np.array([52.0, 104.0]), 0)
    assert left[0] == pytest.approx(0.50, abs=0.01)
    assert left[1] / left[0] == pytest.approx(0.90, abs=0.01)


@pytest.mark.parametrize(("alpha", "beta"), [(0.153, 0.931), (0.4, 3.0), (0.8, 1.5)])
def test_churn_of_newborns_is_solved_back(alpha: float, beta: float) -> None:
    found = start(survival(alpha, beta, 53, 0), Design(1000, 53, "newborn"), USUAL, 104)
    assert found["population.churn.alpha"] == pytest.approx(alpha, rel=0.05)
    assert found["population.churn.beta"] == pytest.approx(beta, rel=0.1)


def test_taking_newborns_for_a_mixed_cohort_finds_another_churn() -> None:
    found = start(survival(0.153, 0.931, 53, 0), Design(1000, 53, "mixed"), USUAL, 104)
    assert found["population.churn.alpha"] > 0.3


def test_activity_s_law_and_persistence_are_solved_back() -> None:
    a, b, lasting, fading = 0.8, 0.7, 0.7, 0.9
    moments = {lag_name(g): (lasting + (1 - lasting) * fading**g) / (1 + a + b) for g in LAGS}
    found = start({**moments, "activity_mean": a / (a + b)}, Design(1000, 52), USUAL, 104)
    assert found["mechanisms.engagement.beta_a"] == pytest.approx(a, rel=0.02)
    assert found["mechanisms.engagement.beta_b"] == pytest.approx(b, rel=0.02)
    assert found["mechanisms.engagement.between"] == pytest.approx(lasting, abs=0.02)
    assert found["mechanisms.engagement.ar"] == pytest.approx(fading, abs=0.02)


def test_what_no_moment_tells_stays_as_it_was() -> None:
    assert start({"activity_mean": 0.5}, Design(1000, 52), USUAL, 104) == USUAL
    always = start({"activity_mean": 1.0, "activity_lag_1": 0.3}, Design(1000, 52), USUAL, 104)
    assert 0 < always["mechanisms.engagement.beta_b"] < 0.1
    spend = start({"log_spend_mean": 3.0, "log_spend_sd": 1.0}, Design(1000, 52), USUAL, 104)
    assert spend["mechanisms.spending.gmv_per_active_week_usd"] == pytest.approx(np.exp(3.5))


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.path)
def test_every_scale_goes_there_and_back_and_bears_the_ends_of_its_range(parameter: Parameter) -> None:
    to_line, back = parameter.scale
    assert back(to_line(0.4)) == pytest.approx(0.4)
    assert np.isfinite(to_line(0.0))
    assert to_line(0.3) < to_line(0.4)
