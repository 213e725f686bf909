"""One attempt at a task, on one thread of linear algebra, wherever it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["Item", "Result", "attempt"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def attempt(fn: Callable[[Item], Result], item: Item, retries: int) -> Result:
    """The task on one BLAS thread; retried where it runs, so that a retry costs no new process."""
    with threadpool_limits(limits=1):
        for _ in range(retries):
            with contextlib.suppress(Exception):
                return fn(item)
        return fn(item)
