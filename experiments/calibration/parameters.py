"""The numbers of a scenario that a weekly log may tell: where they stand, on what scale, how widely they are sought."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from rage_env.scenario import Scenario

__all__ = ["PARAMETERS", "Parameter", "nested", "sought", "value_of"]


class Scale(NamedTuple):
    """A one-to-one map of a parameter's range onto the whole line."""

    to_line: Callable[[float], float]
    back: Callable[[float], float]


_EDGE = 1e-4  # how near to the end of its range a number is taken to lie at most


def _log(x: float) -> float:
    return math.log(max(x, _EDGE**2))


def _logit(x: float) -> float:
    inside = min(max(x, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


POSITIVE = Scale(_log, math.exp)
SHARE = Scale(_logit, _expit)
CORRELATION = Scale(math.atanh, math.tanh)
ANY = Scale(float, float)


class Parameter(NamedTuple):
    """A number of a scenario. half_width: of the box around the start in which it is sought, on its scale.

    told_by: moments of which at least one must be there (a name, or the beginning of names).
    """

    path: str
    scale: Scale
    half_width: float
    told_by: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


_ACTIVITY = ("activity_mean", "activity_lag_", "user_mean_sd", "activity_week_26", "one_week_share")
_SHARES = ("top_", "gini")
_REPEATED = ("activity_lag_",)

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("mechanisms.engagement.beta_a", POSITIVE, 0.8, _ACTIVITY),
    Parameter("mechanisms.engagement.beta_b", POSITIVE, 0.8, _ACTIVITY),
    Parameter("mechanisms.engagement.between", SHARE, 2.0, _REPEATED),
    Parameter("mechanisms.engagement.ar", SHARE, 2.5, _REPEATED),
    Parameter("mechanisms.engagement.momentum_logit", ANY, 0.15, _REPEATED),
    Parameter(
        "mechanisms.spending.gmv_per_active_week_usd", POSITIVE, 0.5, ("spend_per_active_week", "log_spend_mean")
    ),
    Parameter("mechanisms.spending.between_sd", POSITIVE, 0.5, ("log_spend_between_sd", *_SHARES)),
    Parameter("mechanisms.spending.within_sd", POSITIVE, 0.4, ("log_spend_within_sd", *_SHARES)),
    Parameter("mechanisms.spending.copula", CORRELATION, 0.6, ("activity_spend_correlation",)),
    Parameter("mechanisms.spending.ticket_usd", POSITIVE, 0.5, ("spend_per_transaction",)),
    Parameter("mechanisms.delinquency.missed_logit.0", ANY, 1.0, ("current_to_late",)),
    Parameter("mechanisms.delinquency.missed_logit.1", ANY, 1.0, ("cure_after_1",)),
    Parameter("mechanisms.delinquency.missed_logit.2", ANY, 1.0, ("cure_after_2",)),
    Parameter("mechanisms.delinquency.missed_logit.3", ANY, 1.0, ("cure_after_3",)),
    Parameter("mechanisms.delinquency.per_stress", POSITIVE, 0.6, ("late_lag_",)),
    Parameter("mechanisms.stress.lasting", SHARE, 1.5, ("late_lag_",)),
    Parameter("mechanisms.stress.ar", SHARE, 1.5, ("late_lag_",)),
    Parameter("mechanisms.lifecycle.wear", POSITIVE, 1.2, _ACTIVITY),
    Parameter("mechanisms.lifecycle.mending", POSITIVE, 1.2, _ACTIVITY),
    Parameter("mechanisms.lifecycle.orders_a_month.3", POSITIVE, 1.2, ("activity_week_26",)),
    Parameter("population.churn.alpha", POSITIVE, 1.2, ("survival_",)),
    Parameter("population.churn.beta", POSITIVE, 1.2, ("survival_",)),
)


def sought(world: Scenario, moments: Collection[str]) -> tuple[Parameter, ...]:
    """Parameters that stand in this scenario and of which some of these moments tell."""
    held = world.model_dump(mode="json")
    return tuple(
        p
        for p in PARAMETERS
        if _at(held, p.path) is not None and any(m.startswith(told) for m in moments for told in p.told_by)
    )


def value_of(world: Scenario, path: str) -> float:
    """The scenario's number at a dotted path."""
    found = _at(world.model_dump(mode="json"), path)
    assert found is not None, path
    return found


def nested(values: Mapping[str, float]) -> dict[str, object]:
    """{dotted path: number} as the nested mapping that overrides a scenario."""
    out: dict[str, object] = {}
    for path, value in values.items():
        *above, last = path.split(".")
        here = out
        for step in above:
            below = here.setdefault(step, {})
            assert isinstance(below, dict)
            here = below
        here[last] = value
    return out


def _at(held: object, path: str) -> float | None:
    for step in path.split("."):
        if isinstance(held, list) and step.isdigit() and int(step) < len(held):
            held = held[int(step)]
        elif isinstance(held, Mapping) and step in held:
            held = held[step]
        else:
            return None
    return float(held) if isinstance(held, int | float) else None
