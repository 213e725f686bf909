"""Whether a log can say how people rank by the effect of an arm: only where chance decided between it and the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.estimators._inference import weigh
from experiments.estimators._log import numbers
from experiments.estimators._sums import Clusters, clusters_of
from experiments.log_source import LogSource

__all__ = ["rankable_rows", "unranked"]


def rankable_rows(source: LogSource, arm: int) -> NDArray[np.bool_]:
    """(n,) rows of present users in which both the arm and the first one had a chance."""
    rows = np.ones(source.table.num_rows, np.bool_)
    if "present" in source.table.column_names:
        rows &= np.asarray(source.table["present"].to_numpy(zero_copy_only=False), np.bool_)
    tried = source.tried
    return rows if tried is None else np.asarray(rows & (tried[:, arm] > 0) & (tried[:, 0] > 0))


def unranked(source: LogSource) -> dict[int, str]:
    """{arm: why} of the arms but the first by whose effect this log can rank nobody."""
    return {a: why for a in range(1, len(source.arms)) if (why := _why_not(source, a))}


def _why_not(source: LogSource, arm: int) -> str:
    """Empty where people can be ranked by what the arm does for them, else the reason."""
    taken = numbers(source.table, "arm")
    chance = numbers(source.table, "propensity").astype(np.float64)
    rows = rankable_rows(source, arm)
    if np.isnan(chance).any():
        return "the log withholds its propensities"
    if (chance == 1).all():
        return "the log left nothing to chance: every propensity is 1"
    groups = clusters_of(source.table[source.clusters], source.table.num_rows)
    sizes = _summed(groups, rows.astype(np.float64))
    for code in (0, arm):
        weight = np.where(rows & (taken == code), 1 / chance, 0.0)
        if not weight.any():
            return f"{source.arms[code]} was never taken where both had a chance"
        sums = _summed(groups, weight)[sizes > 0]
        found = weigh(sums, float(weight.max()), sums, sizes[sizes > 0])
        if found.mean_is_off:
            return (
                f"weights of {source.arms[code]} average {found.mean:.3g} +- {found.mean_stderr:.2g} where 1 is due, "
                "so its propensities are wrong"
            )
    return ""


def _summed(groups: Clusters, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(groups.codes, rows, minlength=groups.count).astype(np.float64)
