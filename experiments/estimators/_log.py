"""What an evaluation reads: any kind of log as one checked table, its metrics, and the policies to be valued."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._base import Floats, Rows
from experiments.estimators._recipe import Recipe
from experiments.estimators._sums import CHUNK
from rage_env.errors import LogError, did_you_mean
from rage_env.log import CohortLog, validate_log
from rage_env.outcomes import COLUMNS, LOSSES, net_revenue

__all__ = [
    "CAPPED",
    "Policy",
    "Probs",
    "View",
    "columns_of",
    "numbers",
    "outcome",
    "probabilities",
    "refuse_gaps",
    "rows_of",
    "table_of",
]

Probs = NDArray[np.floating]

LARGEST = 1e30
"""Size beyond which a reward model in single precision, or the cube of an influence, might not be finite."""

CAPPED = re.compile(r"(?P<side>capped|floored)\((?P<column>\w+),\s*(?P<cap>\d+(\.\d*)?)\)")


def table_of(log: object, k: int | None) -> pa.Table:
    """The log's rows as a checked table. log: CohortLog (all reports settled), DataFrame or pyarrow Table."""
    if isinstance(log, CohortLog):
        table = log.as_of(None)
    elif isinstance(log, pa.Table):
        table = log
    elif hasattr(log, "iloc"):
        table = pa.Table.from_pandas(log, preserve_index=False)
    else:
        raise LogError(f"log: expected a CohortLog, a pandas DataFrame or a pyarrow Table, got {type(log).__name__}")
    return validate_log(table, k=k)


def numbers(table: pa.Table, name: str) -> NDArray[np.generic]:
    """One column as it is stored. Raises LogError naming the nearest column."""
    if name not in table.column_names:
        raise LogError(f"the log has no column {name!r}{did_you_mean(name, table.column_names)}")
    return np.asarray(table[name].to_numpy(zero_copy_only=False))


def columns_of(metric: str) -> tuple[str, ...]:
    """The column of a metric, or numerator and denominator of `num/den`."""
    parts = tuple(p.strip() for p in metric.split("/"))
    if len(parts) > 2 or not all(parts):
        raise LogError(f"metric {metric!r}: write a column, or two as 'numerator/denominator'")
    return parts


def outcome(table: pa.Table, column: str, first_row: int = 0) -> NDArray[np.generic]:
    """(n,) a column of outcomes; `net_revenue`, `loss` and `assigned` (1 a row) are worked out where not logged.

    `capped(column, 100)` counts it within [-100, 100], for columns whose tail no interval can be trusted with, and
    `floored(column, 100)` from -100 on. first_row: where the table stands in the log that it is a stretch of.
    """
    if capped := CAPPED.fullmatch(column):
        cap = float(capped["cap"])
        whole = outcome(table, capped["column"], first_row).astype(np.float64)
        return np.asarray(np.clip(whole, -cap, cap if capped["side"] == "capped" else None))
    if column == "assigned" and column not in table.column_names:
        return np.ones(table.num_rows)
    if column == "net_revenue" and column not in table.column_names and set(COLUMNS) <= set(table.column_names):
        return net_revenue({c: np.asarray(table[c].to_numpy(), dtype=np.float64) for c in COLUMNS})
    if column == "loss" and column not in table.column_names and set(LOSSES) <= set(table.column_names):
        return np.asarray(np.sum([numbers(table, c).astype(np.float64) for c in LOSSES], axis=0))
    if column not in table.column_names:
        known = [*table.column_names, *(("loss", "net_revenue") if set(COLUMNS) <= set(table.column_names) else ())]
        raise LogError(f"the log has no column {column!r}{did_you_mean(column, known)}")
    held = numbers(table, column)
    if held.dtype.kind not in "fiub":
        raise LogError(f"column {column}: a metric must hold numbers, got {table.schema.field(column).type}")
    if not (float(held.min()) >= -LARGEST and float(held.max()) <= LARGEST):  # nan, too, is neither
        row = int(np.argmin(np.abs(held.astype(np.float64)) <= LARGEST))
        told = f", and at most {LARGEST:g} in size so that errors can be worked out" if np.isfinite(held[row]) else ""
        raise LogError(f"column {column}, row {first_row + row}: a metric must be finite{told}; got {held[row]}")
    return held


