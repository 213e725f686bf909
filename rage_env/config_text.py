"""Reads configuration files: their text, which files were read, and on another machine what they hold here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from rage_env.errors import ConfigError, did_you_mean

__all__ = ["noted", "read", "standing_in"]

_instead: ContextVar[Mapping[str, str] | None] = ContextVar("instead", default=None)
_notes: ContextVar[dict[str, str] | None] = ContextVar("notes", default=None)


def read(path: str | Path) -> str:
    """Text of a configuration file. Raises ConfigError for a file that is missing or not UTF-8."""
    held = (_instead.get() or {}).get(str(path))
    text = _text(Path(path)) if held is None else held
    if (notes := _notes.get()) is not None:
        notes[str(path)] = text
    return text


@contextlib.contextmanager
def noted() -> Iterator[dict[str, str]]:
    """{path: text} of every file that is read inside, as it is read."""
    notes: dict[str, str] = {}
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


@contextlib.contextmanager
def standing_in(texts: Mapping[str, str]) -> Iterator[None]:
    """Inside, files of these paths hold these texts, whatever this machine has there."""
    token = _instead.set(texts)
    try:
        yield
    finally:
        _instead.reset(token)


def _text(file: Path) -> str:
    if file.is_dir():
        raise ConfigError(f"{file}: is a folder; a configuration is a file that ends in .yaml")
    if not file.is_file():
        folder = file.parent
        if not folder.is_dir():
            raise ConfigError(f"{file}: no such file, nor a folder {folder}")
        beside = sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix in (".yaml", ".yml"))
        near = did_you_mean(file.name, beside)
        raise ConfigError(f"{file}: no such file{near} YAML files in {folder}: {', '.join(beside) or 'none'}.")
    try:
        return file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text: {error}") from error
