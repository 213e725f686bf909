"""Values policies from a log: every estimator, in one pass, with intervals clustered by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from experiments import reward_model
from experiments.estimators._answer import Facts, answer
from experiments.estimators._discovery import Spec, load
from experiments.estimators._log import (
    Policy,
    Probs,
    View,
    columns_of,
    numbers,
    outcome,
    probabilities,
    refuse_gaps,
    rows_of,
    table_of,
)
from experiments.estimators._preparation import prepared, with_estimated_propensities
from experiments.estimators._sums import CHUNK, cluster_sums, clusters_of
from experiments.estimators._tuning import with_candidates
from rage_env.errors import InputError, LogError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["INTERVALS", "evaluate"]

INTERVALS = ("influence", "bootstrap_t", "bca", "percentile")


def evaluate(
    log: object,
    target_probs: Probs,
    estimators: Sequence[Spec] | None = None,
    q_hat: Probs | Mapping[str, Probs] | None = None,
    baseline_probs: Probs | None = None,
    clusters: str | None = "user_id",
    alpha: float = 0.05,
    metric: str = "reward",
    estimate_propensities: bool = False,
    interval: str = "influence",
    model: reward_model.Kind = "ridge",
) -> pd.DataFrame:
    """One row per estimator: the mean per row of `metric` had the target acted, with an interval of level 1 - alpha.

    log: CohortLog, DataFrame or pyarrow Table with user_id, week, arm, propensity, reward and the metric's columns;
    where propensity is empty in every row it was withheld, and estimators that weigh refuse.
    target_probs, baseline_probs: (rows, k); with a baseline every row is target minus baseline. metric: a column,
    or `num/den` for a ratio of totals. q_hat: (rows, k), or {column: (rows, k)} for a ratio; without it a `model`,
    ridge or trees, is cross-fitted on the `x_*` columns by users. clusters: a column whose equal labels depend on each
    other (users; accounts where they share a draw); None takes every row for independent. estimators: None asks all
    that value one week under the target. estimate_propensities: fill in withheld ones by a model, said in every row.
    interval: by influence functions, or a bootstrap of clusters: bootstrap_t, bca or percentile. Raises InputError.
    """
    import pandas as pd

    made = load(estimators)
    if interval not in INTERVALS:
        raise UnknownNameError("interval", interval, INTERVALS)
    if model not in get_args(reward_model.Kind):
        raise UnknownNameError("reward model", model, get_args(reward_model.Kind))
    summed = with_candidates(made)
    if not 0 < alpha < 1:
        raise InputError(f"alpha must lie in (0, 1), got {alpha}; 0.05 gives 95 % intervals")
    columns = columns_of(metric)
    table = table_of(log, np.shape(target_probs)[1] if np.ndim(target_probs) == 2 else None)
    target = probabilities("target_probs", target_probs, table.num_rows)
    policies = [Policy("target_probs", target)]
    if baseline_probs is not None:
        baseline = probabilities("baseline_probs", baseline_probs, table.num_rows, target.shape[1])
        policies.append(Policy("baseline_probs", baseline))
    labels = None if clusters is None else _labels(table, clusters)
    groups = clusters_of(labels, table.num_rows)
    wanted = model if any(e.needs_q for e in summed.values()) else None
    view, told = _view(table, columns, q_hat, wanted, target.shape[1], labels)
    if estimate_propensities:
        view = with_estimated_propensities(view, table, labels, target.shape[1])
    elif view.withheld:
        summed = {name: e for name, e in summed.items() if not e.needs_propensity}
    ready = prepared(summed.values(), view, table, policies, columns, labels)
    refused = {name: why for name, e in summed.items() if (why := ready.refusal(e)) is not None}
    summed = {name: e for name, e in summed.items() if name not in refused}
    held = cluster_sums(summed, rows_of(view, policies, columns, ready.cells), groups, len(policies) * len(columns))
    if not all(sums.finite for sums in held):
        refuse_gaps(view)
    facts = Facts(
        groups.sizes(), len(columns), view.deterministic, view.withheld, alpha, told, estimate_propensities, refused,
        interval, _untried(view, policies),
    )  # fmt: skip
    with np.errstate(over="ignore", invalid="ignore"):  # an answer says so itself
        return pd.DataFrame([asdict(answer(name, e, held, facts)) for name, e in made.items()])


def _view(
    table: pa.Table,
    columns: tuple[str, ...],
    q_hat: Probs | Mapping[str, Probs] | None,
    wanted: reward_model.Kind | None,
    k: int,
    labels: pa.ChunkedArray | None,
) -> tuple[View, str]:
    present = np.asarray(table["present"].to_numpy(), dtype=np.bool_) if "present" in table.column_names else None
    present = None if present is None or present.all() else present
    outcomes = {c: outcome(table, c) for c in columns}
    view = View(numbers(table, "arm"), numbers(table, "propensity"), present, outcomes, {})
    if wanted is None:
        return view, ""
    if q_hat is not None:
        return replace(view, q=_given(q_hat, columns, table.num_rows, k)), "given"
    folds = reward_model.folds_of(table["user_id"] if labels is None else labels)
    features = reward_model.features_of(table)
    arm = view.arm.astype(np.int64)
    q = {
        c: reward_model.cross_fit(features, arm, y.astype(np.float64), folds, k, kind=wanted)
        for c, y in outcomes.items()
    }
    return replace(view, q=q), f"{wanted} on {features.shape[1]} features, cross-fitted"


def _untried(view: View, policies: Sequence[Policy]) -> float:
    """The largest share of a policy, over present users' rows, on arms that none of them took."""
    k = policies[0].probs.shape[1]
    for rows in (slice(CHUNK), slice(None)):  # the first rows mostly tell
        here = np.ones(len(view.arm[rows]), np.bool_) if view.present is None else view.present[rows]
        never = np.bincount(view.arm[rows][here].astype(np.int64), minlength=k) == 0
        if not never.any():
            return 0.0
    return max(float(p.probs[here][:, never].sum(axis=1).mean()) for p in policies) if here.any() else 0.0


def _given(q_hat: Probs | Mapping[str, Probs], columns: tuple[str, ...], n: int, k: int) -> dict[str, Probs]:
    if not isinstance(q_hat, Mapping):
        if len(columns) > 1:
            raise LogError(f"q_hat: the ratio {'/'.join(columns)} needs a model of each; give {{column: (rows, k)}}")
        q_hat = {columns[0]: q_hat}
    missing = [c for c in columns if c not in q_hat]
    if missing:
        raise LogError(f"q_hat lacks a model of {missing}; it has {sorted(q_hat)}")
    return {c: probabilities(f"q_hat[{c}]" if len(columns) > 1 else "q_hat", q_hat[c], n, k) for c in columns}


def _labels(table: pa.Table, clusters: str) -> pa.ChunkedArray:
    numbers(table, clusters)  # names the nearest column where it is missing
    labels = table[clusters]
    if labels.null_count:
        raise LogError(f"column {clusters}: {labels.null_count} rows lack a label; clusters must cover every row")
    return labels
