"""What a monitor says after a batch, and its history."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAN", "NUMBERS", "STOPS", "WORDS", "MonitorState", "Path", "Validity", "Verdict", "state_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Verdict = Literal["continue", "harm", "lift", "futile", "certified", "refused"]
Validity = Literal["finite_sample", "asymptotic", "group_sequential", "descriptive"]
NAN = math.nan
STOPS = ("harm", "lift", "certified")


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
        stops = [int(w) for w, v in zip(self.week, self.verdict, strict=True) if v in STOPS]
        return stops[0] if stops else None


WORDS = ("verdict", "validity", "null", "reason")
_WHOLE = ("week", "n_units")
NUMBERS = tuple(f.name for f in fields(MonitorState) if f.name not in WORDS)


def state_of(figures: NDArray[np.generic], words: list[str]) -> MonitorState:
    """The state with these NUMBERS and WORDS, in their order."""
    read = {f: int(x) if f in _WHOLE else float(x) for f, x in zip(NUMBERS, figures.tolist(), strict=True)}
    return MonitorState(**read, **dict(zip(WORDS, words, strict=True)))  # type: ignore[arg-type]  # fields by name
