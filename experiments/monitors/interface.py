"""What every sequential monitor takes in, gives back and remembers."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.rules import open_share, positive, whole
from experiments.monitors.states import NAN, NUMBERS, STOPS, WORDS, MonitorState, Path, Validity, Verdict, state_of
from experiments.monitors.streams import Stream
from rage_env.errors import LogError

__all__ = [
    "NAN",
    "Batch",
    "Monitor",
    "MonitorState",
    "Path",
    "Reads",
    "Validity",
    "Verdict",
    "open_share",
    "positive",
    "whole",
]

Saved = tuple[dict[str, NDArray[np.generic]], dict[str, object]]
Reads = Literal[
    "means", "ratios", "arms", "arm_values", "events", "events_by_group", "inputs", "weights", "once", "units"
]
"""Kinds of batches: who reads `means` wants one number a unit and week, who reads `arms` probabilities, and so on."""


class Monitor(ABC):
    """Remembers a stream of batches; may be looked at after each. A rejected batch leaves it as it was."""

    kind: ClassVar[str]
    validity: ClassVar[Validity]
    reads: ClassVar[Reads] = "means"  # what a batch must hold, beside units: see `experiments.feeds`
    null: str
    made_with: dict[str, object]  # parameters given, by name

    def __new__(cls, *args: object, **params: object) -> Self:
        """Keep the parameters, so that a state on disk says how to make its monitor again."""
        made = super().__new__(cls)
        made.made_with = dict(params)
        return made

    def __init__(self) -> None:
        self.states: list[MonitorState] = []
        self.week: int | None = None

    def update(self, batch: Batch) -> MonitorState:
        """Take in one batch and say where things stand. Raises LogError for rows that break a rule."""
        self._check_clock(batch)
        return self._record(batch, self._take(batch))

    def path(self) -> Path:
        """All states so far as arrays."""
        return Path.of(self.states)

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """A monitor that tests the null of `stream` at its weeks; None where the method is not meant for it."""
        return None

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week, each replication by a monitor like this one. Override for speed."""
        reps, weeks = stream.value.shape[:2]
        stopped = np.zeros((reps, weeks), np.bool_)
        for rep in range(reps):
            fresh = copy.deepcopy(self)
            for week in range(weeks):
                stopped[rep, week] = fresh.update(stream.batch(rep, week)).verdict in STOPS
        return stopped

    @abstractmethod
    def _take(self, batch: Batch) -> MonitorState:
        """Fold in a batch whose week is in order; change nothing before the last check has passed."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """A new monitor that has seen the units of both; they must stand at the same week and share no unit."""

    @abstractmethod
    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything remembered beside the path, by name."""

    @abstractmethod
    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of _arrays."""

    def save(self) -> Saved:
        """(arrays, plain JSON) from which `load` goes on as if nothing had happened."""
        figures = np.array([[getattr(s, f) for f in NUMBERS] for s in self.states], np.float64)
        words: list[list[str]] = [[str(getattr(s, f)) for f in WORDS] for s in self.states]
        facts: dict[str, object] = {"kind": self.kind, "week": self.week, "words": words, "declared": self._declared()}
        return {**self._arrays(), "_path": figures.reshape(-1, len(NUMBERS))}, facts

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save, into a monitor built with the same parameters. Raises LogError for another's state."""
        if facts["kind"] != self.kind:
            raise LogError(f"{self.kind}: this is the state of a {facts['kind']!r} monitor; load it there")
        self._restore(arrays)
        mine, told = self._declared(), cast("Mapping[str, object]", facts.get("declared", {}))
        if differ := [name for name in mine if name in told and told[name] != mine[name]]:
            kept = ", ".join(f"{name} {told[name]!r} and not {mine[name]!r}" for name in differ)
            raise LogError(f"{self.kind}: the state was kept under {kept}; load it into a monitor that is made alike")
        self.week = cast("int | None", facts["week"])
        words = cast("list[list[str]]", facts["words"])
        self.states = [state_of(row, text) for row, text in zip(arrays["_path"], words, strict=True)]

    def _check_clock(self, batch: Batch) -> None:
        if self.week is not None and batch.week < self.week:
            raise LogError(f"{self.kind}: week {batch.week} comes after week {self.week}; feed weeks in order of time")

    def _record(self, batch: Batch, state: MonitorState) -> MonitorState:
        self.week = batch.week
        self.states.append(state)
        return state

    def _check_partner(self, other: Monitor) -> None:
        if other is self:
            raise LogError(f"{self.kind}: is to be merged with itself, which would count every unit twice")
        if other.kind != self.kind:
            raise LogError(
                f"{self.kind}: cannot be merged with a {other.kind!r} monitor; merge shards of one declaration"
            )
        mine, theirs = self._declared(), other._declared()
        if differ := [name for name in mine if mine[name] != theirs[name]]:
            told = ", ".join(f"{name} {mine[name]!r} and {theirs[name]!r}" for name in differ)
            raise LogError(f"{self.kind}: shards were made with {told}; merge shards of one declaration")
        if self.week != other.week:
            raise LogError(f"{self.kind}: shards stand at weeks {self.week} and {other.week}; merge them week by week")

    def _declared(self) -> dict[str, object]:
        """Every parameter by name, given or by default."""
        known = inspect.signature(type(self)).parameters.items()
        return {name: _plain(self.made_with.get(name, about.default)) for name, about in known}


def _plain(value: object) -> object:
    """Rows of numbers as lists, so that they can be compared."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
