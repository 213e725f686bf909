"""Commands of `rage` that a page starts: each runs in a process of its own and writes to a file.

Remembers what this server started; a job goes on when the page is left, and ends with the server.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["JOBS", "Job", "Jobs"]

_TAIL = 12


@dataclass(frozen=True, eq=False)
class Job:
    """One command and where its words go."""

    words: tuple[str, ...]
    file: Path
    process: subprocess.Popen[bytes]
    began: float

    @property
    def state(self) -> str:
        """running, done, or failed with its exit code."""
        code = self.process.poll()
        return "running" if code is None else "done" if code == 0 else f"failed with {code}"

    def tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.file.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])


@dataclass
class Jobs:
    """All jobs of this server, latest first."""

    every: list[Job] = field(default_factory=list)

    def start(self, words: Sequence[str], folder: Path) -> Job:
        """Run `rage` with these words; what it says goes to a file in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{len(self.every)}.txt"
        with file.open("wb") as said:
            command = [sys.executable, "-m", "experiments.cli", *words]
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        job = Job(tuple(words), file, process, time.time())
        self.every.insert(0, job)
        return job

    @property
    def running(self) -> bool:
        """Whether any goes on."""
        return any(job.state == "running" for job in self.every)


JOBS = Jobs()
"""Of this server, whoever looks."""
