"""What every sequential monitor takes in, gives back and remembers."""

from __future__ import annotations

import copy
import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.streams import Stream
from rage_env.errors import ConfigError, LogError

__all__ = ["Batch", "Monitor", "MonitorState", "Path", "Validity", "Verdict", "open_share", "positive", "whole"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Saved = tuple[dict[str, NDArray[np.generic]], dict[str, object]]
Verdict = Literal["continue", "harm", "lift", "futile", "certified", "refused"]
Validity = Literal["finite_sample", "asymptotic", "group_sequential", "descriptive"]
NAN = math.nan
_STOPS = ("harm", "lift", "certified")


@dataclass(frozen=True)
class MonitorState:
    """What is known after a batch. NaN stands for a figure that the method does not give.

    null: the hypothesis tested, in words. z: estimate / standard error, moved to the scale of a normal law where the
    error has few degrees of freedom. boundary: what z, or the log e-value where there is no z, must reach for the
    monitor to stop. reason: why a monitor refused, or what should be known about this look.
    """

    estimate: float
    lower: float
    upper: float
    e_value: float
    p_value: float
    verdict: Verdict
    validity: Validity
    null: str
    week: int = 0
    z: float = NAN
    boundary: float = NAN
    log_e: float = NAN
    n_units: int = 0
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        """Plain JSON; NaN and infinities become None."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


@dataclass(frozen=True, eq=False)
class Path:
    """A monitor's history, one entry an update, ready to draw: `plot(path.week, path.estimate)`."""

    week: Ints  # (t,)
    estimate: Floats  # (t,)
    lower: Floats  # (t,)
    upper: Floats  # (t,)
    z: Floats  # (t,)
    boundary: Floats  # (t,)
    log_e: Floats  # (t,)
    verdict: tuple[Verdict, ...]

    @classmethod
    def of(cls, states: list[MonitorState]) -> Self:
        """The path through these states."""

        def column(name: str) -> Floats:
            return np.array([getattr(s, name) for s in states], np.float64)

        return cls(
            week=column("week").astype(np.int64),
            estimate=column("estimate"),
            lower=column("lower"),
            upper=column("upper"),
            z=column("z"),
            boundary=column("boundary"),
            log_e=column("log_e"),
            verdict=tuple(s.verdict for s in states),
        )

    @property
    def stop_week(self) -> int | None:
        """First week with a verdict that stops, None if there was none."""
        stops = [int(w) for w, v in zip(self.week, self.verdict, strict=True) if v in _STOPS]
        return stops[0] if stops else None


class Monitor(ABC):
    """Remembers a stream of batches; may be looked at after each. A rejected batch leaves it as it was."""

    kind: ClassVar[str]
    validity: ClassVar[Validity]
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
                stopped[rep, week] = fresh.update(stream.batch(rep, week)).verdict in _STOPS
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
        figures = np.array([[getattr(s, f) for f in _NUMBERS] for s in self.states], np.float64)
        words: list[list[str]] = [[str(getattr(s, f)) for f in _WORDS] for s in self.states]
        facts: dict[str, object] = {"kind": self.kind, "week": self.week, "words": words}
        return {**self._arrays(), "_path": figures.reshape(-1, len(_NUMBERS))}, facts

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save, into a monitor built with the same parameters."""
        if facts["kind"] != self.kind:
            raise LogError(f"{self.kind}: this is the state of a {facts['kind']!r} monitor; load it there")
        self._restore(arrays)
        self.week = cast("int | None", facts["week"])
        words = cast("list[list[str]]", facts["words"])
        self.states = [_state(row, text) for row, text in zip(arrays["_path"], words, strict=True)]

    def _check_clock(self, batch: Batch) -> None:
        if self.week is not None and batch.week < self.week:
            raise LogError(f"{self.kind}: week {batch.week} comes after week {self.week}; feed weeks in order of time")

    def _record(self, batch: Batch, state: MonitorState) -> MonitorState:
        self.week = batch.week
        self.states.append(state)
        return state

    def _check_partner(self, other: Monitor) -> None:
        if self.week != other.week:
            raise LogError(f"{self.kind}: shards stand at weeks {self.week} and {other.week}; merge them week by week")


_WORDS = ("verdict", "validity", "null", "reason")
_WHOLE = ("week", "n_units")
_NUMBERS = tuple(f.name for f in fields(MonitorState) if f.name not in _WORDS)


def _state(figures: NDArray[np.generic], words: list[str]) -> MonitorState:
    read = {f: int(x) if f in _WHOLE else float(x) for f, x in zip(_NUMBERS, figures.tolist(), strict=True)}
    return MonitorState(**read, **dict(zip(_WORDS, words, strict=True)))  # type: ignore[arg-type]  # fields by name


def positive(name: str, value: float) -> float:
    """The value, if it is a finite number above 0. Raises ConfigError."""
    if not (_is_number(value) and math.isfinite(value) and value > 0):
        raise ConfigError(f"{name}: must be a finite number above 0, got {value!r}")
    return value


def open_share(name: str, value: float) -> float:
    """The value, if it lies strictly between 0 and 1. Raises ConfigError."""
    if not (_is_number(value) and 0 < value < 1):
        raise ConfigError(f"{name}: must lie strictly between 0 and 1, got {value!r}")
    return value


def whole(name: str, value: int, least: int) -> int:
    """The value, if it is a whole number of at least `least`. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}: must be a whole number of at least {least}, got {value!r}")
    return value


def _is_number(value: object) -> bool:
    """Parameters come from files and command lines, where a number may turn out to be a word."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
