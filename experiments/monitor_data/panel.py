"""The monitors of a foreign experiment, side by side, fed one closed week after another."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass

from experiments.monitor_data.checks import check_week
from experiments.monitor_data.clock import Clock
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.roster import Roster
from experiments.monitor_data.rows import Units, WeekRows
from experiments.monitor_data.seats import SAMPLE_RATIO, Seat, seats
from experiments.monitors import Batch, MonitorState, monitor_class
from experiments.monitors.group_sequential import GroupSequential
from rage_env.errors import ConfigError, LogError

__all__ = ["STOPS", "Look", "Panel"]

STOPS = ("harm", "lift", "certified")
_SHARED_OUT_WRONGLY = "head-counts are not those planned (see ssrm): whoever differs in number may differ in kind"


@dataclass(frozen=True)
class Look:
    """What one monitor says of one group after a week."""

    monitor: str
    group: str
    state: MonitorState

    def to_json(self) -> dict[str, object]:
        """One flat object."""
        return {"monitor": self.monitor, "group": self.group, **self.state.to_json()}


class Panel:
    """Remembers the roster and the monitors; `weeks`: planned, None where nobody said."""

    def __init__(self, declared: Declaration, units: Units, clock: Clock, weeks: int | None) -> None:
        self.declared, self.units, self.clock = declared, units, clock
        self.weeks = declared.weeks or weeks
        self.roster = Roster(declared, units)
        self.seats: list[Seat] = []
        self.first_week: int | None = None
        for kind in {*declared.monitors, *declared.params}:
            monitor_class(kind)  # a misspelt name is told before anything is read

    def close(self, rows: WeekRows, *, last: bool = False) -> list[Look]:
        """Take in a whole week. last: somebody looks now, planned or not. Raises LogError naming unit and place."""
        check_week(rows, self.declared, self.units)
        if self.first_week is None:
            self._check_declared_before(rows.week)
        admitted = self.roster.admit(rows)
        if self.first_week is None:
            self.first_week = rows.week
            self.seats = seats(self.declared, self.roster.groups, self.weeks)
        look = last or rows.week - self.first_week + 1 in self.declared.looked or None
        return [self._fed(seat, admitted.new if _counts(seat) else admitted.rows, look) for seat in self.seats]

    @property
    def sample_ratio_holds(self) -> bool:
        """Whether head-counts may still be those planned."""
        counted = [s.monitor for s in self.seats if _counts(s) and s.monitor is not None and s.monitor.states]
        return all(m.states[-1].verdict not in STOPS for m in counted)

    def _fed(self, seat: Seat, rows: WeekRows, look: bool | None) -> Look:
        monitor = seat.monitor
        if monitor is not None and not seat.refusal and len(rows.unit):
            try:
                batch = self._batch(rows)
                if isinstance(monitor, GroupSequential):
                    monitor.update(batch, look)
                else:
                    monitor.update(batch)
            except LogError as error:
                seat.refusal = rows.told(str(error), self.units)
        state = self._state(seat, rows.week)
        if seat.compares and not self.sample_ratio_holds:
            state = dataclasses.replace(state, verdict="refused", reason=_SHARED_OUT_WRONGLY)
        return Look(seat.kind, seat.group, state)

    def _state(self, seat: Seat, week: int) -> MonitorState:
        kept = seat.monitor.states[-1:] if seat.monitor is not None else []
        null = "" if seat.monitor is None else self._named(seat.monitor.null)
        if not seat.refusal and kept:
            return dataclasses.replace(kept[0], week=week, null=null)
        validity = monitor_class(seat.kind).validity
        nothing = (math.nan,) * 5
        return MonitorState(*nothing, "refused", validity, null, week=week, reason=seat.refusal)

    def _named(self, null: str) -> str:
        """The null with groups called as the data call them."""
        groups = self.roster.groups
        null = null.replace("groups 0, 1, ...", f"groups {', '.join(groups)}")
        return re.sub(r"\bgroup (\d+)\b", lambda m: repr(groups[int(m[1])]), null)

    def _batch(self, rows: WeekRows) -> Batch:
        known = self.declared.covariate_week
        return Batch(
            rows.week,
            rows.unit,
            rows.group,
            rows.value,
            denominator=rows.denominator,
            covariate=rows.covariate,
            covariate_week=None if known is None else self.clock.week(known, "covariate_week"),
        )

    def _check_declared_before(self, first: int) -> None:
        for name, what in (("cap_week", "cap"), ("covariate_week", "covariate")):
            moment = getattr(self.declared, name)
            if moment is not None and self.clock.week(moment, name) >= first:
                raise ConfigError(
                    f"{name}: the {what} draws on {moment}, the data begin in week {first}; a {what} chosen after the "
                    "data it meets biases the test: declare it from weeks before"
                )


def _counts(seat: Seat) -> bool:
    return seat.kind == SAMPLE_RATIO
