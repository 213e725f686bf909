"""Tasks in processes of this machine: fresh interpreters (forkserver) that end with the one that started them."""

from __future__ import annotations

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
        with held_back(), environment(ONE_THREAD):  # a worker that nobody noted would outlive what it needs
            futures = [pool.submit(attempt, fn, item, retries) for item in items]
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


def _start_worker() -> None:
    """Prepare a worker; it ends with the process that wants its results, however that one ends."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    os.environ.update(ONE_THREAD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends


def _end_with(parent: int) -> None:
    """Wait for the parent's end, then end at once: nobody is left to hand anything to, and files are whole or hidden.

    parent: what `multiprocessing` says becomes ready when that process is gone.
    """
    wait([parent])
    os._exit(1)
