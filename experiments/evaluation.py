"""Answers `rage evaluate`: what does a log, ours or anybody's, say about its arms?

Values of plain policies, effects against the first arm, and a policy learned out of fold: a T-learner on the
cross-fitted reward model takes, for each user, the arm that the other folds' model prefers.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators import evaluate
from experiments.estimators._discovery import Spec
from experiments.estimators._log import columns_of, outcome
from experiments.evaluation_report import EvaluationReport, UpliftRow, ValueRow
from experiments.limits import Bounds, Limits
from experiments.log_source import LogSource, Reading, open_source
from experiments.named import naming
from experiments.policy_of_log import with_policy_of
from experiments.rankable import rankable_rows, unranked
from experiments.ratio_metrics import RATIOS, loggable, spelt
from experiments.uplift_metrics import uplift_metrics

if TYPE_CHECKING:
    import pandas as pd

    from experiments.intervals.rare_losses import Declared

__all__ = ["ESTIMATORS", "EvaluationReport", "evaluate_command", "evaluate_log"]

ESTIMATORS = ("naive", "dm", "ips", "snips", "dr")
OF_RATIOS = ("snips", "dr")
OF_LEARNED = ("ips", "snips", "dr")
"""dm would praise the policy with the very model that chose it, naive does not ask how the rows came about."""

Probs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Asking:
    """One log, the metric in question, and how to ask."""

    source: LogSource
    metric: str
    q: dict[str, NDArray[np.floating]]  # {column: (n, k)} out of fold
    estimators: Sequence[Spec]
    alpha: float
    interval: str = "influence"
    declared: Declared | None = None  # bounds, for the interval of rare losses

    def rows(self, policy: str, target: Probs, baseline: str = "", base: Probs | None = None) -> Iterator[ValueRow]:
        """One row per estimator."""
        found = self._found(target, base).drop(columns=["skew", "reward_model"])
        for line in found.to_dict("records"):
            yield ValueRow(metric=self.metric, policy=policy, baseline=baseline, **line)

    def _found(self, target: Probs, base: Probs | None) -> pd.DataFrame:
        table, clusters, asked = self.source.table, self.source.clusters, self.estimators
        if self.declared is not None:
            from experiments.intervals.rare_losses import rare_losses

            more = {"metric": self.metric, "clusters": clusters}
            return rare_losses(table, target, self.declared, asked, base, q_hat=self.q, alpha=self.alpha, **more)
        return evaluate(
            table,
            target,
            asked,
            q_hat=self.q,
            baseline_probs=base,
            clusters=clusters,
            alpha=self.alpha,
            metric=self.metric,
            interval=self.interval,
            estimate_propensities=self.source.estimated,
        )


def evaluate_log(
    path: str | Path,
    mapping: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    estimators: Sequence[Spec] = ESTIMATORS,
    alpha: float = 0.05,
    limits: Limits | None = None,
    interval: str = "influence",
    reading: Reading | None = None,
    as_in: str | None = None,
    bounds: Bounds | None = None,
) -> EvaluationReport:
    """The report on a log. path: a RAGE log folder, a mapping (a shipped name or a YAML file), or a data file.

    mapping: says how to read a data file. metrics: columns, `num/den` or names of ratios; None takes every outcome of
    the mapping, or value, net revenue and the ratios of a RAGE log. limits: what is to be certified beside.
    interval: as `estimators.evaluate` takes it. bounds: for the interval of rare losses instead, of a single metric.
    reading: what to do about invalid rows, late columns and withheld propensities.
    as_in: another log, whose policy is valued on this one. Raises InputError.
    """
    source = open_source(path, mapping, reading)
    if as_in is not None:
        source = with_policy_of(source, open_source(as_in))
    wanted = [spelt(m) for m in metrics or source.metrics]
    for metric in wanted:
        for column in columns_of(metric):
            outcome(source.table, column)  # a misspelt metric is told before anything is fitted
    certificates = () if limits is None else tuple(limits.rows(source, alpha))
    declared = None if bounds is None else bounds.declared(source, wanted)
    asked = [_asking(source, m, estimators, alpha, interval, declared) for m in wanted]
    ratios = () if metrics else loggable(source.table.column_names)
    arm = np.asarray(source.table["arm"].to_numpy(), dtype=np.int64)
    left_out = unranked(source) if source.one_decision else {}
    return EvaluationReport(
        name=source.name,
        source=source.origin,
        rows=source.table.num_rows,
        units=len(source.table[source.clusters].unique()),
        arms=source.arms,
        arm_rows=tuple(np.bincount(arm, minlength=len(source.arms)).tolist()),
        alpha=alpha,
        reward_model="ridge, one line per arm, cross-fitted by user in 2 folds",
        values=tuple(row for a in asked for name, probs in source.policies().items() for row in a.rows(name, probs)),
        effects=tuple(row for a in asked for row in _effects(a)),
        ratios=tuple(row for name in ratios for row in _ratio(source, name, alpha, interval)),
        certificates=certificates,
        learned=tuple(row for a in asked for row in _learned(a)) if source.one_decision else (),
        uplift=tuple(row for a in asked for row in _uplift(a, left_out)) if source.one_decision else (),
        notes=(*source.notes, *(f"ranking: {source.arms[a]} is left out: {why}" for a, why in left_out.items())),
    )


def evaluate_command(
    path: str,
    mapping: str | None = None,
    metric: str | None = None,
    limits: Limits | None = None,
    interval: str = "influence",
    reading: Reading | None = None,
    estimators: Sequence[Spec] = (),
    as_json: bool = False,
    as_in: str | None = None,
    bounds: Bounds | None = None,
) -> None:
    """What `rage evaluate` does: print the report as tables, or as JSON. Raises InputError."""
    asked = [metric] if metric else None
    chosen = estimators or ESTIMATORS
    with naming(Path(path)):
        report = evaluate_log(path, mapping, asked, chosen, 0.05, limits, interval, reading, as_in, bounds)
    if as_json:
        print(report.to_json())
        return
    from rich.console import Console

    console = Console()
    counts = ", ".join(f"{a} {c:,}" for a, c in zip(report.arms, report.arm_rows, strict=True))
    console.print(f"{report.name}: {report.rows:,} rows of {report.units:,} units ({counts})", highlight=False)
    console.print(f"source: {report.source}; reward model: {report.reward_model}", highlight=False)
    for note in report.notes:
        console.print(note, highlight=False, markup=False)
    for table in report.tables():
        console.print(table)


def _asking(
    source: LogSource,
    metric: str,
    estimators: Sequence[Spec],
    alpha: float,
    interval: str = "influence",
    declared: Declared | None = None,
) -> _Asking:
    table = source.table
    features, folds = reward_model.features_of(table), reward_model.folds_of(table[source.clusters])
    arm = _numbers(table, "arm").astype(np.int64)
    q = {}
    for column in (*columns_of(metric), *([] if declared is None else [declared.within(metric)])):
        y = outcome(table, column).astype(np.float64)
        q[column] = reward_model.cross_fit(features, arm, y, folds, len(source.arms))
    return _Asking(source, metric, q, estimators, alpha, interval, declared)


def _ratio(source: LogSource, name: str, alpha: float, interval: str) -> Iterator[ValueRow]:
    """One ratio under every plain policy, by the estimators that ratios are best served by; none where nothing is."""
    columns = columns_of(RATIOS[name])
    if not all(outcome(source.table, c).any() for c in columns):
        return
    asking = _asking(source, RATIOS[name], OF_RATIOS, alpha, interval)
    for policy, probs in source.policies().items():
        yield from (replace(row, metric=f"{name} = {RATIOS[name]}") for row in asking.rows(policy, probs))


def _effects(asking: _Asking) -> Iterator[ValueRow]:
    names, first = asking.source.arms, asking.source.blanket(0)
    for a in range(1, len(names)):
        yield from asking.rows(names[a], asking.source.blanket(a), names[0], first)


def _learned(asking: _Asking) -> Iterator[ValueRow]:
    if len(columns_of(asking.metric)) > 1:
        return  # a ratio has no arm that is best for one user
    q = asking.q[asking.metric]
    best = np.eye(q.shape[1])[q.argmax(axis=1)]
    asking = replace(asking, estimators=OF_LEARNED)
    yield from asking.rows("learned", best)
    for a, name in enumerate(asking.source.arms):
        yield from asking.rows("learned", best, name, asking.source.blanket(a))


def _uplift(asking: _Asking, left_out: Container[int]) -> Iterator[UpliftRow]:
    if len(columns_of(asking.metric)) > 1:
        return
    table = asking.source.table
    column, q = asking.metric, asking.q[asking.metric]
    arm, propensity = _numbers(table, "arm"), _numbers(table, "propensity").astype(np.float64)
    y = outcome(table, column).astype(np.float64)
    for a in range(1, q.shape[1]):
        if a in left_out:
            continue
        rows = ((arm == 0) | (arm == a)) & rankable_rows(asking.source, a)
        score = (q[rows, a] - q[rows, 0]).astype(np.float64)
        found = uplift_metrics(score, arm[rows] == a, y[rows], propensity[rows], alpha=asking.alpha)
        yield UpliftRow(asking.metric, asking.source.arms[a], found)


def _numbers(table: pa.Table, column: str) -> NDArray[np.generic]:
    return np.asarray(table[column].to_numpy(zero_copy_only=False))
