"""The study that a visitor looks at. Answers of views are kept until the folder changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd
import streamlit as st

from experiments.results import Results
from experiments.views.view import View, believes

__all__ = ["Place"]

_KEPT = 128  # answers of views, of all visitors; tables that nobody changes


@dataclass
class Place:
    """root: folder of results folders; study: name of one of them, if there is any."""

    root: Path
    study: str | None

    @cached_property
    def results(self) -> Results:
        """The results folder. Raises LogError where it is none."""
        return Results.open(self.root / str(self.study))

    def ask(self, view: Callable[..., View], *args: object, weekly: bool = False) -> View:
        """What a view answers for this study. weekly: whether it wants the rows of all weeks, too."""
        return _answer(view, args, weekly, str(self.results.path), self._stamp)

    def agent(self, label: str = "Agent", *, everybody: bool = False, believing: bool = False) -> str:
        """The agent that the visitor chose, the best on offer first.

        everybody: with the one who does nothing. believing: those first that expect something of each user.
        """
        results = self.results
        names = [a for a in results.study.agents if everybody or a != results.baseline] or [*results.study.agents]
        if results.has_table("leaderboard"):
            ranks = {a: i for i, a in enumerate(results.table("leaderboard")["agent"])}
            names.sort(key=lambda a: ranks.get(a, len(ranks)))
        if believing:
            names.sort(key=lambda a: not believes(results, a))
        return str(st.selectbox(label, names))

    @property
    def _stamp(self) -> tuple[float, ...]:
        """Changes whenever a run is finished or a table written."""
        path = self.results.path
        files = [path / "study.json", *path.glob("*.parquet"), *path.glob("runs/*/*/summary.json")]
        return (float(len(files)), max(f.stat().st_mtime for f in files))


@lru_cache(maxsize=_KEPT)
def _answer(
    view: Callable[..., View], args: tuple[object, ...], weekly: bool, path: str, stamp: tuple[float, ...]
) -> View:
    more = (_weekly(path, stamp),) if weekly else ()
    return view(Results.open(path), *more, *args)


@lru_cache(maxsize=4)
def _weekly(path: str, stamp: tuple[float, ...]) -> pd.DataFrame:
    return Results.open(path).all_weekly()
