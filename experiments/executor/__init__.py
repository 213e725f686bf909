"""Spreads tasks over processes or over a Ray cluster, and hands results back in the order of the tasks.

Every task runs on one thread of linear algebra, so it gives the same bits wherever it runs and however many run beside
it. Processes of this machine are the default; Ray (extra `ray`) is for more than one machine, and starts slowly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from experiments.executor.attempt import Item, Result, attempt
from experiments.executor.processes import in_processes
from experiments.executor.ray_address import RayCluster, asked_for
from experiments.interrupts import end_if_told
from rage_env.errors import ConfigError

__all__ = ["Executor", "RayCluster", "asked_for", "at_hand", "map_tasks"]

Executor = Literal["process", "inline"] | RayCluster
"""Where tasks run: in processes of this machine, in this process, or on a cluster."""


def map_tasks(
    fn: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    executor: Executor = "process",
    workers: int = 2,
    retries: int = 0,
    on_done: Callable[[int, Result], None] | None = None,
) -> Iterator[Result]:
    """`fn(item)` for every item, yielded in the order of `items` as soon as all before it are there.

    fn: a module-level function, or a `partial` of one; fn, items and results travel between processes, so keep them
    small. workers=1 runs in this process; a cluster has as many tasks at once as it has CPUs, and takes items that are
    no sequence a few at a time. retries: further attempts at a task that raised. on_done(index, result) is called as
    tasks finish, in any order, and from another thread where processes do them.

    Raises what the task raised; RunError when a worker died, on a cluster when the same task lost several; and
    ConfigError for fewer than one worker.
    """
    if workers < 1 or retries < 0:
        raise ConfigError(f"workers must be at least 1 and retries at least 0, got {workers} and {retries}")
    if isinstance(executor, RayCluster):
        from experiments.executor.cluster import on_cluster

        return on_cluster(fn, items, executor, workers, retries, on_done)
    if executor not in ("process", "inline"):
        raise ConfigError(f"executor: must be 'process', 'inline' or a RayCluster, got {executor!r}")
    listed = items if isinstance(items, Sequence) else [*items]
    if executor == "inline" or workers == 1 or len(listed) <= 1:
        return _inline(fn, listed, retries, on_done)
    return in_processes(fn, listed, min(workers, len(listed)), retries, on_done)


@contextlib.contextmanager
def at_hand(executor: Executor, workers: int = 2) -> Iterator[None]:
    """Inside, a cluster is connected: several `map_tasks` share one connection, and a wrong address is told first.

    Raises ConfigError for a cluster that does not answer, or where Ray is not installed.
    """
    if not isinstance(executor, RayCluster):
        yield
        return
    from experiments.executor.cluster import connected

    with connected(executor, workers):
        yield


def _inline(
    fn: Callable[[Item], Result], items: Sequence[Item], retries: int, on_done: Callable[[int, Result], None] | None
) -> Iterator[Result]:
    for index, item in enumerate(items):
        result = attempt(fn, item, retries)
        if on_done is not None:
            on_done(index, result)
        yield result
        end_if_told()
