"""What Ctrl-C and SIGTERM do to work that must not be cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import FrameType

from rage_env.errors import RunError, StoppedError

__all__ = ["end_if_told", "going_on", "held_back", "stopped_by_signals", "told_of_an_end"]

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

_heard: list[int] = []  # inside `_heeded`: whoever passes an interrupt on may forget which it was, or lose it


@contextlib.contextmanager
def _heeded(numbers: tuple[int, ...]) -> Iterator[None]:
    """Inside, these signals raise KeyboardInterrupt and are noted; not those that are ignored, as under nohup."""

    def end(number: int, _frame: FrameType | None) -> None:
        _heard.append(number)
        raise KeyboardInterrupt(number)

    _heard.clear()
    before = {n: signal.signal(n, end) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    try:
        yield
    finally:
        _heard.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def _last() -> signal.Signals:
    return signal.Signals(_heard[-1] if _heard else signal.SIGINT)


@contextlib.contextmanager
def going_on() -> Iterator[None]:
    """Inside, Ctrl-C, SIGTERM and a closed terminal end the work in order; then a StoppedError says by what."""
    with _heeded((signal.SIGINT, *_ENDING)):
        try:
            yield
        except KeyboardInterrupt as error:
            raise StoppedError(f"stopped by {_last().name}", _last()) from error


def end_if_told() -> None:
    """Raise the KeyboardInterrupt again where it got lost, since Python and libraries swallow what finalisers raise."""
    if _heard:
        raise KeyboardInterrupt(_heard[-1])


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM wait: for what must not be cut in two, such as starting a process and noting it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are heard in the main thread alone
        return
    waiting: list[int] = []
    numbers = [n for n in (signal.SIGINT, *_ENDING) if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    before = {n: signal.signal(n, lambda number, _frame: waiting.append(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:  # also where what was held back failed, perhaps of that very signal
            signal.raise_signal(waiting[0])


@contextlib.contextmanager
def told_of_an_end(out: Path) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end the work in order: what was begun is removed, and a RunError says so."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are heard in the main thread alone
        return
    with _heeded((signal.SIGINT, signal.SIGTERM)):
        try:
            yield
        except KeyboardInterrupt as error:
            raise RunError(
                f"stopped by {_last().name}: nothing was written to {out}; the same command starts again"
            ) from error


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[Event]:
    """An event that the first Ctrl-C or SIGTERM sets, so that nothing is cut in two; the second acts as ever."""
    stop = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, end)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
