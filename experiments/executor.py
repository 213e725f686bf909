"""Spreads tasks over processes, and hands results back in the order of the tasks.

Workers are fresh interpreters (forkserver) on one thread of linear algebra each, so a task gives the same bits
whichever process runs it and however many there are; workers=1 stays in this process, under the same limit.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait
from typing import Literal, TypeVar

from threadpoolctl import threadpool_limits

from experiments.interrupts import held_back
from experiments.threads import THREAD_VARIABLES
from rage_env.errors import ConfigError, RunError

__all__ = ["map_tasks"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_tasks(
    fn: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    executor: Literal["process", "inline"] = "process",
    workers: int = 2,
    retries: int = 0,
    on_done: Callable[[int, Result], None] | None = None,
) -> Iterator[Result]:
    """`fn(item)` for every item, yielded in the order of `items` as soon as all before it are there.

    fn: a module-level function; fn, items and results travel between processes, so keep them small.
    workers=1 runs in this process. retries: further attempts at a task that raised. on_done(index, result) is
    called as tasks finish, in any order and from another thread.

    Raises what the task raised; RunError when a worker died.
    """
    if workers < 1 or retries < 0:
        raise ConfigError(f"workers must be at least 1 and retries at least 0, got {workers} and {retries}")
    if executor not in ("process", "inline"):
        raise ConfigError(f"executor: must be 'process' or 'inline', got {executor!r}")
    if executor == "inline" or workers == 1 or len(items) <= 1:
        return _inline(fn, items, retries, on_done)
    return _processes(fn, items, min(workers, len(items)), retries, on_done)


def _inline(
    fn: Callable[[Item], Result], items: Sequence[Item], retries: int, on_done: Callable[[int, Result], None] | None
) -> Iterator[Result]:
    for index, item in enumerate(items):
        result = _attempt(fn, item, retries)
        if on_done is not None:
            on_done(index, result)
        yield result


def _attempt(fn: Callable[[Item], Result], item: Item, retries: int) -> Result:
    """The task on one BLAS thread; retried where it runs, so that a retry costs no new process."""
    with threadpool_limits(limits=1):
        for _ in range(retries):
            with contextlib.suppress(Exception):
                return fn(item)
        return fn(item)


def _processes(
    fn: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    retries: int,
    on_done: Callable[[int, Result], None] | None,
) -> Iterator[Result]:
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver"), initializer=_start_worker)
    try:
        with held_back(), _one_thread_each():  # a worker that nobody noted would outlive what it needs
            futures = [pool.submit(_attempt, fn, item, retries) for item in items]
        for index, future in enumerate(futures):
            future.add_done_callback(partial(_report, index, on_done))
        for index, future in enumerate(futures):
            yield _result(future, index, len(items))
    except (KeyboardInterrupt, GeneratorExit):
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()  # what they were doing is not wanted any more
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Result], index: int, total: int) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise RunError(
            f"a worker died at or before task {index} of {total} (killed, or out of memory); "
            "what was finished is kept: start again, with fewer workers or users"
        ) from error


def _report(index: int, on_done: Callable[[int, Result], None] | None, future: Future[Result]) -> None:
    if on_done is not None and not future.cancelled() and future.exception() is None:
        on_done(index, future.result())


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside read one thread from their environment, before they import NumPy."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Prepare a worker; it ends with the process that wants its results, however that one ends."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends


def _end_with(parent: int) -> None:
    """Wait for the parent's end, then end at once: nobody is left to hand anything to, and files are whole or hidden.

    parent: what `multiprocessing` says becomes ready when that process is gone.
    """
    wait([parent])
    os._exit(1)
