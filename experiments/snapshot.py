"""A snapshot of customers, so many of each tier of risk; for worlds that sort their users into tiers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.data_files import Format
from experiments.data_tables import users_table
from experiments.hidden import Depth, Hidden
from experiments.history import History, Plan
from experiments.interrupts import told_of_an_end
from experiments.simulate import print_files
from experiments.single_file import SingleFile, format_of
from rage_env.errors import ConfigError

__all__ = ["TIER", "TIERS", "Mix", "chosen", "snapshot_command", "tables_of"]

TIER = "tier"
"""The segment that must say each user's tier, as an index into TIERS."""

TIERS = ("low", "medium", "high")
_ABOUT = "a row a customer, as observed in week 0"
_FIRST_POOL, _MOST_POOL = 2, 256  # users drawn for every customer asked for

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Mix:
    """How many customers, and which share of each tier."""

    count: int
    low: float
    medium: float
    high: float

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"--count: at least one customer, got {self.count}")
        shares = (self.low, self.medium, self.high)
        if not all(0 <= s <= 1 for s in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-9):
            told = ", ".join(f"--{t} {s:g}" for t, s in zip(TIERS, shares, strict=True))
            raise ConfigError(
                f"{told}: shares of the tiers lie between 0 and 1 and sum to 1; these sum to {sum(shares):g}"
            )

    @classmethod
    def of(cls, count: int | None, low: float | None, medium: float | None, high: float | None) -> Self:
        """From options of which some may be missing. Raises ConfigError naming them."""
        missing = [f"--{name}" for name, held in zip(TIERS, (low, medium, high), strict=True) if held is None]
        if count is None or low is None or medium is None or high is None:
            raise ConfigError(f"{', '.join(missing)}: missing; a snapshot needs --count and the share of every tier")
        return cls(count, low, medium, high)

    @property
    def wanted(self) -> Ints:
        """(3,) whole customers of each tier that sum to count: largest remainders are rounded up."""
        exact = np.array([self.low, self.medium, self.high]) * self.count
        whole = np.floor(exact + 1e-9).astype(np.int64)
        whole[np.argsort(whole - exact, kind="stable")[: self.count - int(whole.sum())]] += 1
        return whole


def snapshot_command(
    plan: Plan, mix: Mix, out: Path, *, kind: Format | None, depth: Depth, force: bool, as_json: bool
) -> None:
    """Write the customers to one file and print what was written. Raises ConfigError where the world has no tiers."""
    file = SingleFile(out, format_of(out, kind), force=force)
    with told_of_an_end(out):
        history, rows = chosen(plan, mix, depth)
        files = file.write(_ABOUT, *tables_of(history, rows), history.plan, history.env.features)
    print_files(files, out.parent, as_json=as_json)


def chosen(plan: Plan, mix: Mix, depth: Depth = "seen") -> tuple[History, Bools]:
    """A cohort at its week 0 and (n,) who of it is in the snapshot: the first by user_id in every tier.

    People do not depend on how many are drawn, so more are drawn until every tier is full. Raises ConfigError.
    """
    users = _FIRST_POOL * mix.count
    while True:
        history = History(replace(plan, users=users), depth)
        tier, present = _tiers(history), history.seen.present
        there = np.bincount(tier[present], minlength=len(TIERS))
        if (there >= mix.wanted).all():
            return history, np.any([_first(present & (tier == t), n) for t, n in enumerate(mix.wanted)], axis=0)
        if users >= _MOST_POOL * mix.count:
            raise ConfigError(_too_few(plan, mix, there, users))
        users *= 2


def tables_of(history: History, rows: Bools) -> tuple[pa.Table, pa.Table | None]:
    """Those customers with their tier by name, and what is true of them where the history says so."""
    seen, hidden = history.seen, Hidden.before(history.env, history.depth)
    table = users_table(seen, rows, history.env.features)
    names = pa.array(np.asarray(TIERS, dtype=object)[_tiers(history)[rows]], pa.string())
    told = table.set_column(table.column_names.index(TIER), TIER, names)
    if hidden is None:
        return told, None
    truth = {name: column[rows] for name, column in {**hidden.people, **hidden.lives}.items()}
    return told, pa.table({"user_id": seen.user_id[rows], **truth})


def _tiers(history: History) -> Ints:
    """(n,) each user's tier. Raises ConfigError for a world that has none."""
    world, held = history.plan.world.name, history.seen.segments
    if TIER not in held:
        raise ConfigError(
            f"{world}: sorts its users into no tiers of risk (its segments: {', '.join(held)}), so there is no mix of "
            "them to take; leave out --count, --low, --medium and --high, or take a world with a segment 'tier'"
        )
    codes = np.asarray(held[TIER], np.int64)
    if codes.min() < 0 or codes.max() >= len(TIERS):
        raise ConfigError(f"{world}: has tier {codes.max()}; a snapshot knows {', '.join(TIERS)} as 0, 1, 2")
    return codes


def _first(of: Bools, count: int) -> Bools:
    return of & (np.cumsum(of) <= count)


def _too_few(plan: Plan, mix: Mix, there: Ints, users: int) -> str:
    lacking = int(np.argmax(mix.wanted - there))
    return (
        f"--{TIERS[lacking]}: {mix.wanted[lacking]} customers of this tier are asked for, and among {users} users of "
        f"{plan.world.name} there are {there[lacking]}; ask for fewer of them"
    )
