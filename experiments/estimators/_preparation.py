"""Works out, before the pass, what the estimators asked of the whole log; once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._base import Estimator, Floats
from experiments.estimators._log import Policy, Probs, View
from experiments.estimators._recipe import Recipe, Whole
from experiments.estimators._sums import clusters_of
from experiments.estimators._weeks import week_codes
from experiments.propensity_model import estimated_probs
from rage_env.errors import LogError
from rage_env.log import PROB_PREFIX

__all__ = ["Prepared", "prepared", "with_estimated_propensities"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What could be worked out, and why the rest could not."""

    cells: Sequence[Mapping[Recipe, Floats]]  # {recipe: whole columns} per policy and, within it, per outcome
    failed: Mapping[Recipe, str]

    def refusal(self, estimator: Estimator) -> str | None:
        """Why the estimator cannot answer; None if it can."""
        return next((self.failed[recipe] for recipe in estimator.asks if recipe in self.failed), None)


def prepared(
    estimators: Iterable[Estimator],
    view: View,
    table: pa.Table,
    policies: Sequence[Policy],
    columns: Sequence[str],
    labels: pa.ChunkedArray | None,
) -> Prepared:
    """Every recipe for every policy and outcome. labels: whose rows share a fold."""
    asked = dict.fromkeys(recipe for e in estimators for recipe in e.asks)
    if not asked:
        return Prepared([{} for _ in policies for _ in columns], {})
    read = _reader(table, labels)
    gone = None if view.present is None or view.present.all() else ~view.present
    wholes = [_whole(view, table, p.chunk(slice(0, table.num_rows), gone), c, read) for p in policies for c in columns]
    cells: list[dict[Recipe, Floats]] = [{} for _ in wholes]
    failed: dict[Recipe, str] = {}
    for recipe in asked:
        try:
            for cell, whole in zip(cells, wholes, strict=True):
                cell[recipe] = recipe.work(whole)
        except LogError as error:
            failed[recipe] = str(error)
    return Prepared(cells, failed)


def with_estimated_propensities(view: View, table: pa.Table, labels: pa.ChunkedArray | None, k: int) -> View:
    """The view with propensities fitted out of fold. Raises LogError where the log has its own."""
    if not view.withheld:
        raise LogError(
            "estimate_propensities: the log has its propensities, and they are better than any estimate; leave it out"
        )
    features, folds = _reader(table, labels)
    arm = view.arm.astype(np.int64)
    present = np.ones(len(arm), np.bool_) if view.present is None else view.present
    probs = estimated_probs(features(), arm, present, folds(), k)
    return replace(view, propensity=np.take_along_axis(probs, arm[:, None], axis=1)[:, 0], probs=probs)


_Reader = tuple[Callable[[], Floats], Callable[[], NDArray[np.int64]]]


def _reader(table: pa.Table, labels: pa.ChunkedArray | None) -> _Reader:
    """Features and folds, read when first asked for and then kept."""
    return (
        cache(lambda: reward_model.features_of(table)),
        cache(lambda: reward_model.folds_of(table["user_id"] if labels is None else labels)),
    )


def _whole(view: View, table: pa.Table, target: Probs, column: str, read: _Reader) -> Whole:
    return Whole(
        arm=view.arm.astype(np.int64),
        propensity=view.propensity.astype(np.float64),
        reward=view.outcomes[column].astype(np.float64),
        target=target,
        present=view.present,
        user=clusters_of(table["user_id"], table.num_rows).codes,
        logged=_logged(table, target.shape[1]) if view.probs is None else view.probs,
        read_features=read[0],
        read_folds=read[1],
        read_week=cache(lambda: week_codes(table)),
    )


def _logged(table: pa.Table, k: int) -> Probs | None:
    names = [c for c in table.column_names if c.startswith(PROB_PREFIX)]
    if len(names) != k:
        return None
    return np.stack([np.asarray(table[c].to_numpy(), dtype=np.float64) for c in names], axis=1)
