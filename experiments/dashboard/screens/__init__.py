"""Pages of the control tower, one file each: `TITLE`, `ORDER`, `NEEDS_STUDY` and `show(place)`."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

__all__ = ["every"]


def every() -> list[tuple[str, ModuleType]]:
    """(file name, page), in the order in which they are offered."""
    names = [m.name for m in pkgutil.iter_modules(__path__)]
    pages = [(name, importlib.import_module(f"{__name__}.{name}")) for name in names]
    return sorted(pages, key=lambda page: page[1].ORDER)
