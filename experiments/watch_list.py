"""The monitors of a run: an experiment's entries, with what a run can tell them filled in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments import monitors
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.monitors import Monitor
from experiments.offered import Against, offered_for_guardrail, offered_for_value
from experiments.watch import KpiWatch, RatioWatch, Watch, head_counted
from rage_env.errors import ConfigError
from rage_env.guardrails import Guardrail, find, weighted_sum
from rage_env.log import WeekLog
from rage_env.outcomes import DELAYED, net_revenue

__all__ = ["watches"]

_ALPHA = 0.05
_CAP_QUANTILE = 0.999
"""Of burn-in, before any agent acts: caps a user's mean difference (KPI) and a user-week's denominator (ratios)."""
_CAP_QUANTILE_GROUPS = 0.99
"""The same for a user's mean value where groups are compared: no life of the same user takes the tail away."""


def watches(
    config: ExperimentConfig,
    guardrails: Sequence[Guardrail],
    burn_in: Sequence[WeekLog],
    *,
    is_control: bool,
    unit: NDArray[np.int64] | None = None,
) -> list[Watch]:
    """The study's monitors for one run; the control has no difference to itself to be watched.

    In mode ab a run is a group: value is compared between its users (group 1) and those of the control (group 0).
    unit: (n,) the account of each user; None where each is alone.
    """
    made: list[Watch] = []
    rivals = config.rivals
    against: Against = "groups" if config.mode == "ab" else "paired"
    for entry in config.monitors:
        if entry.metric != "value":
            seats = 1 if unit is None else int(np.unique(unit, return_counts=True)[1].max())
            made.append(_ratio(entry, find(guardrails, entry.metric), burn_in, rivals, seats))
        elif not is_control:
            quantile = _CAP_QUANTILE if against == "paired" else _CAP_QUANTILE_GROUPS
            offered = offered_for_value(config.weeks, rivals, _cap_of_means(burn_in, quantile), against)
            made.append(KpiWatch(entry, _made(entry, offered, rivals)))
    return made


def _cap_of_means(burn_in: Sequence[WeekLog], quantile: float) -> float | None:
    """Most a user's mean weekly difference may count: a far quantile of mean weekly value before anything was done."""
    if not burn_in:
        return None
    delayed = {c: np.zeros(burn_in[0].n) for c in DELAYED}
    mean = sum(net_revenue({**w.columns, **delayed}) for w in burn_in) / len(burn_in)
    return float(np.quantile(np.abs(mean), quantile)) or None


def _ratio(
    entry: MonitorEntry, guardrail: Guardrail, burn_in: Sequence[WeekLog], rivals: int, seats: int
) -> RatioWatch:
    """seats: most users of an account."""
    if guardrail.denominator is None:
        raise ConfigError(
            f"monitors: {entry.label} watches {guardrail.name}, which is no ratio; watch one with a denominator"
        )
    if guardrail.scope.kind != "cohort":
        raise ConfigError(
            f"monitors: {entry.label} watches {guardrail.name}, a limit by {guardrail.scope.kind}, and would see "
            "everybody at once; watch one whose scope is the cohort"
        )
    sizes = [weighted_sum(guardrail.denominator, head_counted(w), (w.n,)) for w in burn_in]
    cap_usd = float(np.quantile(np.concatenate(sizes), _CAP_QUANTILE)) if sizes else 0.0
    if "cap_usd" not in entry.params and cap_usd <= 0:
        counted = " + ".join(guardrail.denominator)
        raise ConfigError(
            f"monitors: {entry.label}: burn-in weeks hold no {counted}, so that nothing fixes a cap; give cap_usd, the "
            f"most {counted} that a user-week may count"
        )
    given = float(str(entry.params.get("cap_usd", cap_usd)))
    offered = offered_for_guardrail(guardrail.limit, given, seats)
    made, known = _made(entry, offered, rivals), inspect.signature(monitors.monitor_class(entry.kind)).parameters
    by_account = seats > 1 and "rows_per_unit" in known
    return RatioWatch(entry, made, _limited(guardrail, entry), given, by_account=by_account)


def _limited(guardrail: Guardrail, entry: MonitorEntry) -> Guardrail:
    """The guardrail with the limit that the monitor was told to watch, if it was told one."""
    limit = entry.params.get("limit", guardrail.limit)
    return guardrail.model_copy(update={"limit": limit})


def _made(entry: MonitorEntry, offered: Mapping[str, object], rivals: int) -> Monitor:
    """The monitor with the experiment's parameters over those a run can tell it; alpha is shared by the agents."""
    known = inspect.signature(monitors.monitor_class(entry.kind)).parameters
    params = {k: v for k, v in offered.items() if k in known}
    if "alpha" in known and "comparisons" not in known:
        params["alpha"] = _ALPHA / rivals
    return monitors.monitor(entry.kind, **{**params, **entry.params})
