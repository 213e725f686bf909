"""The monitors of a run: an experiment's entries, with what a run can tell them filled in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import numpy as np

from experiments import monitors
from experiments.completed import immediate_value
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.monitors import Monitor
from experiments.offered import Against, Told, certificate_age, known_at, offered_for_guardrail, offered_for_value
from experiments.watch import KpiWatch, RatioWatch, Watch, head_counted
from rage_env.errors import ConfigError
from rage_env.guardrails import Guardrail, find, weighted_sum
from rage_env.log import WeekLog

__all__ = ["watches"]

_ALPHA = 0.05
_CAP_QUANTILE = 0.999
"""Of burn-in, before any agent acts: caps a user's mean difference (KPI) and a user-week's denominator (ratios)."""
_CAP_QUANTILE_GROUPS = 0.99
"""The same for a user's mean value where groups are compared: no life of the same user takes the tail away."""


def watches(config: ExperimentConfig, told: Told, *, is_control: bool) -> list[Watch]:
    """The study's monitors for one run; the control has no difference to itself to be watched.

    In mode ab a run is a group: value is compared between its users (group 1) and those of the control (group 0).
    """
    made: list[Watch] = []
    for entry in config.monitors:
        if entry.metric != "value":
            made.append(_ratio(entry, find(told.guardrails, entry.metric), told, config))
        elif not is_control:
            made.append(_kpi(entry, told, config))
    return made


def _kpi(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> KpiWatch:
    against: Against = "groups" if config.mode == "ab" else "paired"
    cap = _cap_of_means(told.burn_in, _CAP_QUANTILE if against == "paired" else _CAP_QUANTILE_GROUPS)
    weeks = max(1, config.weeks - told.wait_weeks)
    offered = offered_for_value(weeks, config.rivals, cap, against, told.seats)
    by_account = against == "paired" and told.seats > 1 and "rows_per_unit" in _known(entry)
    made = _made(entry, offered, config.rivals)
    return KpiWatch(entry, made, wait_weeks=told.wait_weeks, by_account=by_account)


def _cap_of_means(burn_in: Sequence[WeekLog], quantile: float) -> float | None:
    """Most a user's mean weekly difference may count: a far quantile of mean weekly value before anything was done."""
    if not burn_in:
        return None
    mean = sum(immediate_value(w.columns, 0.0) for w in burn_in) / len(burn_in)
    return float(np.quantile(np.abs(mean), quantile)) or None


def _ratio(entry: MonitorEntry, guardrail: Guardrail, told: Told, config: ExperimentConfig) -> RatioWatch:
    if guardrail.denominator is None:
        raise ConfigError(
            f"monitors: {entry.label} watches {guardrail.name}, which is no ratio; watch one with a denominator"
        )
    if guardrail.scope.kind != "cohort":
        raise ConfigError(
            f"monitors: {entry.label} watches {guardrail.name}, a limit by {guardrail.scope.kind}, and would see "
            "everybody at once; watch one whose scope is the cohort"
        )
    sizes = [weighted_sum(guardrail.denominator, head_counted(w), (w.n,)) for w in told.burn_in]
    cap_usd = float(np.quantile(np.concatenate(sizes), _CAP_QUANTILE)) if sizes else 0.0
    if "cap_usd" not in entry.params and cap_usd <= 0:
        counted = " + ".join(guardrail.denominator)
        raise ConfigError(
            f"monitors: {entry.label}: burn-in weeks hold no {counted}, so that nothing fixes a cap; give cap_usd, the "
            f"most {counted} that a user-week may count"
        )
    given = float(str(entry.params.get("cap_usd", cap_usd)))
    offered = offered_for_guardrail(
        guardrail.limit,
        given,
        told.seats,
        weeks=config.weeks,
        max_loss_usd=max(told.max_loss_usd, 1e-9) * max(guardrail.numerator.values()),
        reported_share=known_at(told.shares, tuple(guardrail.numerator), certificate_age(entry.params)),
    )
    by_account = told.seats > 1 and "rows_per_unit" in _known(entry)
    made = _made(entry, offered, config.rivals)
    return RatioWatch(entry, made, _limited(guardrail, entry), given, by_account=by_account)


def _limited(guardrail: Guardrail, entry: MonitorEntry) -> Guardrail:
    """The guardrail with the limit that the monitor was told to watch, if it was told one."""
    limit = entry.params.get("limit", guardrail.limit)
    return guardrail.model_copy(update={"limit": limit})


def _made(entry: MonitorEntry, offered: Mapping[str, object], rivals: int) -> Monitor:
    """The monitor with the experiment's parameters over those a run can tell it; alpha is shared by the agents."""
    known = _known(entry)
    params = {k: v for k, v in offered.items() if k in known}
    if "alpha" in known and "comparisons" not in known:
        params["alpha"] = _ALPHA / rivals
    return monitors.monitor(entry.kind, **{**params, **entry.params})


def _known(entry: MonitorEntry) -> Mapping[str, inspect.Parameter]:
    """Parameters that the monitor takes."""
    return inspect.signature(monitors.monitor_class(entry.kind)).parameters
