"""Values policies from a log that is read block by block; the answers are those of `estimators.evaluate`.

Blocks are worked on by several threads, or on the nodes of a cluster, and taken in one after the other, in order, so
the sums have the same bits for any number of workers and any cut of the log into files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._answer import Facts, answer
from experiments.estimators._discovery import Spec, load
from experiments.estimators._log import columns_of
from experiments.estimators._sums import ClusterSums
from experiments.estimators._tuning import with_candidates
from experiments.executor import RayCluster, at_hand, map_tasks
from experiments.streaming.blocks import LogStream
from experiments.streaming.model import FoldLines
from experiments.streaming.seen import Seen
from experiments.streaming.work import Fitting, Policies, Reading, Summing
from rage_env.errors import InputError
from rage_env.log import validate_log

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Policies", "Tell", "evaluate_stream"]

Result = TypeVar("Result")
Tell = Callable[[str, int, int], None]
"""Told what is being done, and of how many rows how many are done."""


@dataclass(frozen=True, eq=False)
class _Spread:
    """A log, and who works on its blocks. workers: threads, unless there is a cluster."""

    stream: LogStream
    workers: int
    cluster: RayCluster | None
    tell: Tell | None

    def in_order(self, work: Callable[[tuple[int, pa.Table]], Result]) -> Iterator[Result]:
        """Blocks as they were worked on, in the order of the log; a few at a time, so that memory stays small."""
        if self.cluster is not None:
            yield from map_tasks(work, self.stream.blocks(), executor=self.cluster, workers=self.workers)
        elif self.workers == 1:
            yield from map(work, self.stream.blocks())
        else:
            yield from self._by_threads(work)

    def _by_threads(self, work: Callable[[tuple[int, pa.Table]], Result]) -> Iterator[Result]:
        waiting: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(self.workers) as pool:
            for block in self.stream.blocks():
                waiting.append(pool.submit(work, block))
                if len(waiting) > self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def told(self, doing: str, done: int) -> None:
        """Say how far it is."""
        if self.tell is not None:
            self.tell(doing, done, self.stream.rows)


def evaluate_stream(
    stream: LogStream,
    policies: Policies,
    estimators: Sequence[Spec],
    metric: str = "reward",
    alpha: float = 0.05,
    workers: int = 1,
    tell: Tell | None = None,
    cluster: RayCluster | None = None,
) -> pd.DataFrame:
    """One row per policy and estimator, clustered by user; with a model, the log is read twice.

    estimators: those that need nothing of the whole log first. workers: threads. cluster: who works on the blocks
    instead; this process reads them and sums. Raises InputError.
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
    reading = Reading.of(stream, columns_of(metric))
    with at_hand(cluster or "process", workers):
        spread = _Spread(stream, workers, cluster, tell)
        lines = _fitted(spread, reading) if any(e.needs_q for e in summed.values()) else None
        held, sizes, names, deterministic = _summed(spread, Summing(reading, policies, summed, lines))
    here = sizes > 0
    for sums in held:
        sums.keep(here)
    width = len(reading.columns)
    label = "" if lines is None else f"ridge on {len(lines.centre)} features, cross-fitted"
    facts = Facts(sizes[here], width, deterministic, False, alpha, label, False, {})
    with np.errstate(over="ignore", invalid="ignore"):  # an answer says so itself
        answers = [
            {"policy": policy, **asdict(answer(name, e, held[p * width : (p + 1) * width], facts))}
            for p, policy in enumerate(names)
            for name, e in made.items()
        ]
    return pd.DataFrame(answers)


def _summed(spread: _Spread, summing: Summing) -> tuple[list[ClusterSums], NDArray[np.float64], tuple[str, ...], bool]:
    stream = spread.stream
    units = len(stream.units)
    held: list[ClusterSums] = []
    sizes, seen = np.zeros(units), Seen(stream.users, stream.weeks)
    names: tuple[str, ...] = ()
    deterministic, done = True, 0
    with np.errstate(invalid="ignore", over="ignore"):
        for worked in spread.in_order(summing):
            if not held:
                names = worked.policies
                columns = summing.reading.columns
                held = [ClusterSums(summing.estimators, units) for _ in range(len(names) * len(columns))]
            seen.add(worked.first, worked.user, worked.week)
            np.add.at(sizes, worked.unit, 1.0)
            for rows, parcels in worked.parcels:
                for sums, one in zip(held, parcels, strict=True):
                    sums.take(one, worked.unit[rows])
            deterministic &= worked.deterministic
            done += len(worked.user)
            spread.told("summing", done)
    return held, sizes, names, deterministic


def _fitted(spread: _Spread, reading: Reading) -> FoldLines:
    _, table = next(spread.stream.blocks())  # a stream has rows
    validate_log(table, k=reading.k)
    fitting = Fitting(reading, reward_model.features_of(table).mean(axis=0))
    sums, done = fitting.empty(), 0
    for rows, part in spread.in_order(fitting):
        sums.merge(part)
        done += rows
        spread.told("fitting", done)
    return sums.fit()
