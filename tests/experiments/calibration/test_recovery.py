"""Parameters that made a log are found again, as often as the intervals say; a calibration by wrong moments is not.

One table of simulated cohorts serves as its own jury: each cohort in turn is taken for the observed one and fitted by
the others, so that the truth is known every time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from experiments.calibration.fit import Box, Fit, Table, fit
from experiments.calibration.moments import HELD_OUT, measured
from experiments.calibration.parameters import Parameter, sought, value_of
from experiments.calibration.regression import adjust
from experiments.calibration.simulate import changed_world, lean, simulate, simulated_moments
from experiments.calibration.target import Design, Target
from experiments.facts.panel import Floats
from rage_env import scenario
from rage_env.errors import ConfigError, RunError

DESIGN = Design(users=500, weeks=26, ages="newborn", columns=("transactions",))
NARROW = 0.5  # of each parameter's box, about the scenario's own values


@dataclass(frozen=True)
class Jury:
    """Cohorts drawn from a box about fintech, and their moments, rightly and wrongly measured."""

    parameters: tuple[Parameter, ...]
    theta: Floats  # (m, p)
    right: Floats  # (m, s)
    wrong: Floats  # (m, s) with those who left counted as inactive stayers

    def verdicts(self, observed: Floats, *, regress: bool = True) -> tuple[Floats, Floats]:
        """(m, p) whether the 95 % interval covers the truth, and posterior sd over the box's."""
        covered, width = [], []
        for j in range(len(self.theta)):
            others = np.arange(len(self.theta)) != j
            found = adjust(self.theta[others], self.right[others], observed[j], regress=regress)
            truth = self.theta[j]
            covered.append((found.quantile(0.025) <= truth) & (truth <= found.quantile(0.975)))
            width.append(found.sd / self.theta.std(axis=0))
        return np.array(covered, np.float64), np.array(width)


@cache
def jury(cohorts: int = 150) -> Jury:
    world = scenario.load("fintech")
    small = lean(world, DESIGN)
    usual = simulated_moments(small, {}, DESIGN, 0)
    names = [m for m in usual if m not in HELD_OUT]
    parameters = sought(world, usual)
    middle = np.array([p.scale.to_line(value_of(world, p.path)) for p in parameters])
    half = NARROW * np.array([p.half_width for p in parameters])
    theta = np.random.default_rng(7).uniform(middle - half, middle + half, (cohorts, len(parameters)))
    right, wrong = [], []
    for seed, point in enumerate(theta, 1):
        values = {p.path: p.scale.back(float(x)) for p, x in zip(parameters, point, strict=True)}
        panel = simulate(small, values, DESIGN, seed)
        found = measured(panel)
        careless = {**found, **measured(replace(panel, present=np.ones_like(panel.present)))}
        right.append([found[n] for n in names])
        wrong.append([careless[n] for n in names])
    return Jury(parameters, theta, np.array(right), np.array(wrong))


def about(path: str) -> list[int]:
    return [j for j, p in enumerate(jury().parameters) if path in p.path]


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered, width = jury().verdicts(jury().right)
    assert 0.92 <= covered.mean() <= 0.975
    assert (covered.mean(axis=0) > 0.86).all()  # of 150 cohorts; luck alone falls below once in 10,000
    assert width[:, about("spending")].mean() < 0.5  # and say something


def test_moments_that_take_those_who_left_for_idle_customers_are_found_out() -> None:
    covered, _ = jury().verdicts(jury().wrong)
    assert covered[:, about("engagement.beta")].mean() < 0.6


def test_without_the_regression_intervals_say_next_to_nothing() -> None:
    _, width = jury().verdicts(jury().right, regress=False)
    assert width[:, about("spending")].mean() > 0.8


def fitted(seed: int, draws: int) -> tuple[Fit, Floats]:
    """A fit to a cohort of fintech, and fintech's own numbers on the line."""
    world = scenario.load("fintech")
    moments = simulated_moments(lean(world, DESIGN), {}, DESIGN, 10_000 + seed)
    found = fit(Target("cohort", "simulated", DESIGN, moments), world, draws, seed)
    truth = np.array([p.scale.to_line(value_of(world, p.path)) for p in found.parameters])
    return found, truth


def test_who_was_never_seen_active_is_not_in_a_log_of_active_weeks() -> None:
    world = changed_world(scenario.load("fintech"), {"mechanisms.engagement.beta_b": 20.0})
    whole = replace(DESIGN, departures="unseen")
    everyone = simulated_moments(world, {}, whole, 3)
    seen = simulated_moments(world, {}, replace(whole, active_within=26), 3)
    assert seen["activity_mean"] > 1.3 * everyone["activity_mean"]
    assert seen["gini"] < everyone["gini"]
    assert seen["one_week_share"] == pytest.approx(everyone["one_week_share"])


def test_numbers_that_the_world_s_schema_refuses_are_left_out_of_the_draws() -> None:
    world = scenario.load("fintech")
    assert simulated_moments(world, {"mechanisms.spending.within_sd": -1.0}, DESIGN, 1) == {}
    with pytest.raises(ConfigError, match="within_sd"):
        changed_world(world, {"mechanisms.spending.within_sd": -1.0})


def test_a_posterior_beyond_the_box_is_not_piled_up_at_its_edge() -> None:
    rng = np.random.default_rng(3)
    theta = rng.uniform(-1, 1, (400, 1))
    table = Table(theta, theta + rng.normal(0, 0.3, (400, 1)), ("moment",))
    prior = Box(np.array([-1.0]), np.array([1.0]))
    found = table.posterior({"moment": 1.3}, prior)
    assert found.sd[0] > 0.1
    assert found.quantile(0.975)[0] > 1.1
    next_box = prior.around(found)
    assert next_box.high == 1.0
    assert next_box.low < 0.8


def test_a_moment_that_no_simulated_cohort_shows_ends_the_fit_with_its_reason() -> None:
    alone = replace(DESIGN, users=60, departures="none", columns=())  # nobody leaves, so survival cannot be measured
    target = Target("mine", "by hand", alone, {"survival_50": 0.8, "survival_100": 0.7})
    with pytest.raises(RunError, match="mine: some moment could not be measured in 40 of 40 simulated draws"):
        fit(target, scenario.load("fintech"), 100)


@pytest.mark.slow
def test_over_eight_cohorts_two_rounds_cover_fintech_s_own_numbers() -> None:
    covered = []
    for seed in range(8):
        found, truth = fitted(seed, 160)
        posterior = found.posterior
        covered.append((posterior.quantile(0.025) <= truth) & (truth <= posterior.quantile(0.975)))
        assert found.width[[p.name for p in found.parameters].index("within_sd")] < 0.1
    assert 0.85 <= np.mean(covered) <= 1.0
