"""One writer to a results folder: a lock that dies with its process, and that waits for workers left behind.

The writer holds `.lock` alone; each task of its workers shares `.workers`. Both are locks of the operating system on
open files (flock), so a killed process leaves nothing that must be cleaned up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rage_env.errors import ConfigError, RunError

__all__ = ["at_work", "only_feeder", "only_writer"]

_PATIENCE_S = 20.0


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Inside, nobody else writes to this folder. Raises ConfigError where somebody does, naming the process."""
    with _opened(folder / ".lock") as lock:
        if not _taken(lock, fcntl.LOCK_EX):
            raise ConfigError(
                f"{folder}: another process writes to it ({_told(lock)}); wait for that one, or end it, or give "
                "another place with --out"
            )
        _tell(lock, f"process {os.getpid()} on {os.uname().nodename}")
        _wait_for_workers(folder)
        try:
            yield
        finally:
            _tell(lock, "")


@contextlib.contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Inside, a task of the only writer writes: the next writer waits for it, even if this one is killed."""
    with _opened(folder / ".workers") as mark:
        fcntl.flock(mark, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def only_feeder(folder: Path) -> Iterator[None]:
    """Inside, nobody else feeds this folder to MLflow: two at once would each miss what the other writes."""
    try:
        mark = (folder / ".feed").open("a+", encoding="utf-8")
    except OSError:  # a folder that cannot be written, which nobody locks
        yield
        return
    with mark:
        if not _taken(mark, fcntl.LOCK_EX):
            raise RunError(f"{folder}: another process is feeding it to MLflow; track again when that one is done")
        yield


def _wait_for_workers(folder: Path) -> None:
    with _opened(folder / ".workers") as mark:
        give_up = time.monotonic() + _PATIENCE_S
        while not _taken(mark, fcntl.LOCK_EX):
            if time.monotonic() > give_up:
                raise ConfigError(
                    f"{folder}: workers of an earlier start are still busy after {_PATIENCE_S:g} s, though the process "
                    "that began them is gone; end them, then give the same command again"
                )
            time.sleep(0.05)


def _opened(file: Path) -> IO[str]:
    try:
        return file.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{file.parent}: results cannot be written there ({error.strerror}); give a folder that can be written"
        ) from error


def _taken(lock: IO[str], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigError(
            f"{lock.name}: this file system cannot lock files ({error.strerror}), and without a lock two writers could "
            "mix their results; give a place on another disk with --out"
        ) from error
    return True


def _tell(lock: IO[str], who: str) -> None:
    with contextlib.suppress(OSError):  # on a full disk the lock still holds, without a name
        lock.truncate(0)
        lock.write(who)
        lock.flush()


def _told(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read(200).strip() or "one that is just starting"
