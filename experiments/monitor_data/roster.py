"""Who takes part in a foreign experiment: groups and units settled by the first week, and held to from then on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.rows import Floats, Ints, Units, WeekRows, refuse
from experiments.monitors.batch import Batch
from experiments.monitors.once import Assigned
from rage_env.errors import LogError, did_you_mean

__all__ = ["Admitted", "Roster"]


@dataclass(frozen=True, eq=False)
class Admitted:
    """A week of those who take part, groups as codes of the roster (control is 0); new: those first seen in it."""

    rows: WeekRows
    new: WeekRows


class Roster:
    """Remembers groups, who was seen in which, and who was there in the first week with which covariate."""

    def __init__(self, declared: Declaration, units: Units) -> None:
        self.declared, self.units = declared, units
        self.groups: tuple[str, ...] = ()
        self.seen = Assigned()
        self.unit = np.empty(0, np.int64)  # (m,) enrolled in the first week, sorted
        self.group = np.empty(0, np.int64)  # (m,)
        self.covariate: Floats | None = None  # (m,)
        self.week: int | None = None
        self.left_out = 0

    def admit(self, rows: WeekRows) -> Admitted:
        """The week as monitors may see it. Raises LogError naming unit and place; the roster is then as before."""
        groups = self.groups or self._settled(rows)
        rows = self._one_a_unit(self._coded(rows, groups))
        fresh, seen = self._fresh(rows), self.seen
        if fresh.any():
            seen = seen.joined("roster", Batch(rows.week, rows.unit, rows.group, rows.value))
        new = _kept(rows, fresh)
        if self.declared.rows == "once":
            refuse(~fresh, rows, self.units, "comes a second time; under rows: once each unit has one row in all")
        elif self.week is None:
            rows = self._enrolled(rows)
        else:
            self._check_gap(rows, self.week)
            rows = self._as_enrolled(rows, fresh)
        self.seen, self.groups, self.week = seen, groups, rows.week
        return Admitted(rows, new)

    def _enrolled(self, rows: WeekRows) -> WeekRows:
        """The first week, in order of units, which later weeks are brought into."""
        order = np.argsort(rows.unit, kind="stable")
        rows = _kept(rows, order)
        self.unit, self.group, self.covariate = rows.unit, rows.group, rows.covariate
        return rows

    def _check_gap(self, rows: WeekRows, last: int) -> None:
        if rows.week != last + 1:
            raise LogError(
                f"week {rows.week} follows week {last}, {rows.counted} {rows.place[0]}: every week between needs rows, "
                "for a week without any would pass unseen; fill it, or declare rows: once"
            )

    def _settled(self, rows: WeekRows) -> tuple[str, ...]:
        """Control first, the others in alphabetical order."""
        shares, control = self.declared.shares, str(self.declared.control)
        present = sorted(shares) if shares else sorted({rows.groups[g] for g in np.unique(rows.group)})
        if control not in present:
            near = did_you_mean(control, present)
            raise LogError(
                f"control: week {rows.week} has no group {control!r}{near} There are {', '.join(present)}; name one "
                "with --control"
            )
        if len(present) < 2:
            raise LogError(
                f"group: week {rows.week} holds one group only, {control!r}; a comparison needs control and another"
            )
        return (control, *(g for g in present if g != control))

    def _coded(self, rows: WeekRows, groups: tuple[str, ...]) -> WeekRows:
        lookup = np.array([groups.index(g) if g in groups else -1 for g in rows.groups], np.int64)
        codes = lookup[rows.group]
        if (codes < 0).any():
            i = int((codes < 0).argmax())
            name = rows.groups[rows.group[i]]
            raise LogError(
                f"{rows.at(i, self.units)}: group {name!r} is none of {', '.join(groups)}; groups are those of the "
                "first week, or those that `shares` names"
            )
        return dataclasses.replace(rows, group=codes, groups=groups)

    def _one_a_unit(self, rows: WeekRows) -> WeekRows:
        order = np.argsort(rows.unit, kind="stable")
        again = np.zeros(len(order), np.bool_)
        again[order[1:]] = np.diff(rows.unit[order]) == 0
        if not again.any():
            return rows
        first = order[np.searchsorted(rows.unit[order], rows.unit)]  # (n,) first row of each row's unit
        self._refuse_moved(rows, rows.group[first] != rows.group, rows.group[first])
        if self.declared.repeats == "refuse":
            i = int(again.argmax())
            raise LogError(
                f"{rows.at(i, self.units)}: has a second row, the first is {rows.counted} {rows.place[first[i]]}; add "
                "the rows of a unit up with --repeats add, or keep one"
            )
        if rows.covariate is not None:
            held, known = rows.covariate, rows.covariate[first]
            changed = (held != known) & ~(np.isnan(held) & np.isnan(known))
            refuse(changed, rows, self.units, "the covariate differs between rows of the unit", held)
        return _added_up(rows, first)

    def _fresh(self, rows: WeekRows) -> NDArray[np.bool_]:
        """(n,) units never seen before. Raises LogError for a unit that has moved."""
        if not len(self.seen.unit):
            return np.ones(len(rows.unit), np.bool_)
        at = np.minimum(np.searchsorted(self.seen.unit, rows.unit), len(self.seen.unit) - 1)
        known: NDArray[np.bool_] = self.seen.unit[at] == rows.unit
        before = self.seen.group[at]
        self._refuse_moved(rows, known & (before != rows.group), before)
        return ~known

    def _refuse_moved(self, rows: WeekRows, moved: NDArray[np.bool_], before: Ints) -> None:
        if moved.any():
            i = int(moved.argmax())
            raise LogError(
                f"{rows.at(i, self.units)}: is in two groups, now {rows.groups[rows.group[i]]!r}, before "
                f"{rows.groups[before[i]]!r} ({int(moved.sum())} such rows); groups are fixed by assignment"
            )

    def _as_enrolled(self, rows: WeekRows, fresh: NDArray[np.bool_]) -> WeekRows:
        """The rows of the first week's units, in their order; who has none counts 0 where that was declared."""
        at = np.minimum(np.searchsorted(self.unit, rows.unit), len(self.unit) - 1)
        stranger = self.unit[at] != rows.unit
        if self.declared.newcomers == "refuse":
            rule = (
                "was not there in the first week; leave newcomers out of the comparison with --newcomers leave_out "
                "(they still count for the sample ratio)"
            )
            refuse(stranger, rows, self.units, rule)
        there = np.zeros(len(self.unit), np.bool_)
        there[at[~stranger]] = True
        if self.declared.absent == "refuse" and not there.all():
            gone = int((~there).argmax())
            raise LogError(
                f"week {rows.week} (from {rows.counted} {rows.place[0]} on): unit "
                f"{self.units.name(int(self.unit[gone]))} has no row ({int((~there).sum())} such units); give it a row "
                "at 0, or say that who has no row did nothing with --absent zero"
            )
        self.left_out += int((stranger & fresh).sum())
        return self._filled(_kept(rows, ~stranger), at[~stranger])

    def _filled(self, rows: WeekRows, at: Ints) -> WeekRows:
        def spread(column: Floats | None) -> Floats | None:
            if column is None:
                return None
            whole = np.zeros(len(self.unit))
            whole[at] = column
            return whole

        if rows.covariate is not None and self.covariate is not None:
            known, held = self.covariate[at], rows.covariate
            changed = (held != known) & ~(np.isnan(held) & np.isnan(known))
            rule = "the covariate has changed since the first week; it is what was known before exposure, every week"
            refuse(changed, rows, self.units, rule, held)
        place = np.full(len(self.unit), -1)
        place[at] = rows.place
        value = spread(rows.value)
        assert value is not None
        return dataclasses.replace(
            rows,
            place=place,
            unit=self.unit,
            group=self.group,
            value=value,
            denominator=spread(rows.denominator),
            covariate=self.covariate,
        )


def _kept(rows: WeekRows, keep: NDArray[np.bool_] | Ints) -> WeekRows:
    """The rows where `keep` is true, or in its order."""
    if keep.dtype == np.bool_ and keep.all():
        return rows
    columns = {c: v[keep] for c in _COLUMNS if (v := getattr(rows, c)) is not None}
    return dataclasses.replace(rows, **columns)


_COLUMNS = ("place", "unit", "group", "value", "denominator", "covariate")


def _added_up(rows: WeekRows, first: Ints) -> WeekRows:
    """One row a unit: sums of values and denominators."""
    kept = np.unique(first)
    slot = np.searchsorted(kept, first)
    value = np.asarray(np.bincount(slot, rows.value), np.float64)
    size = None if rows.denominator is None else np.asarray(np.bincount(slot, rows.denominator), np.float64)
    one = np.zeros(len(rows.unit), np.bool_)
    one[kept] = True
    return dataclasses.replace(_kept(rows, one), value=value, denominator=size)
