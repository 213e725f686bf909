"""Where records of a stream go: standard output or a file, line by line; Kafka stands in a module of its own."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Protocol

from rage_env.errors import ConfigError, RunError

__all__ = ["FileSink", "ReaderGoneError", "Sink", "StdoutSink"]


class ReaderGoneError(Exception):
    """Whoever read the stream has closed its end; nothing is wrong."""


class Sink(Protocol):
    """Takes records. Remembers what must still be delivered."""

    def send(self, key: str, line: str) -> None:
        """Take one record, a line without its end. Raises ReaderGoneError, or RunError where it cannot be delivered."""
        ...

    def close(self) -> None:
        """Deliver what is left. Raises RunError where that fails."""
        ...


class StdoutSink:
    """Standard output, flushed after every line."""

    def send(self, key: str, line: str) -> None:
        """Write one line."""
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())  # what is still buffered is flushed at exit, and must not fail again
            os.close(nowhere)
            raise ReaderGoneError from error

    def close(self) -> None:
        """Nothing is left."""


class FileSink:
    """A file that grows by whole lines; a pipe by name (FIFO) will do too."""

    def __init__(self, path: Path, *, force: bool = False) -> None:
        """Raises ConfigError where a regular file is there and `force` is not given, or the place is no good."""
        self.path = path
        if path.is_file() and not force:
            raise ConfigError(f"--to: {path} is there already; give another name, or --force to replace it")
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise ConfigError(f"--to: {path} cannot be written: {error.strerror or error}") from error
        self._regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self._whole = 0

    def send(self, key: str, line: str) -> None:
        """Append one line; where the disk is full, what of it was written is taken back."""
        data = line.encode() + b"\n"
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except OSError as error:
            if self._regular:
                self._file.truncate(self._whole)
            raise RunError(
                f"{self.path}: cannot be written on ({error.strerror}); its lines so far are whole"
            ) from error
        self._whole += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
