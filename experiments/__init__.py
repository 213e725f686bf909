"""Composes worlds, agents and statistics into runs, studies and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.study import StudyResult, run

__all__ = ["StudyResult", "run"]


def __getattr__(name: str) -> object:
    """`run` and `StudyResult`, imported when they are first asked for."""
    if name in __all__:
        from experiments import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
