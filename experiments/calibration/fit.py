"""Fits a scenario's parameters to observed moments: two rounds of simulated draws, each adjusted by regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from experiments.calibration.moments import HELD_OUT
from experiments.calibration.parameters import PARAMETERS, Parameter, sought, value_of
from experiments.calibration.regression import Posterior, adjust
from experiments.calibration.simulate import lean, simulated_moments
from experiments.calibration.start import start
from experiments.calibration.target import Target
from experiments.facts.panel import Floats
from rage_env.errors import InputError, RunError
from rage_env.scenario import Scenario

__all__ = ["FEWEST_DRAWS", "Box", "Fit", "Say", "Table", "fit"]

Say = Callable[[str], None]

FEWEST_DRAWS = 100
_ROUNDS = (0.4, 0.6)  # shares of the draws
_REACH = 4.0  # posterior standard deviations that the next box spans on each side
_NARROWEST = 0.01  # of the first box: what the next one spans at least, on each side


@dataclass(frozen=True, eq=False)
class Box:
    """Where parameters are sought, on the line: (p,) each."""

    low: Floats
    high: Floats

    def around(self, found: Posterior) -> Box:
        """The part of this box that a posterior reaches."""
        reach = np.maximum(_REACH * found.sd, _NARROWEST * (self.high - self.low))
        middle = np.clip(found.mean, self.low, self.high)
        return Box(np.maximum(self.low, middle - reach), np.minimum(self.high, middle + reach))


@dataclass(frozen=True, eq=False)
class Table:
    """Simulated draws of p parameters on the line, (m, p), with their s moments, (m, s), in the order of `names`."""

    theta: Floats
    moments: Floats
    names: tuple[str, ...]

    def posterior(self, observed: Mapping[str, float], prior: Box) -> Posterior:
        """Draws adjusted to what was observed.

        They may leave the prior's box by half its width and are not cut at its edge: piled up there, they would look
        sure of what they merely could not pass.
        """
        found = adjust(self.theta, self.moments, np.array([observed[n] for n in self.names]))
        beyond = (prior.high - prior.low) / 2
        return Posterior(np.clip(found.draws, prior.low - beyond, prior.high + beyond), found.weights)


@dataclass(frozen=True, eq=False)
class Fit:
    """What was found. prior: the first, wide box; names: moments that were fitted; posterior: of the last round."""

    parameters: tuple[Parameter, ...]
    start: Mapping[str, float]
    prior: Box
    names: tuple[str, ...]
    posterior: Posterior

    @property
    def width(self) -> Floats:
        """(p,) posterior over prior standard deviation: near 1 where the log says nothing."""
        prior_sd = (self.prior.high - self.prior.low) / np.sqrt(12)
        out: Floats = self.posterior.sd / prior_sd
        return out


def fit(target: Target, world: Scenario, draws: int, seed: int = 0, say: Say = lambda line: None) -> Fit:
    """Rounds of simulations, each in a narrower box. draws: of all together. Raises InputError if nothing is told."""
    if draws < FEWEST_DRAWS:
        raise InputError(f"draws: at least {FEWEST_DRAWS} are needed to fit a line through them; got {draws}")
    parameters = sought(world, target.moments)
    names = _fitted(target.moments, parameters)
    if not parameters or not names:
        raise InputError(
            f"{target.name}: none of its moments tells a parameter of {world.name}; moments: "
            f"{', '.join(sorted(target.moments)) or 'none'}"
        )
    usual = {p.path: value_of(world, p.path) for p in sought(world, _EVERY)}
    began = start(target.moments, target.design, usual, world.population.churn.oldest_age_weeks)
    centre = np.array([p.scale.to_line(began[p.path]) for p in parameters])
    half = np.array([p.half_width for p in parameters])
    prior = box = Box(centre - half, centre + half)
    simulator = _Simulator(target, lean(world, target.design), parameters, names, seed, say)
    for share in _ROUNDS:
        found = simulator.table(box, round(share * draws)).posterior(target.moments, prior)
        box = prior.around(found)
    return Fit(parameters, began, prior, names, found)


_EVERY = tuple(told for p in PARAMETERS for told in p.told_by)


def _fitted(moments: Mapping[str, float], parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
    """Moments that enter the fit: those not held out, and a held-out one where it alone tells a parameter."""
    free = {m for m in moments if m not in HELD_OUT}
    for parameter in parameters:
        telling = {m for m in moments if m.startswith(parameter.told_by)}
        if not telling & free:
            free |= telling
    return tuple(m for m in moments if m in free)


@dataclass
class _Simulator:
    """Simulates tables. Remembers its rounds and draws, so that no two draws share a seed."""

    target: Target
    world: Scenario
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]
    seed: int
    say: Say
    made: int = 0
    rounds: int = 0

    def table(self, box: Box, draws: int) -> Table:
        """`draws` points of the box with their moments; points whose moments cannot be measured are left out."""
        self.rounds += 1
        rng = np.random.default_rng([self.seed, self.made])
        theta = rng.uniform(box.low, box.high, (draws, len(box.low)))
        rows = []
        for done, point in enumerate(theta, 1):
            rows.append(self._moments(point))
            if done % max(1, draws // 5) == 0:
                self.say(f"round {self.rounds}: {done} of {draws} cohorts")
        whole = np.array([row is not None for row in rows])
        if whole.sum() < draws / 2:
            lost = draws - int(whole.sum())
            raise RunError(
                f"{self.target.name}: some moment could not be measured in {lost} of {draws} simulated draws; "
                "watch more users or weeks, or drop the moment"
            )
        return Table(theta[whole], np.array([r for r in rows if r is not None]), self.names)

    def _moments(self, point: Floats) -> list[float] | None:
        self.made += 1
        values = {p.path: p.scale.back(float(x)) for p, x in zip(self.parameters, point, strict=True)}
        found = simulated_moments(self.world, values, self.target.design, self.seed * 1_000_003 + self.made)
        return [found[n] for n in self.names] if all(n in found for n in self.names) else None
