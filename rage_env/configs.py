"""Finds the configuration files that ship with RAGE: `configs/` in a checkout, `rage_env/_configs` in a wheel."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from rage_env.errors import ConfigError, UnknownNameError

__all__ = ["KINDS", "find", "names", "root"]

KINDS = ("experiments", "logs", "moments", "scenarios", "sweeps")


def root() -> Path:
    """The folder that holds one folder per kind."""
    package = Path(str(resources.files("rage_env")))
    shipped = package / "_configs"
    return shipped if shipped.is_dir() else package.parent / "configs"


def names(kind: str) -> tuple[str, ...]:
    """Names of the shipped files of a kind (a folder of `KINDS`), in order; a new file is found by itself."""
    if kind not in KINDS:
        raise UnknownNameError("kind of configuration", kind, KINDS)
    return tuple(sorted(p.stem for p in (root() / kind).glob("*.yaml")))


def find(kind: str, name_or_path: str | Path) -> Path:
    """Path of a shipped file by name, or the path itself if it is one (ends in .yaml or .yml, or holds a slash).

    Raises UnknownNameError naming the nearest shipped name.
    """
    known = names(kind)
    text = os.fspath(name_or_path)
    if not text.strip():
        raise ConfigError(f"{kind}: the name is empty; give one of {', '.join(known)}, or a YAML file")
    if text.endswith((".yaml", ".yml")) or any(sep in text for sep in "/\\"):
        return Path(text)
    if text in known:
        return root() / kind / f"{text}.yaml"
    if Path(text).exists():
        raise ConfigError(f"{text}: a configuration file ends in .yaml; rename it, or give one of {', '.join(known)}")
    raise UnknownNameError(kind.removesuffix("s"), text, known)
