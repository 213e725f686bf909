"""Plans of group-sequential tests: how far apart two groups must be to be told apart, and when a test then stops.

Power and expected information by the same recursion as the boundaries. Futility: a share of the error of missing the
effect is spent at each look, after Pampallona, Tsiatis & Kim (2001); it does not bind, for upper bounds are made
without it (gsDesign calls this test type 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from experiments.monitors.boundaries import boundaries, calendar_times, correlations, information_times
from experiments.monitors.interface import open_share
from experiments.monitors.recursion import lower_boundary, passed, start
from experiments.monitors.spending import spent
from rage_env.errors import ConfigError

__all__ = ["Plan", "Stopping", "fixed_drift", "plan", "stopping"]

Floats = NDArray[np.float64]

_FARTHEST_DRIFT = 40.0


@dataclass(frozen=True, eq=False)
class Stopping:
    """Where paths stop when the final z is expected at `drift`. up, down: (looks,) shares that stop there."""

    time: Floats  # (looks,) shares of the final information
    up: Floats
    down: Floats
    drift: float

    @property
    def power(self) -> float:
        """Share of paths that reach an upper bound at some look."""
        return float(self.up.sum())

    @property
    def expected_time(self) -> float:
        """Share of the final information at which a path stops, in the mean."""
        stops = self.up + self.down
        last = max(0.0, 1.0 - float(stops.sum()))  # those whom no look has stopped
        return float(stops @ self.time + last * self.time[-1])


@dataclass(frozen=True, eq=False)
class Plan:
    """Bounds at each look, and the drift (expected final z) at which the test has its power.

    lower: where a path stops below: -upper where two sides are tested, the futility bound where one is planned.
    """

    time: Floats  # (looks,)
    upper: Floats  # (looks,)
    lower: Floats  # (looks,), -inf where nothing stops below
    drift: float
    alpha: float
    sides: int

    @property
    def inflation(self) -> float:
        """Final information over that of a test with one look and the same power."""
        return self.drift**2 / fixed_drift(self.alpha, self.at(self.drift).power, self.sides) ** 2

    def at(self, drift: float) -> Stopping:
        """Where paths stop when the final z is expected at `drift`."""
        return stopping(self.time, self.upper, self.lower, drift)


def plan(
    spending: str = "obf",
    looks: int = 5,
    alpha: float = 0.05,
    sides: int = 2,
    fractions: Sequence[float] | None = None,
    *,
    shape: float | None = None,
    calendar: Sequence[float] | None = None,
    power: float = 0.8,
    futility: str | None = None,
    futility_shape: float | None = None,
) -> Plan:
    """The plan that finds its effect with probability `power`. futility: a spending function for 1 - power.

    The other parameters as in `boundaries`. Raises ConfigError and UnknownNameError.
    """
    time = information_times(looks, fractions)
    upper = boundaries(spending, len(time), alpha, sides, time.tolist(), shape=shape, calendar=calendar)
    if open_share("power", power) <= alpha:
        raise ConfigError(f"power: must lie above alpha {alpha:g}, got {power:g}; a test that errs as often is none")
    below = -upper if sides == 2 else np.full(len(time), -np.inf)
    if futility is None:
        return Plan(time, upper, below, _drift_of(time, upper, below, power), alpha, sides)
    misses = np.diff(spent(calendar_times(time, calendar), 1 - power, 1, futility, futility_shape), prepend=0.0)

    def excess(drift: float) -> float:
        lower = np.maximum(_futile(time, upper, misses, drift), below)
        return stopping(time, upper, lower, drift).power - power

    drift = float(brentq(excess, 1e-3, _FARTHEST_DRIFT, xtol=1e-9))
    return Plan(time, upper, np.maximum(_futile(time, upper, misses, drift), below), drift, alpha, sides)


def fixed_drift(alpha: float, power: float, sides: int) -> float:
    """Expected z at which a test with one look has this power; of two sides, the wrong one is left out."""
    return float(ndtri(power) - ndtri(alpha / sides))


def stopping(time: Floats, upper: Floats, lower: Floats, drift: float) -> Stopping:
    """Where paths stop whose z is expected at drift x sqrt(time). upper, lower: (looks,)."""
    survivors = start()
    up, down = np.empty(len(time)), np.empty(len(time))
    for look, rho in enumerate(correlations(time).tolist()):
        mean = drift * float(np.sqrt(time[look]))
        up[look], down[look], survivors = passed(survivors, rho, float(lower[look]), float(upper[look]), mean)
    return Stopping(time, up, down, drift)


def _drift_of(time: Floats, upper: Floats, lower: Floats, power: float) -> float:
    return float(brentq(lambda d: stopping(time, upper, lower, d).power - power, 0.0, _FARTHEST_DRIFT, xtol=1e-9))


def _futile(time: Floats, upper: Floats, misses: Floats, drift: float) -> Floats:
    """(looks,) bounds under which a share `misses` (looks,) falls when z is expected at `drift`; the last is upper."""
    survivors, lower = start(), np.empty(len(time))
    for look, rho in enumerate(correlations(time).tolist()):
        mean = drift * float(np.sqrt(time[look]))
        lower[look] = min(lower_boundary(survivors, rho, float(misses[look]), mean), upper[look])
        _, _, survivors = passed(survivors, rho, lower[look], float(upper[look]), mean)
    lower[-1] = upper[-1]
    return lower
