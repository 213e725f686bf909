"""Commands of `rage`, one file each: `commands/<name>.py` holds the function `<name>`, or the Typer of a command with
words of its own, and is found by its file name.

Such a file imports nothing heavy at its top, so that `rage --help` stays quick.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator

import typer

__all__ = ["every"]


def every() -> Iterator[Callable[..., None] | typer.Typer]:
    """The functions, or groups, of all commands here, by name."""
    for name in sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")):
        yield getattr(importlib.import_module(f"{__name__}.{name}"), name)
