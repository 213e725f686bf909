"""The monitors of a run: an experiment's entries, with what a run can tell them filled in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from experiments import monitors
from experiments.completed import immediate_value
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.feeds import metric_problem
from experiments.logged_watch import ArmEffectWatch, ArmsWatch, EventsWatch, FeatureWatch
from experiments.monitors import Monitor
from experiments.monitors.interface import Reads
from experiments.offered import Against, Told, certificate_age, known_at, offered_for_guardrail, offered_for_value
from experiments.ratio_watch import RatioWatch, head_counted
from experiments.watch import KpiWatch, Watch
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
    reads = [(entry, monitors.monitor_class(entry.kind).reads) for entry in config.monitors]
    return [_MAKERS[what](entry, told, config) for entry, what in reads if not (is_control and what in _OF_AGENTS)]


def _kpi(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> KpiWatch:
    against = _against(config)
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


def _ratio(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> RatioWatch:
    guardrail = find(told.guardrails, entry.metric)
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


def _arms(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> ArmsWatch:
    offered = {"arms": len(told.arms), "drawn_together": told.drawn_together}
    return ArmsWatch(entry, _made(entry, offered, config.rivals))


def _arm_effect(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> ArmEffectWatch:
    made = _made(entry, {"weeks": max(2, config.weeks - told.wait_weeks)}, config.rivals)
    weekly = [np.abs(immediate_value(w.columns, 0.0)) for w in told.burn_in]
    cap_usd = float(np.quantile(np.concatenate(weekly), _CAP_QUANTILE_GROUPS)) * told.seats if weekly else np.inf
    watch = ArmEffectWatch(entry, made, told.completed, cap_usd or np.inf)
    if unknown := [arm for arm in watch.arms if not 0 <= arm < len(told.arms)]:
        raise ConfigError(
            f"monitors: {entry.label}: no arm has number {unknown[0]}; the world's are 0..{len(told.arms) - 1} "
            f"({', '.join(told.arms)})"
        )
    return watch


def _events(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> EventsWatch:
    made = _made(entry, {"trial": "hazard"}, config.rivals)
    return EventsWatch(entry, made, beside_control=made.reads == "events_by_group")


def _feature(entry: MonitorEntry, told: Told, config: ExperimentConfig) -> FeatureWatch:
    """Thresholds are deciles of burn-in; the cohort is read by turns, since the same users come every week."""
    if problem := metric_problem(entry.kind, "inputs", entry.metric, _against(config), told.features):
        raise ConfigError(f"monitors: {entry.label}: {problem}")
    column = told.features.index(entry.metric)
    seen = [w.features[w.present, column] for w in told.burn_in]
    deciles = np.unique(np.quantile(np.concatenate(seen), np.linspace(0.1, 0.9, 9))) if seen else np.empty(0)
    offered = {"edges": deciles.astype(np.float64).tolist(), "turns": config.weeks}
    return FeatureWatch(entry, _made(entry, offered, config.rivals), column)


_MAKERS: dict[Reads, Callable[[MonitorEntry, Told, ExperimentConfig], Watch]] = {
    "means": _kpi,
    "ratios": _ratio,
    "arms": _arms,
    "arm_values": _arm_effect,
    "events": _events,
    "events_by_group": _events,
    "inputs": _feature,
}
_OF_AGENTS = ("means", "arms", "arm_values")
"""What the control of a paired study is not watched for: it decides nothing; others are held against it."""


def _against(config: ExperimentConfig) -> Against:
    return "groups" if config.mode == "ab" else "paired"


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
