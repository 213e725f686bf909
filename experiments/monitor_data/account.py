"""What a foreign experiment came to: one line a monitor, the weekly path behind it, in words and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from experiments import provenance
from experiments.console import Row, print_rows, show
from experiments.monitor_data.panel import STOPS, Look, Panel
from experiments.monitors.group_sequential import UNPLANNED

__all__ = ["Account"]


@dataclass(frozen=True, eq=False)
class Account:
    """All looks of all monitors. file: what was read."""

    file: str
    panel: Panel
    looks: Sequence[Look]  # by week, then by monitor

    def to_json(self) -> dict[str, object]:
        """Declaration, notes, verdicts and path."""
        declared = self.panel.declared
        return {
            "data": self.file,
            "declared": declared.model_dump(mode="json"),
            "groups": list(self.panel.roster.groups),
            "notes": self.notes(),
            "sample_ratio_holds": self.panel.sample_ratio_holds,
            "verdicts": [self._verdict(path) for path in self.paths()],
            "path": [look.to_json() for look in self.looks],
            "provenance": provenance.environment(),
        }

    def paths(self) -> list[list[Look]]:
        """Looks by monitor and group, each in order of time."""
        found: dict[tuple[str, str], list[Look]] = {}
        for look in self.looks:
            found.setdefault((look.monitor, look.group), []).append(look)
        return list(found.values())

    def spoken(self) -> list[list[Look]]:
        """Paths of monitors that could work."""
        return [p for p in self.paths() if p[-1].state.verdict != "refused" or _first_stop(p) is not None]

    def tables(self) -> list[tuple[str, pd.DataFrame]]:
        """(name, one row a week) of the monitors that could work, ready to be drawn."""
        return [(_whose(p[0]), pd.DataFrame([vars(look.state) for look in p])) for p in self.spoken()]

    def notes(self) -> list[str]:
        """What should be known before any verdict is read."""
        panel, declared = self.panel, self.panel.declared
        found = []
        made = [seat.monitor.made_with for seat in panel.seats if seat.monitor is not None]
        if declared.weeks is None and any("weeks" in given for given in made):
            found.append(f"weeks: {panel.weeks}, as many as there are; valid only if so many were planned (--weeks)")
        if panel.roster.left_out:
            found.append(f"{panel.roster.left_out} newcomers after the first week are left out of comparisons")
        if declared.metric_is != "event" and declared.cap is None and any("mode" in given for given in made):
            found.append("no cap was declared: a few large users can hold up, or make, a verdict (--cap)")
        found += [f"{_whose(path[-1])}: {told}" for path in self.paths() for told in _unplanned(path[:-1])]
        return found

    def show(self) -> None:
        """Print for people: notes, verdicts, nulls, path."""
        groups = self.panel.roster.groups
        show(f"{self.file}: control {groups[0]!r} against {', '.join(repr(g) for g in groups[1:])}")
        for note in self.notes():
            show(f"note: {note}")
        if not self.panel.sample_ratio_holds:
            show("SAMPLE RATIO BROKEN: groups do not have the planned sizes; comparisons are refused")
        spoken = self.spoken()
        refused = [p for p in self.paths() if p not in spoken]
        print_rows([_brief(self._verdict(p)) for p in spoken], "verdicts, with the estimates of the last week")
        for path in spoken:
            state = path[-1].state
            show(f"  {_whose(path[-1])}: {state.null}{'; ' if state.reason else ''}{state.reason}")
        several = len(groups) > 2
        print_rows([_step(look, several=several) for p in spoken if _moves(p) for look in p], "week by week")
        if refused:
            show("\nrefused")
            for path in refused:
                show(f"  {_whose(path[-1])}: {path[-1].state.reason}")

    def _verdict(self, path: Sequence[Look]) -> dict[str, object]:
        stop, now = _first_stop(path), path[-1]
        return {
            "monitor": now.monitor,
            "group": now.group,
            "verdict": now.state.verdict if stop is None else stop.state.verdict,
            "week": now.state.week if stop is None else stop.state.week,
            "stopped": stop is not None,
            "estimate": now.state.estimate,
            "lower": now.state.lower,
            "upper": now.state.upper,
            "p_value": now.state.p_value,
            "validity": now.state.validity,
            "null": now.state.null,
            "reason": now.state.reason,
        }


def _unplanned(path: Sequence[Look]) -> list[str]:
    """What was said of looks beside the plan; the last look of a path says it with its null."""
    return [part for look in path for part in look.state.reason.split("; ") if part.startswith(UNPLANNED)]


def _first_stop(path: Sequence[Look]) -> Look | None:
    """None where comparisons turned out to be worthless, whatever was said before."""
    if path[-1].state.verdict == "refused" and "head-counts" in path[-1].state.reason:
        return None
    return next((look for look in path if look.state.verdict in STOPS), None)


def _moves(path: Sequence[Look]) -> bool:
    """Whether there is a path to show: a head-count made once has none."""
    first = path[0].state
    return any((look.state.log_e, look.state.estimate) != (first.log_e, first.estimate) for look in path)


def _brief(verdict: Row) -> Row:
    told = {k: verdict[k] for k in ("monitor", "group", "verdict", "week", "estimate", "lower", "upper")}
    return {**told, "validity": verdict["validity"]}


def _step(look: Look, *, several: bool) -> Row:
    s = look.state
    evidence = f"z {s.z:.3f}" if not math.isnan(s.z) else f"ln e {s.log_e:.3f}" if not math.isnan(s.log_e) else "-"
    about = {"monitor": look.monitor, **({"group": look.group} if several else {}), "week": s.week}
    interval = {"estimate": s.estimate, "lower": s.lower, "upper": s.upper}
    return {**about, **interval, "evidence": evidence, "stops at": s.boundary, "": s.verdict}


def _whose(look: Look) -> str:
    return f"{look.monitor} ({look.group})" if look.group else look.monitor
