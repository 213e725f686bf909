"""Gives what is wrong with somebody's file the file's name, where whoever found it knew rows and columns only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rage_env.errors import LogError

__all__ = ["naming"]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Every line of a LogError from within begins with `path`, unless it names the file already."""
    try:
        yield
    except LogError as error:
        lines = str(error).splitlines()
        raise LogError("\n".join(line if _named(path, line) else f"{path}: {line}" for line in lines)) from error


def _named(path: Path, line: str) -> bool:
    """By its name, or its whole path where the name alone may be any word of a message, such as `log`."""
    return str(path) in line if path.suffix == "" else path.name in line
