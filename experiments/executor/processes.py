"""Tasks in processes of this machine: fresh interpreters (forkserver) that end with the one that started them."""

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

from experiments.executor.attempt import Item, Result, attempt
from experiments.interrupts import end_if_told, held_back
from experiments.threads import ONE_THREAD, environment
from rage_env.errors import RunError

__all__ = ["in_processes"]


def in_processes(
    fn: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    retries: int,
    on_done: Callable[[int, Result], None] | None,
) -> Iterator[Result]:
    """What `map_tasks` answers. Raises RunError when a worker died."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver"), initializer=_start_worker)
    try:
        with held_back(), _out_of_earshot(), environment(ONE_THREAD):  # a worker nobody noted would outlive its use
            futures = _submitted(pool, [partial(attempt, fn, item, retries) for item in items])
        for index, future in enumerate(futures):
            future.add_done_callback(partial(_report, index, on_done))
        for index, future in enumerate(futures):
            yield _result(future, index, len(items))
            end_if_told()
    except (KeyboardInterrupt, GeneratorExit):
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()  # what they were doing is not wanted any more
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, tasks: Sequence[Callable[[], Result]]) -> list[Future[Result]]:
    futures: list[Future[Result]] = []
    try:
        for task in tasks:
            futures.append(pool.submit(task))
    except BrokenProcessPool as error:
        raise _died(len(futures), len(tasks)) from error
    return futures


def _result(future: Future[Result], index: int, total: int) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _died(index, total) from error


def _died(index: int, total: int) -> RunError:
    return RunError(
        f"a worker died at or before task {index} of {total} (killed, or out of memory); "
        "what was finished is kept: start again, with fewer workers or users"
    )


@contextlib.contextmanager
def _out_of_earshot() -> Iterator[None]:
    """Children begun inside never hear Ctrl-C, from their first moment on: the parent decides what it ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _report(index: int, on_done: Callable[[int, Result], None] | None, future: Future[Result]) -> None:
    if on_done is not None and not future.cancelled() and future.exception() is None:
        on_done(index, future.result())


def _start_worker() -> None:
    """Prepare a worker; it ends with the process that wants its results, however that one ends."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    os.environ.update(ONE_THREAD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where somebody else had started the server that forks


def _end_with(parent: int) -> None:
    """Wait for the parent's end, then end at once: nobody is left to hand anything to, and files are whole or hidden.

    parent: what `multiprocessing` says becomes ready when that process is gone.
    """
    wait([parent])
    os._exit(1)