def probabilities(name: str, probs: Probs, n: int, k: int | None = None) -> Probs:
    """The array itself if it can hold one row of probabilities per row of the log; values are checked in the pass."""
    array = np.asarray(probs)
    if array.ndim != 2 or array.shape[0] != n or (k is not None and array.shape[1] != k):
        wanted = f"({n}, {'arms' if k is None else k})"
        raise LogError(f"{name} has shape {array.shape}, expected {wanted}: one row per row of the log")
    if array.dtype.kind not in "fiub":
        raise LogError(f"{name} must hold numbers, got {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Policy:
    """Probabilities to be valued; a row of a departed user is read as arm 0 whatever stands in it."""

    name: str  # as the caller knows it
    probs: Probs  # (n, k)

    def chunk(self, rows: slice, gone: NDArray[np.bool_] | None) -> Probs:
        """(chunk, k) checked rows. Raises LogError naming row and value."""
        part = self.probs[rows]
        if gone is not None:
            part = part.copy()
            part[gone] = 0.0
            part[gone, 0] = 1.0
        total = part @ np.ones(part.shape[1], dtype=part.dtype)
        if part.min() < 0 or not (np.abs(total - 1) <= 1e-4).all():
            bad = (part < 0).any(axis=1) | ~(np.abs(total - 1) <= 1e-4)
            at = int(np.argmax(bad))
            raise LogError(
                f"{self.name}, row {rows.start + at}: probabilities must be >= 0 and sum to 1; got {part[at].tolist()}"
            )
        return part


@dataclass(frozen=True, eq=False)
class View:
    """The columns that the pass reads, as they are stored."""

    arm: NDArray[np.generic]  # (n,)
    propensity: NDArray[np.generic]  # (n,)
    present: NDArray[np.bool_] | None  # (n,) None: everybody
    outcomes: Mapping[str, NDArray[np.generic]]  # {column: (n,)}
    q: Mapping[str, Probs]  # {column: (n, k)}, empty where no estimator asks
    probs: Probs | None = None  # (n, k) estimated chances of all arms, where the log withholds its own

    @property
    def deterministic(self) -> bool:
        """No row of a present user left anything to chance."""
        p = self.propensity if self.present is None else self.propensity[self.present]
        return bool((p[:1] == 1).all()) and bool((p == 1).all())  # the first row mostly tells

    @property
    def withheld(self) -> bool:
        """The log does not say with which probabilities its arms were drawn."""
        p = self.propensity.astype(np.float64, copy=False)
        return bool(np.isnan(p[:1]).all()) and bool(np.isnan(p).all())


def rows_of(
    view: View, policies: Sequence[Policy], columns: Sequence[str], ready: Sequence[Mapping[Recipe, Floats]]
) -> Iterator[tuple[slice, list[Rows]]]:
    """Chunks of the log: for each, the Rows of every policy and, within it, of every column.

    ready: what was prepared for each of those, whole columns.
    """
    for start in range(0, len(view.arm), CHUNK):
        rows = slice(start, min(start + CHUNK, len(view.arm)))
        here = None if view.present is None else view.present[rows]  # in every chunk or in none
        gone = None if here is None else ~here
        arm = view.arm[rows].astype(np.int64)
        propensity = view.propensity[rows].astype(np.float64)
        reward = {c: view.outcomes[c][rows].astype(np.float64) for c in columns}
        model = {c: _model(q[rows], reward[c], gone) for c, q in view.q.items()}
        targets = [policy.chunk(rows, gone) for policy in policies]
        cells = [(t, c) for t in targets for c in columns]
        parts = [{what: held[rows] for what, held in own.items()} for own in ready]
        yield (
            rows,
            [
                Rows(arm, propensity, reward[c], t, model.get(c), here, part)
                for (t, c), part in zip(cells, parts, strict=True)
            ],
        )


def _model(part: Probs, reward: NDArray[np.float64], gone: NDArray[np.bool_] | None) -> Probs:
    """Whoever left does the same under any policy: what was logged."""
    return part if gone is None else np.where(gone[:, None], reward[:, None], part)


def refuse_gaps(view: View) -> None:
    """Raise LogError for the first row of a reward model that is not finite; for sums that came out so."""
    for q in view.q.values():
        finite = np.isfinite(q).all(axis=1)
        if not finite.all():
            at = int(np.argmin(finite))
            raise LogError(f"q_hat, row {at}: must be finite; got {q[at].tolist()}")
