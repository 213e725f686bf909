"""Learns a policy on half of the users and scores it on the others, against what the log did and every plain arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import estimators, reward_model
from experiments.estimators._log import outcome
from experiments.learning.allocated import Limit, fit_allocated
from experiments.learning.policy import LearnedPolicy, allowed_arms, feature_columns, label_keys
from experiments.learning.scores import How, arm_scores
from experiments.learning.softmax import fit_softmax
from experiments.log_source import LogSource
from rage_env.errors import InputError, LogError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METHODS", "SCORED_BY", "Learned", "Limit", "learn", "scored"]

METHODS = {
    "dr": "softmax of lines, fitted to doubly robust scores",
    "ips": "softmax of lines, fitted to inverse propensity scores",
    "allocator": "the allocator on doubly robust scores, within limits",
}
SCORED_BY = ("ips", "snips", "dr")
LEAST_USERS = 100
SPLIT = 1_000
"""Seed offset of the split, which must not be that of the reward model's folds."""


@dataclass(frozen=True, eq=False)
class Learned:
    """A policy, and what users whom it never saw say of it."""

    policy: LearnedPolicy
    scores: pd.DataFrame  # a row per policy compared and estimator, on the held-out users
    held_out: NDArray[np.bool_]  # (n,) rows of the log that it did not learn from


def learn(
    source: LogSource,
    method: str = "dr",
    metric: str = "reward",
    limits: Sequence[Limit] = (),
    seed: int = 0,
    alpha: float = 0.05,
) -> Learned:
    """The policy of highest `metric` per row within `limits` (allocator only), learned on one half of the users.

    seed: which half. Raises InputError.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if limits and method != "allocator":
        raise InputError(f"--keep: {method} keeps no limits; ask the method allocator")
    if "/" in metric:
        raise InputError(f"metric {metric}: a ratio has no arm that is best for one user; learn on a single column")
    table = source.table
    columns = {c: outcome(table, c).astype(np.float64) for c in (metric, *(limit.column for limit in limits))}
    chance = np.asarray(table["propensity"].to_numpy(zero_copy_only=False), dtype=np.float64)[~_gone(table)]
    if np.isnan(chance).any():
        raise LogError("learn: the log withholds its propensities, so it cannot say what other arms would have brought")
    if (chance == 1).all():
        raise LogError("learn: the log left nothing to chance, so it cannot say what other arms would have brought")
    labels = table[source.clusters]
    mine = reward_model.folds_of(labels, 2, SPLIT + seed) == 0
    users = [len(table.filter(pa.array(half))[source.clusters].unique()) for half in (mine, ~mine)]
    if min(users) < LEAST_USERS:
        raise LogError(
            f"learn: halves of {users[0]} and {users[1]} users are too small to learn on and score with; both need "
            f"{LEAST_USERS}, so give a log of more users"
        )
    use = mine & ~_gone(table)
    known = {c: y[use] for c, y in columns.items()}
    policy = _fitted(source, table.filter(pa.array(use)), method, metric, known, limits)
    policy = replace(policy, learned_from=np.unique(label_keys(labels)[mine]))
    held_out = table.filter(pa.array(~mine))
    return Learned(policy, scored(policy, source, held_out, alpha, [limit.column for limit in limits]), ~mine)


def scored(
    policy: LearnedPolicy, source: LogSource, table: pa.Table, alpha: float = 0.05, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """What rows of others say of the policy, and of it against the log's own. Raises LogError for its own rows."""
    import pandas as pd

    if policy.arms != source.arms:
        raise LogError(f"policy: knows the arms {', '.join(policy.arms)}, the log has {', '.join(source.arms)}")
    policy.refuse_own(table)
    others = LogSource(source.name, "", table, source.arms, (), source.clusters, one_decision=False).policies()
    probs = policy.probs(table)
    parts = []
    for metric in dict.fromkeys((policy.metric, *columns)):
        compared = {"": None, **others} if metric == policy.metric else {"": None}
        for name, base in compared.items():
            found = estimators.evaluate(
                table, probs, SCORED_BY, baseline_probs=base, clusters=source.clusters, alpha=alpha, metric=metric
            )
            found.insert(0, "against", name)
            found.insert(0, "metric", metric)
            parts.append(found)
    return pd.concat(parts, ignore_index=True)


def _fitted(
    source: LogSource,
    table: pa.Table,
    method: str,
    metric: str,
    columns: dict[str, NDArray[np.float64]],
    limits: Sequence[Limit],
) -> LearnedPolicy:
    features = reward_model.features_of(table)
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(features)), (features - centre) / spread])
    arm = np.asarray(table["arm"].to_numpy()).astype(np.int64)
    propensity = np.asarray(table["propensity"].to_numpy(), dtype=np.float64)
    folds, k = reward_model.folds_of(table[source.clusters]), len(source.arms)
    how: How = "ips" if method == "ips" else "dr"
    scores = {c: arm_scores(how, features, arm, propensity, y, folds, k) for c, y in columns.items()}
    allowed = allowed_arms(table, source.arms)
    if method == "allocator":
        lines = fit_allocated(design, scores[metric], scores, limits, allowed)
    else:
        lines = fit_softmax(design, scores[metric], allowed)
    return LearnedPolicy(
        arms=source.arms,
        features=feature_columns(table),
        centre=centre,
        spread=spread,
        lines=lines,
        greedy=method == "allocator",
        method=method,
        metric=metric,
        limits=tuple(str(limit) for limit in limits),
        cluster=source.clusters,
        learned_from=np.empty(0, np.uint64),
    )


def _gone(table: pa.Table) -> NDArray[np.bool_]:
    if "present" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    return ~np.asarray(table["present"].to_numpy(), dtype=np.bool_)
