"""Rows of one week as they were read, with the place of each, so that an error can name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Units", "WeekRows", "refuse"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(eq=False)
class Units:
    """Names of units as whole numbers: numbers stand for themselves, words for the order in which they came.

    Remembers the words, and whether numbers came. Data have either kind, not both.
    """

    words: list[str] = field(default_factory=list)
    numbers: bool = False
    codes: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.codes = {word: i for i, word in enumerate(self.words)}

    def code(self, unit: int | str) -> int:
        """The number of a unit."""
        if isinstance(unit, int):
            self.numbers = True
            return unit
        if unit not in self.codes:
            self.codes[unit] = len(self.words)
            self.words.append(unit)
        return self.codes[unit]

    def name(self, code: int) -> str:
        """How the data write it."""
        return self.words[code] if self.words else str(code)


@dataclass(frozen=True, eq=False)
class WeekRows:
    """One week. place: row of the file or line of the stream; group: code in `groups`, which are names as written."""

    week: int
    place: Ints  # (n,)
    unit: Ints  # (n,)
    group: Ints  # (n,)
    groups: tuple[str, ...]
    value: Floats  # (n,)
    denominator: Floats | None = None  # (n,)
    covariate: Floats | None = None  # (n,), NaN where nothing was known before
    counted: str = "row"  # what a place counts

    def at(self, i: int, units: Units) -> str:
        """How an error names row i."""
        return f"{self.counted} {self.place[i]} (unit {units.name(int(self.unit[i]))}, week {self.week})"

    def told(self, text: str, units: Units) -> str:
        """The message of a monitor, which knows neither words nor places, with the unit and row that the data have."""
        named = re.search(r"\bunit (-?\d+)\b", text)
        if named is None:
            return text
        at = np.flatnonzero(self.unit == int(named[1]))
        if len(at):
            text = re.sub(r"\brow \d+\b", f"{self.counted} {self.place[at[0]]}", text)
        return text.replace(named[0], f"unit {units.name(int(named[1]))}") if units.words else text


def refuse(bad: NDArray[np.bool_], rows: WeekRows, units: Units, rule: str, held: Floats | None = None) -> None:
    """Raise LogError for the first row where `bad` (n,) is true. held: (n,) what stands there instead."""
    if bad.any():
        i = int(bad.argmax())
        got = "" if held is None else f", got {held[i]:g}"
        raise LogError(f"{rows.at(i, units)}: {rule}{got} ({int(bad.sum())} such rows)")
