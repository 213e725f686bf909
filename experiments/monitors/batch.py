"""One week of rows on their way into a monitor, checked once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Batch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Optional = Literal["denominator", "covariate", "propensity", "probs", "target", "predicted", "predicted_target"]
_Scalar = TypeVar("_Scalar", bound=np.generic)

_COLUMNS = ("value", "denominator", "covariate", "propensity", "target", "predicted", "predicted_target")
_LARGEST = 1e150  # the square of a larger number is infinite, and every error with it
_ROUNDING = 1e-5  # probabilities are logged in single precision
_TOO_LARGE = f", and at most {_LARGEST:g} in size so that its square is, too"


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one accrual week, as known at the end of `week`; the accrual week is `week - age_weeks`.

    value: the weekly outcome, difference, loss or count that the monitor's page names. denominator: what a
    ratio divides by. covariate: fixed before exposure, NaN for newcomers, who had no before; covariate_week: the last
    week it draws on, as proof. group: one code for all rows, or a code a row. Of logged decisions: group is the arm
    drawn; propensity and target: its probability as logged, and under the policy to be valued; probs: logged
    probabilities of all arms; predicted, predicted_target: outcome expected, before any was seen, of the arm drawn
    and of the policy to be valued. Raises LogError naming column, row, unit and rule.
    """

    week: int
    unit: Ints  # (n,)
    group: Ints | int  # (n,) codes from 0
    value: Floats  # (n,), finite
    denominator: Floats | None = None  # (n,), finite, >= 0
    covariate: Floats | None = None  # (n,), finite or NaN
    propensity: Floats | None = None  # (n,), in (0, 1]
    age_weeks: int = 0
    covariate_week: int | None = None
    probs: Floats | None = None  # (n, k), rows sum to 1
    target: Floats | None = None  # (n,), in [0, 1]
    predicted: Floats | None = None  # (n,), finite
    predicted_target: Floats | None = None  # (n,), finite
    _parts: dict[int, Batch] = field(default_factory=dict, init=False, repr=False)
    sums: dict[object, object] = field(default_factory=dict, init=False, repr=False)  # worked out once for all monitors

    def __post_init__(self) -> None:
        unit = _whole("unit", self.unit, self.week)
        if not len(unit):
            raise LogError(f"batch of week {self.week}: holds no rows; leave the week out instead")
        if self.age_weeks < 0:
            raise LogError(f"batch of week {self.week}: age_weeks must be >= 0, got {self.age_weeks}")
        object.__setattr__(self, "unit", unit)
        if not isinstance(self.group, int):
            object.__setattr__(self, "group", self._rows("group", _whole("group", self.group, self.week)))
        for name in _COLUMNS:
            column = getattr(self, name)
            if column is not None:
                object.__setattr__(self, name, self._rows(name, np.asarray(column, dtype=np.float64)))
        self.refuse(self.groups() < 0, "group", "must be a code from 0")
        if self.denominator is not None:
            self.refuse(self.denominator < 0, "denominator", "must be >= 0")
        if self.propensity is not None:
            self.refuse((self.propensity <= 0) | (self.propensity > 1), "propensity", "must lie in (0, 1]")
        if self.target is not None:
            self.refuse((self.target < 0) | (self.target > 1), "target", "must lie in [0, 1]")
        if self.probs is not None:
            self._check_probs(self.probs)

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

    def require(self, name: Optional, why: str) -> Floats:
        """(n,) the optional column. Raises LogError saying why the monitor cannot do without it."""
        column: Floats | None = getattr(self, name)
        if column is None:
            raise LogError(f"batch of week {self.week}: {name} is missing; {why}")
        return column

    def repeated(self) -> Ints:
        """(m,) units that have more than one row."""
        if (self.unit[1:] > self.unit[:-1]).all():
            return np.empty(0, np.int64)
        units, rows = np.unique(self.unit, return_counts=True)
        return units[rows > 1]

    def only(self, group: int) -> Batch:
        """The rows of one group. Raises LogError where there are none."""
        if group in self._parts:  # several monitors may watch the same group of the same batch
            return self._parts[group]
        keep = self.groups() == group
        if not keep.any():
            raise LogError(
                f"batch of week {self.week}: no row of group {group} (present: {np.unique(self.groups()).tolist()})"
            )
        if keep.all():
            return self
        self._parts[group] = self.where(keep)
        return self._parts[group]

    def where(self, keep: NDArray[np.bool_]) -> Batch:
        """The rows where `keep` (n,) is true; at least one."""

        def kept(column: Floats | None) -> Floats | None:
            return None if column is None else column[keep]

        return dataclasses.replace(
            self,
            unit=self.unit[keep],
            group=self.groups()[keep],
            value=self.value[keep],
            denominator=kept(self.denominator),
            covariate=kept(self.covariate),
            propensity=kept(self.propensity),
            probs=kept(self.probs),
            target=kept(self.target),
            predicted=kept(self.predicted),
            predicted_target=kept(self.predicted_target),
        )

    def _check_probs(self, probs: Floats) -> None:
        table = np.asarray(probs, dtype=np.float64)
        object.__setattr__(self, "probs", table)
        if table.ndim != 2 or len(table) != self.n or table.shape[1] < 2:
            raise LogError(
                f"batch of week {self.week}: probs has shape {table.shape}; needed is ({self.n}, arms), 2 arms or more"
            )
        good = (table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1) <= _ROUNDING)  # False for NaN
        self.refuse(~good, "probs", "must be >= 0 and sum to 1 in every row")
        self.refuse(self.groups() >= table.shape[1], "group", f"must be an arm, 0..{table.shape[1] - 1}")

    def _rows(self, name: str, column: NDArray[_Scalar]) -> NDArray[_Scalar]:
        if column.shape != (self.n,):
            raise LogError(f"batch of week {self.week}: {name} has shape {column.shape} for {self.n} units")
        if column.dtype.kind != "f" or (len(column) and column.min() >= -_LARGEST and column.max() <= _LARGEST):
            return column
        if not (sound := _sound(name, column)).all():
            row = int(np.argmin(sound))
            raise LogError(
                f"batch of week {self.week}, row {row} (unit {self.unit[row]}): "
                f"{name} must be finite{_TOO_LARGE if np.isfinite(column[row]) else ''}; got "
                f"{column[row]}"
            )
        return column


def _sound(name: str, column: NDArray[_Scalar]) -> NDArray[np.bool_]:
    """(n,) True for numbers; a covariate may be missing."""
    held = np.asarray(column, np.float64)
    sound = np.abs(held) <= _LARGEST  # False for NaN
    return sound | np.isnan(held) if name == "covariate" else sound


def _whole(name: str, column: object, week: int) -> Ints:
    array = np.asarray(column)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise LogError(
            f"batch of week {week}: {name} must be a row of whole numbers, got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)
