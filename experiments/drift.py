"""Switches the drift that a scenario declares on or off."""

from __future__ import annotations

from rage_env import scenario
from rage_env.errors import ConfigError
from rage_env.scenario import Scenario

__all__ = ["with_drift"]

_FIELD = "drift"


def with_drift(world: Scenario, *, wanted: bool) -> Scenario:
    """The world with the drift it declares, or without any. Raises ConfigError where it is wanted and none declared."""
    declared = getattr(world, _FIELD, ())
    if wanted and not declared:
        raise ConfigError(
            f"--drift: the scenario {world.name} declares no drift, so there is none to switch on; leave --drift out, "
            "or take a scenario that does"
        )
    return world if wanted or not declared else scenario.load(world, [{_FIELD: []}])
