"""The results folder that is meant where none is named, or where only its study is."""

from __future__ import annotations

from pathlib import Path

from experiments.results import Results
from rage_env import configs
from rage_env.errors import InputError, LogError, did_you_mean

__all__ = ["latest", "named"]


def named(study: str | None, out: str | Path) -> Results:
    """The results folder of that path, or the newest of that study under `out`; of any study for None.

    Raises InputError for an empty name, LogError where there is no such folder.
    """
    if study is not None and not study.strip():
        raise InputError(
            "the name of the study is empty; give a results folder, a study's name, or nothing for the newest"
        )
    return Results.open(study) if study and Path(study).is_dir() else latest(out, study)


def latest(out: str | Path, name: str | None = None) -> Results:
    """The newest results folder under `out`, of the study `name` if given. Raises LogError where there is none."""
    every = sorted(Path(out).glob("*-????????/study.json"), key=lambda file: file.stat().st_mtime)
    found = [file for file in every if name is None or file.parent.name[:-9] == name]
    if found:
        return Results.open(found[-1].parent)
    if name is None:
        raise LogError(f"{Path(out)}: holds no results yet; `rage run quickstart` makes some")
    if not every:
        shipped = name if name in configs.names("experiments") else "quickstart"
        raise LogError(
            f"{name!r} is no results folder, and {Path(out)} holds no results yet: give a folder that `rage run` "
            f"wrote, or the place of your results with --out; `rage run {shipped}` makes some"
        )
    there = sorted({file.parent.name[:-9] for file in every})
    raise LogError(
        f"{name!r} is no results folder, and {Path(out)} holds no study of that name"
        f"{did_you_mean(name, there)} Studies there: {', '.join(there)}."
    )
