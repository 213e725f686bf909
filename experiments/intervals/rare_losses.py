"""An interval for metrics carried by rare large losses: what a log shows up to a cap, and a bound on what lies beyond.

A log that met none of the losses that count looks like any other, and its mean is too high. So the metric is counted
down to `-cap` only, with the estimator's own interval, and the mean of what lies beyond is bounded from above by bets
that need a declared worst loss and nothing else (Waudby-Smith and Ramdas 2020, arXiv 2010.09686). A stake of 1 is the
exact bound where no such loss was seen (Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all
right?").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._discovery import Spec
from experiments.estimators._evaluate import evaluate
from experiments.estimators._log import Probs, columns_of, numbers, outcome, table_of
from experiments.estimators._sums import clusters_of
from experiments.monitors.betting import log_mean_exp
from rage_env.errors import ConfigError, LogError

__all__ = ["BEYOND", "Declared", "most_beyond", "rare_losses"]

Floats = NDArray[np.float64]

BEYOND = 0.25
"""Share of alpha spent on losses beyond the cap; the rest goes to the interval of what lies within."""

STAKES = np.array([1.0, 0.75, 0.5, 0.25])
_HALVINGS = 45  # a millionth of a millionth of the range, and more


@dataclass(frozen=True)
class Declared:
    """Bounds enforced where the log was made, never read off it. usd, or the unit of the metric.

    worst: most that a row of the metric can lose. floor: least propensity of an arm that the target takes.
    cap: losses beyond it are the rare ones; a tenth of `worst` if not given. Raises ConfigError.
    """

    worst: float
    floor: float
    cap: float = field(default=math.nan)

    def __post_init__(self) -> None:
        if math.isnan(self.cap):
            object.__setattr__(self, "cap", self.worst / 10)
        if not (0 < self.cap < self.worst < math.inf and 0 < self.floor <= 1):
            raise ConfigError(
                f"rare losses: need 0 < cap < worst and floor in (0, 1]; got cap {self.cap:g}, worst {self.worst:g}, "
                f"floor {self.floor:g}"
            )

    def within(self, metric: str) -> str:
        """The metric down to the cap, as `evaluate` reads it."""
        return f"floored({metric}, {self.cap:f})"


def rare_losses(
    log: object,
    target_probs: Probs,
    declared: Declared,
    estimators: Sequence[Spec] | None = None,
    baseline_probs: Probs | None = None,
    *,
    metric: str = "net_revenue",
    q_hat: Mapping[str, Probs] | None = None,
    clusters: str = "user_id",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What `evaluate` gives, with `lower` and `upper` wide enough for losses that the log may not have met.

    target_probs, baseline_probs: (rows, k). metric: one column. q_hat: {column: (rows, k)} reward models of the metric
    and of `declared.within(metric)`; fitted if not given. The interval beneath the cap is asymptotic, the bound
    beyond it holds for any number of users. Raises InputError, also for a row that loses more than `declared.worst`.
    """
    if len(columns_of(metric)) > 1:
        raise LogError(f"rare_losses: {metric} is a ratio; ask for a column, or certify a limit on the ratio")
    table = table_of(log, np.shape(target_probs)[1])
    asked = (table, target_probs, estimators, q_hat, baseline_probs, clusters)
    found = evaluate(*asked, metric=metric, alpha=alpha)
    within = evaluate(*asked, metric=declared.within(metric), alpha=alpha * (1 - BEYOND))
    policies = [target_probs] if baseline_probs is None else [target_probs, baseline_probs]
    unseen = _unseen(table, policies, metric, declared, clusters, alpha * BEYOND)
    told = f"rare losses: up to {unseen[0]:.3g} a row beyond {declared.cap:g}, whether the log met them or not"
    return found.assign(
        lower=within["lower"] - unseen[0],
        upper=within["upper"] + (unseen[1] if len(unseen) > 1 else 0.0),
        reason=[f"{reason}; {told}" if reason else told for reason in found["reason"]],
    )


def _unseen(
    table: pa.Table, policies: Sequence[Probs], metric: str, declared: Declared, clusters: str, alpha: float
) -> list[float]:
    """What each policy may lose beyond the cap in a row, on average, all at once with probability 1 - alpha."""
    loss = np.maximum(-outcome(table, metric).astype(np.float64) - declared.cap, 0.0)
    _refuse_beyond(loss, declared)
    groups = clusters_of(table[clusters], table.num_rows)
    most = []
    for probs in policies:
        weighted = _weight(table, probs, declared.floor) * loss
        summed = np.bincount(groups.codes, weighted, minlength=groups.count).astype(np.float64)
        highest = float(np.max(probs)) / declared.floor * (declared.worst - declared.cap) * groups.sizes().max()
        most.append(most_beyond(summed, highest, alpha / len(policies)) * groups.count / table.num_rows)
    return most


def most_beyond(x: Floats, highest: float, alpha: float) -> float:
    """What the mean of independent x (c,) in [0, highest] stays below with probability 1 - alpha or more."""
    some = x[x > 0] / highest
    none = len(x) - len(some)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        mean = (low + high) / 2
        with np.errstate(divide="ignore"):
            wealth = none * np.log1p(STAKES * (1 / (1 - mean) - 1))
            wealth += np.log1p(STAKES[:, None] * ((1 - some) / (1 - mean) - 1)).sum(axis=1)
        out = bool(log_mean_exp(wealth) >= math.log(1 / alpha))
        low, high = (low, mean) if out else (mean, high)
    return highest * high


def _weight(table: pa.Table, probs: Probs, floor: float) -> Floats:
    arm, p = (np.asarray(numbers(table, name)) for name in ("arm", "propensity"))
    weight = np.take_along_axis(np.asarray(probs, np.float64), arm.astype(np.int64)[:, None], axis=1)[:, 0] / p
    if not np.isfinite(weight).all():
        raise LogError("rare_losses: the log withholds its propensities, so no row can be weighed")
    below = (weight > 0) & (p < floor * (1 - 1e-5))  # propensities are logged as float32
    if below.any():
        row = int(below.argmax())
        raise LogError(f"row {row} has a propensity of {p[row]:.6g}, below the declared floor of {floor:g}")
    return weight


def _refuse_beyond(loss: Floats, declared: Declared) -> None:
    if loss.max(initial=0.0) > (declared.worst - declared.cap) * (1 + 1e-6):
        row = int(loss.argmax())
        raise LogError(
            f"row {row} loses {loss[row] + declared.cap:.6g}, more than the declared worst of {declared.worst:g}"
        )
