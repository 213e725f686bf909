"""What a study says while it runs: one line on standard error for each finished run."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

__all__ = ["Done", "Progress"]


@dataclass(frozen=True)
class Done:
    """What is told of a finished run; the rest is on disk. value: usd per assigned user-week."""

    agent: str
    seed: int
    value: float
    weeks_violated: int
    seconds: float


class Progress:
    """Counts finished runs. Remembers how many there are and when it began."""

    def __init__(self, total: int, *, enabled: bool) -> None:
        self.total, self.enabled = total, enabled
        self.finished = 0
        self._began = time.perf_counter()

    def kept(self, runs: int) -> None:
        """Runs that an earlier start finished already."""
        self.finished += runs
        if runs:
            self.line(f"{runs} of {self.total} runs were finished before and are kept")

    def done(self, *runs: Done) -> None:
        """These runs have just been written."""
        for run in runs:
            self._done(run)

    def _done(self, run: Done) -> None:
        self.finished += 1
        broken = f"limits broken in {run.weeks_violated} weeks" if run.weeks_violated else "limits kept"
        elapsed = time.perf_counter() - self._began
        width = len(str(self.total))
        self.line(
            f"{self.finished:>{width}}/{self.total} {elapsed:6.1f} s  {run.agent}, seed {run.seed}: "
            f"value ${run.value:.4f} a user-week, {broken} ({run.seconds:.1f} s)"
        )

    def line(self, text: str) -> None:
        """One line for people. A reader that went away (`| head`) ends the telling, never the study."""
        if not self.enabled:
            return
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            self.enabled = False
