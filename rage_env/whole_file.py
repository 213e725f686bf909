"""A file that is there whole or not at all: written beside its place, forced to disk, then moved into it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from rage_env.errors import RunError

__all__ = ["PART", "beside", "move_in", "remove_parts", "told_of_the_disk", "whole_file"]

PART = ".part"
"""Ending of what is not whole yet; such a file is hidden, and nobody reads it."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write: what stands there on leaving becomes `path` in one move; on an error it is removed.

    The folder is made if need be. Raises RunError naming a file that the disk does not take.
    """
    with told_of_the_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = beside(path)
        try:
            yield part
            move_in(part, path)
        finally:
            part.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Where this process writes what is to become `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}{PART}")


def move_in(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`.

    Its bytes reach the disk before the move and the move itself after it, so that neither a killed process nor a power
    cut leaves half of a file under its name.
    """
    _forced(part)
    os.replace(part, path)
    _forced(path.parent)


@contextlib.contextmanager
def told_of_the_disk(path: Path) -> Iterator[None]:
    """Inside, what the disk refuses is a RunError that names the file."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else " ".join(str(error).split())[:200]
        raise RunError(
            f"{path}: cannot be written ({why}); what was finished is kept. Make room, or let the folder be written "
            "to, and give the same command again"
        ) from error


def remove_parts(folder: Path) -> int:
    """Remove what killed writers left under `folder`, which nobody else may be writing to; returns how many files."""
    left = list(folder.rglob(f".*{PART}"))
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)


def _forced(path: Path) -> None:
    """Wait until the disk has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
