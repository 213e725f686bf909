"""Reads somebody's weekly log, one row a user and week, into a panel. What is wrong is told by user and week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from experiments.calibration.log_rules import Rows, check_rows
from experiments.calibration.moments import measured
from experiments.calibration.simulate import LARGEST
from experiments.calibration.target import Ages, Departures, Design, Target
from experiments.facts.panel import Bools, Floats, Panel
from experiments.foreign_log import column_of, numbers_of, read_table
from experiments.named import naming
from rage_env.errors import LogError
from rage_env.yamlfile import load

__all__ = ["WeeklyMapping", "read_target"]

ALIASES: Mapping[str, tuple[str, ...]] = {
    "user_id": ("user", "customer_id", "customer"),
    "week": (),
    "active": (),
    "gmv": ("spend", "amount"),
    "transactions": ("orders",),
    "contacts": ("contacted",),
    "churned": (),
    "late": (),
    "present": (),
}
"""{our column: names it is found under when no mapping says otherwise}."""


class WeeklyMapping(BaseModel):
    """Which column of a foreign weekly log plays which role; roles that are left out are looked for by name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    user_id: str | None = None
    week: str | None = None
    active: str | None = None
    gmv: str | None = None
    transactions: str | None = None
    contacts: str | None = None
    churned: str | None = None
    late: str | None = None
    present: str | None = None


Roles = Mapping[str, str]  # {our column: theirs}


def read_target(path: Path, *, mapping: Path | None = None, ages: Ages = "mixed", sparse: bool = False) -> Target:
    """The log's moments with how its people were watched.

    sparse: rows stand for active weeks only, all others count as inactive. Raises LogError by user, week and rule.
    """
    told = load(WeeklyMapping, mapping) if mapping else WeeklyMapping()
    with naming(path):
        raw = read_table(_file(path))
        found = dict(_roles(raw, told))
        rows = _rows(raw, found)
        check_rows(rows, sparse=sparse)
        panel, later = _panel(rows)
    design = _design(panel, rows, ages, _departures(panel, found, sparse))
    notes = _notes(panel, later, design, rows)
    return Target(path.name, path.name, design, measured(panel), notes=tuple(notes))


def _file(path: Path) -> Path:
    inside = path / "log.parquet"
    if path.is_dir():
        if not inside.is_file():
            raise LogError(f"{path}: is a folder without log.parquet; give a CSV or Parquet file, or a log folder")
        return inside
    if not path.is_file():
        raise LogError(f"{path}: no such log; give a CSV or Parquet file with one row a user and week")
    return path


def _roles(raw: pa.Table, mapping: WeeklyMapping) -> Iterator[tuple[str, str]]:
    for role, aliases in ALIASES.items():
        said = getattr(mapping, role)
        if said is not None:
            column_of(raw, said, f"mapping, {role}")
            yield role, said
            continue
        there = [name for name in (role, *aliases) if name in raw.column_names]
        if there:
            yield role, there[0]


def _rows(raw: pa.Table, found: Roles) -> Rows:
    lacking = [role for role in ("user_id", "week") if role not in found]
    if "active" not in found and "gmv" not in found:
        lacking.append("active or gmv")
    if lacking:
        have = ", ".join(raw.column_names)
        raise LogError(
            f"columns: {', '.join(lacking)} missing; the file has {have}. Rename them, or say with --mapping FILE "
            "which column plays which role (e.g. `user_id: customer`)"
        )
    if not raw.num_rows:
        raise LogError("the log has no rows; give one row a user and week")
    _refuse_dates(found["week"], raw[found["week"]].type)
    held = {role: numbers_of(raw, name, role) for role, name in found.items() if role != "user_id"}
    ids = column_of(raw, found["user_id"], "user_id").combine_chunks().dictionary_encode()
    user = np.asarray(ids.indices.to_numpy(zero_copy_only=False)).astype(np.int64)
    week = held.pop("week")
    held.setdefault("active", (held.get("gmv", np.zeros(0)) > 0).astype(np.float64))
    has_spend = "gmv" in held
    held.setdefault("gmv", np.zeros(len(user)))
    return Rows(tuple(map(str, ids.dictionary.to_pylist())), user, week, held, has_spend)


def _refuse_dates(name: str, kind: pa.DataType) -> None:
    if pa.types.is_temporal(kind):
        raise LogError(
            f"column {name}: weeks are counted by whole numbers, got {kind}; give the days since the first Monday "
            "divided by 7, rounded down"
        )


def _panel(rows: Rows) -> tuple[Panel, int]:
    """The panel of those there in the first week, and how many joined later and are left out."""
    first, t, n = int(rows.week.min()), int(np.ptp(rows.week)) + 1, len(rows.names)
    at = (rows.week.astype(np.int64) - first, rows.user)
    arrays = {name: _spread(values, at, (t, n)) for name, values in rows.columns.items()}
    there = np.zeros((t, n), np.bool_)
    there[at] = True
    present = _presence(arrays, there, rows)
    who = present[0]
    panel = Panel(arrays.pop("active"), arrays.pop("gmv"), present, arrays).of(who)
    return panel, int((~who).sum())


def _spread(values: Floats, at: tuple[NDArray[np.int64], NDArray[np.int64]], shape: tuple[int, int]) -> Floats:
    out = np.zeros(shape)
    out[at] = values
    return out


def _presence(arrays: Mapping[str, Floats], there: Bools, rows: Rows) -> Bools:
    """(t, n) customer when the week began: by the log's own column, else from the first row to the departure."""
    if "present" in arrays:
        return arrays["present"] > 0
    if rows.sparse:
        there = np.ones_like(there)
    if "churned" in arrays:
        left = np.cumsum(arrays["churned"], axis=0) > 0
        there = there.copy()
        there[1:] &= ~left[:-1]
    return there


def _departures(panel: Panel, found: Roles, sparse: bool) -> Departures:
    if sparse and "churned" not in found and "present" not in found:
        return "unseen"
    return "none" if panel.present.all() else "seen"


def _design(panel: Panel, rows: Rows, ages: Ages, departures: Departures) -> Design:
    contacts = panel.columns.get("contacts")
    share = 0.0 if contacts is None else float((contacts[panel.present] > 0).mean())
    kept = tuple(c for c in ("transactions", "late") if c in panel.columns)
    known = panel.weeks if rows.sparse else 0  # a sparse log knows only who was active at all
    return Design(min(panel.users, LARGEST), panel.weeks, ages, departures, known, share, kept)


def _notes(panel: Panel, later: int, design: Design, rows: Rows) -> Iterator[str]:
    if later:
        yield f"{later} users joined after the first week and are left out; {panel.users} are used"
    if panel.users > design.users:
        yield f"moments are those of all {panel.users} users; {design.users} are simulated, which widens intervals"
    if design.contact_share:
        yield (
            f"users were contacted in {design.contact_share:.1%} of weeks; simulations contact as many at random, with "
            "the scenario's status-quo arm and its assumed effects"
        )
    if design.ages == "mixed" and design.departures == "seen":
        yield "ages at the start are taken to be those of a company of long standing; newborn cohorts: --newborn"
    if design.active_within:
        yield "without rows for idle weeks, who joined later cannot be told from who was idle at first"
    if not rows.has_spend:
        yield "the log has no spend; parameters of spending stay as they are"
