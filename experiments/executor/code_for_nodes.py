"""The code that travels to the nodes of a cluster, so that they run what this machine runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from rage_env import configs

__all__ = ["staged"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_OURS = ("rage_env", "agents", "experiments")


def staged(folder: str | Path) -> Path:
    """A copy of our packages, and of the shipped configuration files beside them, below `folder`."""
    place = Path(folder, "code")
    for package in _OURS:
        shutil.copytree(_ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if not (place / "rage_env" / "_configs").is_dir():
        shutil.copytree(configs.root(), place / "configs")
    return place
