"""Several agents judged together: which of them are truly better than control, with few false names among them.

e-BH: Wang & Ramdas (2022), "False discovery rate control with e-values", J. R. Stat. Soc. B 84. Holds however the
e-values depend on each other, as long as all are read at one common time, which may be chosen by the data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.monitors.interface import MonitorState, open_share, whole
from rage_env.errors import LogError

__all__ = ["Ranked", "e_bh", "rank", "shared_alpha"]


@dataclass(frozen=True)
class Ranked:
    """An agent's place. discovered: among the agents named better, of whom at most a share alpha are wrongly so."""

    place: int
    agent: str
    log_e: float
    estimate: float
    discovered: bool


def shared_alpha(alpha: float, agents: int) -> float:
    """The level of each agent's own stop, so that all stops together err with probability at most `alpha`."""
    return open_share("alpha", alpha) / whole("agents", agents, 1)


def e_bh(log_e: Mapping[str, float], alpha: float = 0.05) -> tuple[str, ...]:
    """Names discovered at a false discovery rate of alpha, strongest first; log_e: log e-value of each."""
    open_share("alpha", alpha)
    for name, value in log_e.items():
        if math.isnan(value):
            raise LogError(f"e-BH: {name} has no e-value; rank by a monitor that gives one, such as asymptotic_cs")
    order = sorted(log_e, key=lambda name: (-log_e[name], name))
    needed = [math.log(len(order) / (alpha * place)) for place in range(1, len(order) + 1)]
    kept = max((i + 1 for i, name in enumerate(order) if log_e[name] >= needed[i]), default=0)
    return tuple(order[:kept])


def rank(states: Mapping[str, MonitorState], alpha: float = 0.05) -> list[Ranked]:
    """Agents by estimate, each with its e-value now (not its best so far) and whether e-BH names it better.

    Evidence of an agent that lies below control counts for nothing here. Raises LogError where the states stand at
    different weeks, or lack e-values.
    """
    weeks = {agent: state.week for agent, state in states.items()}
    if len(set(weeks.values())) > 1:
        raise LogError(f"ranking: agents stand at weeks {weeks}; e-values are compared at one common week")
    found = e_bh({a: s.log_e if s.estimate > 0 else min(s.log_e, 0.0) for a, s in states.items()}, alpha)
    order = sorted(states, key=lambda a: (-states[a].estimate, a))
    return [Ranked(i, a, states[a].log_e, states[a].estimate, a in found) for i, a in enumerate(order, 1)]
