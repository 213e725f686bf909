"""RAGE's world: users live week by week under offers. It does not know that anybody learns.

Importing registers `rage/<scenario>-v0` with Gymnasium for every shipped scenario.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium

from rage_env import configs

if TYPE_CHECKING:
    from rage_env.checks import check_world

__all__ = ["check_world"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "check_world":
        from rage_env.checks import check_world

        return check_world
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


for _name in configs.names("scenarios"):
    if f"rage/{_name}-v0" not in gymnasium.registry:
        gymnasium.register(
            id=f"rage/{_name}-v0",
            entry_point="rage_env.user:UserEnv",
            vector_entry_point="rage_env.cohort:CohortEnv",
            kwargs={"base": _name},
        )
