"""What a calibration says: parameters with intervals, moments observed and simulated, and what the log cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from experiments.calibration.fit import Fit, Say
from experiments.calibration.parameters import value_of
from experiments.calibration.simulate import lean, simulated_moments
from experiments.calibration.target import Target
from experiments.calibration.untold import Untold, untold
from rage_env.errors import RunError
from rage_env.scenario import Scenario

__all__ = ["UNTOLD_WIDTH", "Calibration", "MomentRow", "ParameterRow", "report_on"]

UNTOLD_WIDTH = 0.7
"""Posterior over prior standard deviation beyond which the log is said not to tell a parameter."""

_MOST_AT_EDGE = 0.2  # of the posterior's weight
_FEWEST_PREDICTED = 40
_PREDICTED = 0.15  # of the draws
_INSIDE = (0.025, 0.975)


@dataclass(frozen=True)
class ParameterRow:
    """A parameter: the scenario's own value, where the search began, posterior mean, sd and 95 % interval.

    width: posterior over prior standard deviation, on the parameter's scale. at_edge: the box that was searched may
    have been too small.
    """

    parameter: str
    scenario: float
    start: float
    mean: float
    sd: float
    low: float
    high: float
    width: float
    told: bool
    at_edge: bool


@dataclass(frozen=True)
class MomentRow:
    """A moment: observed, and the central 95 % of simulations under the posterior."""

    moment: str
    fitted: bool
    observed: float
    low: float
    high: float
    inside: bool


@dataclass(frozen=True)
class Calibration:
    """Everything a calibration found."""

    target: Target
    scenario: str
    draws: int
    seed: int
    parameters: tuple[ParameterRow, ...]
    moments: tuple[MomentRow, ...]
    untold: tuple[Untold, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def report_on(
    target: Target, world: Scenario, fitted: Fit, *, draws: int, seed: int, say: Say = lambda line: None
) -> Calibration:
    """Turns a fit into rows; simulates once more for what the posterior predicts."""
    rows = tuple(_parameters(fitted, world))
    measured = {row.parameter: row.width for row in rows if not row.told}
    return Calibration(
        target=target,
        scenario=world.name,
        draws=draws,
        seed=seed,
        parameters=rows,
        moments=tuple(_moments(target, world, fitted, max(_FEWEST_PREDICTED, round(_PREDICTED * draws)), seed, say)),
        untold=tuple(untold(target, world, [row.parameter for row in rows], measured, _at_edge(rows))),
    )


def _at_edge(rows: Sequence[ParameterRow]) -> list[str]:
    return [row.parameter for row in rows if row.at_edge and row.told]


def _parameters(fitted: Fit, world: Scenario) -> Iterator[ParameterRow]:
    posterior = fitted.posterior
    low, high = (posterior.quantile(share) for share in _INSIDE)
    edges = np.minimum(posterior.draws - fitted.prior.low, fitted.prior.high - posterior.draws)
    share_beyond = posterior.weights @ (edges <= 0)
    for j, parameter in enumerate(fitted.parameters):
        back = parameter.scale.back
        drawn = np.array([back(float(x)) for x in posterior.draws[:, j]])
        mean = back(float(posterior.mean[j]))
        yield ParameterRow(
            parameter=parameter.path,
            scenario=value_of(world, parameter.path),
            start=float(fitted.start[parameter.path]),
            mean=mean,
            sd=float(np.sqrt(posterior.weights @ (drawn - mean) ** 2)),
            low=back(float(low[j])),
            high=back(float(high[j])),
            width=float(fitted.width[j]),
            told=bool(fitted.width[j] < UNTOLD_WIDTH),
            at_edge=bool(share_beyond[j] > _MOST_AT_EDGE),
        )


def _moments(target: Target, world: Scenario, fitted: Fit, times: int, seed: int, say: Say) -> Iterator[MomentRow]:
    rng = np.random.default_rng([seed, 1])
    small = lean(world, target.design)
    found: list[dict[str, float]] = []
    for i, point in enumerate(fitted.posterior.resampled(times, rng)):
        values = {p.path: p.scale.back(float(x)) for p, x in zip(fitted.parameters, point, strict=True)}
        found.append(simulated_moments(small, values, target.design, (seed + 1) * 2_000_003 + i))
    say(f"predicted from the posterior: {times} cohorts")
    for name, observed in target.moments.items():
        held = [f[name] for f in found if name in f]
        if not held:
            raise RunError(f"moment {name}: no simulated cohort of {world.name} shows it; leave it out")
        low, high = (float(q) for q in np.quantile(held, _INSIDE))
        fitted_in = name in fitted.names
        yield MomentRow(name, fitted_in, float(observed), low, high, low <= observed <= high)
