"""The streaming form: weeks in as JSON lines, a state a monitor and closed week out, the rest on disk if asked."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from experiments.monitor_data.clock import Clock
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.lines import weeks_of
from experiments.monitor_data.panel import Panel
from experiments.monitor_data.rows import Units
from experiments.monitor_data.state import read_state, write_state
from experiments.sinks import ReaderGoneError, StdoutSink
from rage_env.errors import InputError

__all__ = ["watch_stream"]


def watch_stream(data: str, declared: Declaration, state: Path | None) -> None:
    """Print states until the input ends, Ctrl-C comes or nobody reads on. Raises InputError.

    data: a file of lines, or - for standard input. state: where to go on from, if it is there, and what to write after
    every closed week. The week that Ctrl-C finds open is not counted: its lines have to be sent again.
    """
    fresh = state is None or not state.is_file()
    panel = Panel(declared, Units(), Clock(), None) if fresh or state is None else read_state(state, declared)
    sink, why = StdoutSink(), ""
    with _lines(data) as source:
        try:
            for rows in weeks_of(source, declared, panel.units, panel.clock, panel.roster.week):
                for look in panel.close(rows):
                    sink.send(look.monitor, json.dumps(look.to_json(), allow_nan=False))
                if state is not None:
                    write_state(panel, state)
        except ReaderGoneError:
            why = "nobody reads on; "
        except KeyboardInterrupt:
            why = "stopped; "
    last = "no week was closed" if panel.roster.week is None else f"the last week closed is {panel.roster.week}"
    kept = "" if state is None else f"; the same command goes on from {state}"
    if why:
        print(f"{why}{last}{kept}", file=sys.stderr)
    elif panel.roster.week is None:
        raise InputError(f"{data}: no records came; send one JSON object a line, in order of weeks")


@contextlib.contextmanager
def _lines(data: str) -> Iterator[Iterator[str]]:
    """Lines of the input; Ctrl-C and SIGTERM end it between two weeks, never within the update of one."""
    path = Path(data)
    if data != "-" and not path.is_file():
        raise InputError(f"{data}: no such file; give one of JSON lines, or - for standard input")
    gate = _Gate()
    with contextlib.ExitStack() as stack:
        file = sys.stdin.buffer if data == "-" else stack.enter_context(path.open("rb"))
        stack.enter_context(gate.watching())
        yield gate.passed(iter(file.readline, b""))


class _Gate:
    """Lets a signal through while a line is awaited, and holds it back while one is worked on."""

    def __init__(self) -> None:
        self._waiting = self._stopped = False

    def passed(self, lines: Iterator[bytes]) -> Iterator[str]:
        """The same lines as text."""
        while True:
            self._waiting = True
            if self._stopped:
                raise KeyboardInterrupt
            line = next(lines, None)
            self._waiting = False
            if line is None:
                return
            yield line.decode("utf-8", errors="replace")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, signals stop this gate alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True
        if self._waiting:
            raise KeyboardInterrupt
