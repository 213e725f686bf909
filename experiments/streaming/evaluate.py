"""Values policies from a log that is read block by block; the answers are those of `estimators.evaluate`.

Blocks are worked on by several threads and taken in one after the other, in order, so the sums have the same bits for
any number of workers and any cut of the log into files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._answer import Facts, answer
from experiments.estimators._discovery import Spec, load
from experiments.estimators._log import Policy, Probs, View, columns_of, numbers, outcome, rows_of
from experiments.estimators._sums import ClusterSums, Parcel, parcel
from experiments.estimators._tuning import with_candidates
from experiments.streaming.blocks import LogStream
from experiments.streaming.model import FoldLines, RidgeSums
from experiments.streaming.seen import Seen
from rage_env.errors import InputError, LogError
from rage_env.log import validate_log

if TYPE_CHECKING:
    import pandas as pd

    from experiments.estimators._base import Estimator, Floats
    from experiments.estimators._recipe import Recipe

__all__ = ["Policies", "Tell", "evaluate_stream"]

FOLDS = 2
Policies = Callable[[pa.Table], Mapping[str, Probs]]
"""Rows of a log -> {policy: probabilities (n, k)}, the same names every time; row by row, for it is asked by block."""

Tell = Callable[[str, int, int], None]
"""Told what is being done, and of how many rows how many are done."""


@dataclass(frozen=True, eq=False)
class _Task:
    """What every block is put through."""

    stream: LogStream
    policies: Policies
    estimators: Mapping[str, Estimator]
    columns: tuple[str, ...]
    folds: NDArray[np.int64]  # by unit
    lines: FoldLines | None

    def work(self, first: int, table: pa.Table) -> _Worked:
        """The block's terms, chunk by chunk. Raises LogError naming the row of the whole log."""
        validate_log(table, k=len(self.stream.arms), first_row=first)
        unit = _units(self.stream, table)
        present = np.asarray(table["present"].to_numpy()) if "present" in table.column_names else None
        outcomes = {c: outcome(table, c) for c in self.columns}
        q = {}
        if self.lines is not None:
            features = reward_model.features_of(table)
            q = {c: self.lines.predict(c, features, self.folds[unit]) for c in self.columns}
        view = View(numbers(table, "arm"), numbers(table, "propensity"), present, outcomes, q)
        if view.withheld:
            raise LogError(f"rows from {first}: propensities are withheld; a streamed log must say them")
        named = {name: Policy(name, probs) for name, probs in self.policies(table).items()}
        ready: list[Mapping[Recipe, Floats]] = [{} for _ in range(len(named) * len(self.columns))]
        parcels = [
            (rows, [parcel(self.estimators, part) for part in parts])
            for rows, parts in rows_of(view, list(named.values()), self.columns, ready)
        ]
        user, week = (numbers(table, c).astype(np.int64) for c in ("user_id", "week"))
        return _Worked(first, user, week, unit, tuple(named), parcels, view.deterministic)


@dataclass(frozen=True, eq=False)
class _Worked:
    first: int
    user: NDArray[np.int64]  # (n,)
    week: NDArray[np.int64]  # (n,)
    unit: NDArray[np.int64]  # (n,) codes from 0
    policies: tuple[str, ...]
    parcels: Sequence[tuple[slice, list[Parcel]]]
    deterministic: bool


def evaluate_stream(
    stream: LogStream,
    policies: Policies,
    estimators: Sequence[Spec],
    metric: str = "reward",
    alpha: float = 0.05,
    workers: int = 1,
    tell: Tell | None = None,
) -> pd.DataFrame:
    """One row per policy and estimator, clustered by user; with a model, the log is read twice.

    estimators: those that need nothing of the whole log first. workers: threads. Raises InputError.
    """
    import pandas as pd

    made = load(estimators)
    summed = with_candidates(made)
    fitting = [name for name, e in summed.items() if e.asks]
    if fitting:
        raise InputError(
            f"estimators {', '.join(fitting)}: read the whole log before they answer, so it cannot be streamed; "
            "leave them out, or evaluate a log that fits into memory"
        )
    if workers < 1:
        raise InputError(f"workers must be 1 or more, got {workers}")
    columns = columns_of(metric)
    ids = pa.chunked_array([pa.array(np.arange(stream.units.start, stream.units.stop))])
    folds = reward_model.folds_of(ids, FOLDS)
    lines = None
    if any(e.needs_q for e in summed.values()):
        lines = _fitted(stream, columns, folds, tell)
    task = _Task(stream, policies, summed, columns, folds, lines)
    held, sizes, names, deterministic = _summed(task, workers, tell)
    here = sizes > 0
    for sums in held:
        sums.keep(here)
    label = "" if lines is None else f"ridge on {len(lines.centre)} features, cross-fitted"
    facts = Facts(sizes[here], len(columns), deterministic, False, alpha, label, False, {})
    width = len(columns)
    answers = [
        {"policy": policy, **asdict(answer(name, e, held[p * width : (p + 1) * width], facts))}
        for p, policy in enumerate(names)
        for name, e in made.items()
    ]
    return pd.DataFrame(answers)


def _units(stream: LogStream, table: pa.Table) -> NDArray[np.int64]:
    return numbers(table, stream.clusters).astype(np.int64) - stream.units.start


def _summed(
    task: _Task, workers: int, tell: Tell | None
) -> tuple[list[ClusterSums], NDArray[np.float64], tuple[str, ...], bool]:
    units = len(task.stream.units)
    held: list[ClusterSums] = []
    sizes, seen = np.zeros(units), Seen(task.stream.users, task.stream.weeks)
    names: tuple[str, ...] = ()
    deterministic, done = True, 0
    with np.errstate(invalid="ignore", over="ignore"):
        for worked in _in_order(task, workers):
            if not held:
                names = worked.policies
                held = [ClusterSums(task.estimators, units) for _ in range(len(names) * len(task.columns))]
            seen.add(worked.first, worked.user, worked.week)
            np.add.at(sizes, worked.unit, 1.0)
            for rows, parcels in worked.parcels:
                for sums, one in zip(held, parcels, strict=True):
                    sums.take(one, worked.unit[rows])
            deterministic &= worked.deterministic
            done += len(worked.user)
            if tell is not None:
                tell("summing", done, task.stream.rows)
    return held, sizes, names, deterministic


def _in_order(task: _Task, workers: int) -> Iterator[_Worked]:
    """Blocks as they were worked on, in the order of the log; a few at a time, so that memory stays small."""
    if workers == 1:
        for first, table in task.stream.blocks():
            yield task.work(first, table)
        return
    waiting: deque[Future[_Worked]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for first, table in task.stream.blocks():
            waiting.append(pool.submit(task.work, first, table))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _fitted(stream: LogStream, columns: tuple[str, ...], folds: NDArray[np.int64], tell: Tell | None) -> FoldLines:
    sums: RidgeSums | None = None
    done = 0
    for first, table in stream.blocks():
        validate_log(table, k=len(stream.arms), first_row=first)
        features = reward_model.features_of(table)
        if sums is None:
            sums = RidgeSums(features.shape[1], len(stream.arms), FOLDS, columns)
        fold = folds[_units(stream, table)]
        y = {c: outcome(table, c).astype(np.float64) for c in columns}
        sums.add(features, numbers(table, "arm").astype(np.int64), fold, y)
        done += table.num_rows
        if tell is not None:
            tell("fitting", done, stream.rows)
    assert sums is not None  # a stream has rows
    return sums.fit()
