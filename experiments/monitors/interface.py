"""What every sequential monitor takes in, gives back and remembers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import ConfigError, LogError

__all__ = ["Batch", "Monitor", "MonitorState", "Path", "Validity", "Verdict", "open_share", "positive", "whole"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Saved = tuple[dict[str, NDArray[np.generic]], dict[str, object]]
Verdict = Literal["continue", "harm", "lift", "futile", "certified", "refused"]
Validity = Literal["finite_sample", "asymptotic", "group_sequential", "descriptive"]
NAN = math.nan
_Scalar = TypeVar("_Scalar", bound=np.generic)
_STOPS = ("harm", "lift", "certified")


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one accrual week, as known at the end of `week`; the accrual week is `week - age_weeks`.

    value: the weekly outcome, difference, loss or count that the monitor's page names. denominator: what a
    ratio divides by. covariate: fixed before exposure. group: one code for all rows, or a code a row.
    Raises LogError naming column, row, unit and rule.
    """

    week: int
    unit: Ints  # (n,)
    group: Ints | int  # (n,) codes from 0
    value: Floats  # (n,), finite
    denominator: Floats | None = None  # (n,), finite, >= 0
    covariate: Floats | None = None  # (n,), finite
    propensity: Floats | None = None  # (n,), in (0, 1]
    age_weeks: int = 0

    def __post_init__(self) -> None:
        unit = _whole("unit", self.unit, self.week)
        if not len(unit):
            raise LogError(f"batch of week {self.week}: holds no rows; leave the week out instead")
        if self.age_weeks < 0:
            raise LogError(f"batch of week {self.week}: age_weeks must be >= 0, got {self.age_weeks}")
        object.__setattr__(self, "unit", unit)
        if not isinstance(self.group, int):
            object.__setattr__(self, "group", self._rows("group", _whole("group", self.group, self.week)))
        for name in ("value", "denominator", "covariate", "propensity"):
            column = getattr(self, name)
            if column is not None:
                object.__setattr__(self, name, self._rows(name, np.asarray(column, dtype=np.float64)))
        self.refuse(self.groups() < 0, "group", "must be a code from 0")
        if self.denominator is not None:
            self.refuse(self.denominator < 0, "denominator", "must be >= 0")
        if self.propensity is not None:
            self.refuse((self.propensity <= 0) | (self.propensity > 1), "propensity", "must lie in (0, 1]")

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.unit)

    def groups(self) -> Ints:
        """(n,) group codes, one code spread over all rows where that is how it was given."""
        return np.full(self.n, self.group, np.int64) if isinstance(self.group, int) else self.group

    def refuse(self, bad: NDArray[np.bool_], name: str, rule: str) -> None:
        """Raise LogError for the first row where `bad` (n,) is true."""
        if bad.any():
            row = int(np.argmax(bad))
            held = self.groups()[row] if name == "group" else getattr(self, name)[row]
            raise LogError(
                f"batch of week {self.week}, row {row} (unit {self.unit[row]}): {name} {rule}; got {held} "
                f"({int(bad.sum())} such rows)"
            )

    def require(self, name: Literal["denominator", "covariate", "propensity"], why: str) -> Floats:
        """(n,) the optional column. Raises LogError saying why the monitor cannot do without it."""
        column: Floats | None = getattr(self, name)
        if column is None:
            raise LogError(f"batch of week {self.week}: {name} is missing; {why}")
        return column

    def where(self, keep: NDArray[np.bool_]) -> Batch:
        """The rows where `keep` (n,) is true; at least one."""

        def kept(column: Floats | None) -> Floats | None:
            return None if column is None else column[keep]

        rest = (kept(self.denominator), kept(self.covariate), kept(self.propensity))
        return Batch(self.week, self.unit[keep], self.groups()[keep], self.value[keep], *rest, self.age_weeks)

    def _rows(self, name: str, column: NDArray[_Scalar]) -> NDArray[_Scalar]:
        if column.shape != (self.n,):
            raise LogError(f"batch of week {self.week}: {name} has shape {column.shape} for {self.n} units")
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            row = int(np.argmin(np.isfinite(column)))
            raise LogError(
                f"batch of week {self.week}, row {row} (unit {self.unit[row]}): "
                f"{name} must be finite; got {column[row]}"
            )
        return column


@dataclass(frozen=True)
class MonitorState:
    """What is known after a batch. NaN stands for a figure that the method does not give.

    null: the hypothesis tested, in words. z: estimate / standard error, held against `boundary`. reason: why a
    monitor refused, or what should be known about this look.
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
        numbers = np.array([[getattr(s, f) for f in _NUMBERS] for s in self.states], np.float64)
        words: list[list[str]] = [[str(getattr(s, f)) for f in _WORDS] for s in self.states]
        facts: dict[str, object] = {"kind": self.kind, "week": self.week, "words": words}
        return {**self._arrays(), "_path": numbers.reshape(-1, len(_NUMBERS))}, facts

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


def _state(numbers: NDArray[np.generic], words: list[str]) -> MonitorState:
    read = {f: int(x) if f in _WHOLE else float(x) for f, x in zip(_NUMBERS, numbers.tolist(), strict=True)}
    return MonitorState(**read, **dict(zip(_WORDS, words, strict=True)))  # type: ignore[arg-type]  # fields by name


def positive(name: str, value: float) -> float:
    """The value, if it is a finite number above 0. Raises ConfigError."""
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"{name}: must be a finite number above 0, got {value}")
    return value


def open_share(name: str, value: float) -> float:
    """The value, if it lies strictly between 0 and 1. Raises ConfigError."""
    if not 0 < value < 1:
        raise ConfigError(f"{name}: must lie strictly between 0 and 1, got {value}")
    return value


def whole(name: str, value: int, least: int) -> int:
    """The value, if it is a whole number of at least `least`. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}: must be a whole number of at least {least}, got {value!r}")
    return value


def _whole(name: str, column: object, week: int) -> Ints:
    array = np.asarray(column)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise LogError(
            f"batch of week {week}: {name} must be a row of whole numbers, got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)
