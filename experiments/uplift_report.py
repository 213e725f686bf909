"""Answers `rage evaluate --uplift`: does a log's own model know whom an arm helps, and what is acting on it worth?

The score is out of fold: a user's predicted effect comes from a model that never saw that user. Users who have left and
rows in which the arm had no chance are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments import console, reward_model
from experiments.estimators._log import columns_of, numbers, outcome
from experiments.estimators._sums import clusters_of
from experiments.log_source import LogSource, Reading, open_source
from experiments.named import naming
from experiments.rankable import rankable_rows, unranked
from experiments.uplift_metrics import Interval, UpliftMetrics, uplift_metrics
from experiments.uplift_value import Money, TargetingValue, targeting_value
from rage_env.errors import ConfigError, LogError

__all__ = ["RankedArm", "ranked_arms", "uplift_command"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankedArm:
    """How well users are ranked by the effect of one arm on one metric, and what that is worth."""

    metric: str
    arm: str
    metrics: UpliftMetrics
    value: TargetingValue


def ranked_arms(
    source: LogSource, metrics: Sequence[str], money: Money, kind: reward_model.Kind = "ridge", alpha: float = 0.05
) -> Iterator[RankedArm]:
    """Every arm but the first, for every metric. Raises InputError."""
    table = source.table
    propensity, left_out = numbers(table, "propensity").astype(np.float64), unranked(source)
    if len(left_out) == len(source.arms) - 1:
        why = "; ".join(f"{source.arms[a]}: {reason}" for a, reason in left_out.items())
        raise LogError(f"uplift: nobody can be ranked by the effect of any arm: {why}")
    arm, features = numbers(table, "arm").astype(np.int64), reward_model.features_of(table)
    groups = clusters_of(table[source.clusters], table.num_rows).codes
    folds = reward_model.folds_of(table[source.clusters])
    for metric in metrics:
        if len(columns_of(metric)) > 1:
            raise ConfigError(f"--uplift: {metric} is a ratio, which no single user has an effect on; ask one column")
        y = outcome(table, metric).astype(np.float64)
        q = reward_model.cross_fit(features, arm, y, folds, len(source.arms), kind=kind)
        for a in range(1, len(source.arms)):
            if a in left_out:
                continue
            rows = rankable_rows(source, a) & ((arm == 0) | (arm == a))
            score = (q[rows, a] - q[rows, 0]).astype(np.float64)
            data = (score, arm[rows] == a, y[rows], propensity[rows])
            found = uplift_metrics(*data, clusters=groups[rows], alpha=alpha)
            worth = targeting_value(*data, money, clusters=groups[rows], alpha=alpha)
            yield RankedArm(metric, source.arms[a], found, worth)


def uplift_command(
    path: str,
    mapping: str | None,
    metric: str | None,
    money: Money,
    reading: Reading | None = None,
    *,
    trees: bool = False,
    figures: Path | None = None,
    as_json: bool = False,
) -> None:
    """Tables, JSON and figures of the rankings. Raises InputError."""
    source = open_source(path, mapping, reading)
    metrics = [metric] if metric else list(source.metrics)
    with naming(Path(path)):
        rows = list(ranked_arms(source, metrics, money, "trees" if trees else "ridge"))
    if as_json:
        console.print_json([asdict(row) for row in rows])
    else:
        for a, why in unranked(source).items():
            console.show(f"{source.arms[a]} is left out: {why}")
        _show(source, rows, money)
    if figures is not None:
        from experiments.report.uplift import draw

        for place in draw(rows, figures, source.name):
            if not as_json:
                console.show(f"figure: {place}")


def _show(source: LogSource, rows: Sequence[RankedArm], money: Money) -> None:
    shown = [
        {"metric": r.metric, "arm": r.arm, "Qini": _text(r.metrics.qini), "AUUC": _text(r.metrics.auuc)}
        | {f"uplift@{share:.0%}": _text(i) for share, i in r.metrics.uplift_at.items()}
        for r in rows
    ]
    console.print_rows(shown, f"{source.name}: ranking by predicted effect, out of fold; 95 % intervals")
    tenths = [
        {"metric": r.metric, "arm": r.arm, "top": f"{b.share:.0%}", "predicted": f"{b.predicted:.3g}"}
        | {"observed": _text(b.observed)}
        for r in rows
        for b in r.metrics.calibration
    ]
    console.print_rows(tenths, "calibration: effect in each tenth of users, best first")
    told = f"ranked targeting, usd per user, at ${money.cost:g} a treated user and ${money.worth:g} a unit"
    console.print_rows([line for r in rows for line in _money(r)], told)


def _money(row: RankedArm) -> Iterator[dict[str, object]]:
    value = row.value
    named = [*((f"top {t.share:.0%}", t) for t in value.at), ("predicted above cost", value.rule)]
    for name, one in (*named, ("best, chosen by the other half", value.best)):
        yield {
            "metric": row.metric,
            "arm": row.arm,
            "treated": name,
            "share": f"{one.share:.0%}",
            "net": _text(one.net),
        }


def _text(found: Interval) -> str:
    return f"{found.value:.3g} ({found.lower:.3g} to {found.upper:.3g})"
