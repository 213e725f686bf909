"""Where a log can answer for a target and where it cannot: support by weights, over all rows and segment by segment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._base import Floats
from experiments.estimators._inference import LEAST_ESS, weigh
from experiments.estimators._log import Probs, numbers, probabilities, table_of
from experiments.estimators._sums import clusters_of
from rage_env.errors import LogError
from rage_env.log import PROB_PREFIX

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TINY", "overlap"]

TINY = 0.01
"""Propensities below this are tiny: a row of such an arm counts for more than a hundred. Assumed."""

MOST_SEGMENTS = 50
QUARTERS = 4


@dataclass(frozen=True)
class _Support:
    """One segment's line."""

    segment: str  # "all", or the segment's value
    rows: int
    users: int
    ess: float  # effective sample size of the users' weights
    max_weight: float
    mean_weight: float
    mean_stderr: float
    tiny_mass: float  # share of the target on arms that the log drew with less than TINY, 0 included where it tells
    untried_mass: float  # share of the target on arms of propensity 0; nan where the log kept no prob_*
    evaluable: bool
    reason: str


def overlap(
    log: object, target_probs: Probs, segment: str | None = None, clusters: str = "user_id", tiny: float = TINY
) -> pd.DataFrame:
    """One row for all present users, and one a segment: can this log answer for this target there?

    target_probs: (rows, k). segment: a column of the log; one of many numbers is cut into quarters. Without `prob_*`
    columns tiny_mass is estimated from the rows drawn, and what was never tried shows in mean_weight alone. Raises
    InputError.
    """
    import pandas as pd

    table = table_of(log, np.shape(target_probs)[1] if np.ndim(target_probs) == 2 else None)
    target = probabilities("target_probs", target_probs, table.num_rows)
    propensity = numbers(table, "propensity").astype(np.float64)
    if np.isnan(propensity).all():
        raise LogError("overlap: the log withholds its propensities, so it cannot say what it supports")
    arm = numbers(table, "arm").astype(np.int64)
    weight = np.take_along_axis(target, arm[:, None], axis=1)[:, 0] / propensity
    tiny_mass, untried = _masses(table, target, weight * (propensity < tiny), tiny)
    here = numbers(table, "present").astype(np.bool_) if "present" in table.column_names else np.ones(len(arm), bool)
    parts = [("all", here), *([] if segment is None else _segments(table, segment, here))]
    lines = [_line(name, rows, table, clusters, weight, tiny_mass, untried) for name, rows in parts]
    return pd.DataFrame([asdict(line) for line in lines])


def _masses(table: pa.Table, target: Probs, drawn: Floats, tiny: float) -> tuple[Floats, Floats]:
    """(n,) target mass on tiny propensities and on those of 0; the first by weights where the log kept no prob_*."""
    names = [c for c in table.column_names if c.startswith(PROB_PREFIX)]
    if len(names) != target.shape[1]:
        return drawn, np.full(len(target), math.nan)
    logged = np.stack([np.asarray(table[c].to_numpy(), dtype=np.float64) for c in names], axis=1)
    return (target * (logged < tiny)).sum(axis=1), (target * (logged == 0)).sum(axis=1)


def _segments(table: pa.Table, column: str, here: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    held = numbers(table, column)
    values = np.unique(held[here].astype(str) if held.dtype == object else held[here])
    if len(values) <= MOST_SEGMENTS:
        for value in values:
            yield f"{column} = {value}", here & (held == value)
        return
    if held.dtype.kind not in "fiu":
        raise LogError(f"overlap: column {column} has {len(values)} values, at most {MOST_SEGMENTS} are segments")
    figures: Floats = held.astype(np.float64)
    cuts = np.quantile(figures[here], np.linspace(0, 1, QUARTERS + 1)[1:-1])
    code = np.searchsorted(cuts, figures, side="right")
    ends = [-math.inf, *cuts.tolist(), math.inf]
    for quarter in np.unique(code[here]):
        yield f"{column} from {ends[quarter]:.4g} to {ends[quarter + 1]:.4g}", here & (code == quarter)


def _line(
    name: str,
    rows: NDArray[np.bool_],
    table: pa.Table,
    clusters: str,
    weight: Floats,
    tiny_mass: Floats,
    untried: Floats,
) -> _Support:
    mine = weight[rows]
    groups = clusters_of(table[clusters].filter(pa.array(rows)), len(mine))
    sums = np.bincount(groups.codes, weights=mine, minlength=groups.count).astype(np.float64)
    found = weigh(sums, float(mine.max()), sums, groups.sizes())
    reasons = []
    if found.mean_is_off:
        reasons.append(f"weights off: their mean {found.mean:.4g} +- {found.mean_stderr:.2g} is not 1")
    if found.ess < LEAST_ESS:
        reasons.append(f"too few: effective sample size {found.ess:.0f} is below {LEAST_ESS:.0f}")
    never = float(untried[rows].mean())
    if never > 0:
        reasons.append(f"never tried: {never:.1%} of the target")
    return _Support(
        segment=name,
        rows=len(mine),
        users=groups.count,
        ess=found.ess,
        max_weight=found.largest,
        mean_weight=found.mean,
        mean_stderr=found.mean_stderr,
        tiny_mass=float(tiny_mass[rows].mean()),
        untried_mass=never,
        evaluable=not reasons,
        reason="; ".join(reasons),
    )
