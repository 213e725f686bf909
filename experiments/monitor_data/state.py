"""A stream's monitors on disk: one zip of plain arrays and JSON, from which another process goes on."""

from __future__ import annotations

import json
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from experiments import provenance
from experiments.monitor_data.clock import Clock
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.panel import Panel
from experiments.monitor_data.rows import Units
from experiments.monitor_data.seats import Seat
from experiments.monitors import storage
from experiments.monitors.once import Assigned
from rage_env.errors import ConfigError, LogError
from rage_env.whole_file import whole_file

__all__ = ["FORMAT", "read_state", "write_state"]

FORMAT = 1
"""Version of the file; a file with a higher one was written by a later release."""

_FACTS, _ROSTER = "facts.json", "roster.npz"
_LATER = ("looked",)  # may be added to while the experiment runs


def write_state(panel: Panel, path: Path) -> None:
    """Replace `path` by the panel as it stands, whole or not at all."""
    clock, roster = panel.clock, panel.roster
    facts = {
        "format": FORMAT,
        "declared": panel.declared.model_dump(mode="json"),
        "weeks": panel.weeks,
        "first_week": panel.first_week,
        "clock": {"first": None if clock.first is None else clock.first.isoformat(), "numbers": clock.numbers},
        "units": {"words": panel.units.words, "numbers": panel.units.numbers},
        "roster": {"groups": roster.groups, "week": roster.week, "left_out": roster.left_out},
        "provenance": provenance.environment(),
        "seats": [{"kind": s.kind, "group": s.group, "refusal": s.refusal} for s in panel.seats],
    }
    with whole_file(path) as part, tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(part, "w") as archive:
        beside = Path(folder)
        known = np.empty(0) if roster.covariate is None else roster.covariate
        seen = roster.seen
        np.savez(
            beside / _ROSTER, unit=seen.unit, group=seen.group, enrolled=roster.unit, groups=roster.group, known=known
        )
        for i, seat in enumerate(panel.seats):
            if seat.monitor is not None:
                storage.write(seat.monitor, beside / _name(i))
        for file in sorted(beside.iterdir()):
            archive.write(file, file.name)
        archive.writestr(_FACTS, json.dumps(facts))


def read_state(path: Path, declared: Declaration) -> Panel:
    """The panel as it was written. Raises LogError for a file that is none of ours, ConfigError for another plan."""
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            facts = json.loads((Path(folder) / _FACTS).read_text(encoding="utf-8"))
            if not isinstance(facts, dict) or not isinstance(facts.get("format"), int) or facts["format"] > FORMAT:
                raise LogError(f"{path}: was written by a later release, or is no state; this one reads up to {FORMAT}")
            _check_same_plan(path, _kept(path, facts["declared"]), declared)
            return _panel(Path(folder), facts, declared)
    except (KeyError, ValueError, TypeError, IndexError, OSError, zipfile.BadZipFile) as error:
        raise LogError(f"{path}: is no readable state of a stream ({error}); feed its weeks again") from error


def _kept(path: Path, told: object) -> Declaration:
    """The declaration in the state. Raises LogError for one that this release would not have written."""
    try:
        return Declaration.model_validate_json(json.dumps(told))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LogError(
            f"{path}: was declared to another release: {where}: {first['msg']}; use that one, or feed its weeks again"
        ) from error


def _check_same_plan(path: Path, kept: Declaration, declared: Declaration) -> None:
    problems = [
        f"{name}: {now!r} is declared for data seen under {before!r} (state {path}); what was declared before the data "
        "is kept: leave it as it was, or begin anew with another --state"
        for name in Declaration.model_fields
        if (now := getattr(declared, name)) != (before := getattr(kept, name)) and name not in _LATER
    ]
    if problems:
        raise ConfigError(problems)


def _panel(folder: Path, facts: dict[str, Any], declared: Declaration) -> Panel:  # Any: JSON, checked as it is used
    first, units = facts["clock"]["first"], facts["units"]
    clock = Clock(None if first is None else date.fromisoformat(first), facts["clock"]["numbers"])
    panel = Panel(declared, Units(list(units["words"]), bool(units["numbers"])), clock, facts["weeks"])
    panel.first_week = facts["first_week"]
    roster = panel.roster
    roster.groups, roster.week = tuple(facts["roster"]["groups"]), facts["roster"]["week"]
    roster.left_out = int(facts["roster"]["left_out"])
    with np.load(folder / _ROSTER, allow_pickle=False) as held:
        roster.seen = Assigned(held["unit"], held["group"])
        roster.unit, roster.group = held["enrolled"], held["groups"]
        roster.covariate = held["known"] if declared.covariate is not None else None
    panel.seats = [
        Seat(s["kind"], s["group"], storage.read(at) if (at := folder / _name(i)).is_file() else None, s["refusal"])
        for i, s in enumerate(facts["seats"])
    ]
    return panel


def _name(i: int) -> str:
    return f"monitor_{i}.npz"
