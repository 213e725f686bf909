"""What a log is made of, in memory: weekly rows, late reports, and what a log says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.outcomes import DELAYED, IMMEDIATE, LEDGER_VERSION

__all__ = ["LogMeta", "Reports", "WeekLog"]


@dataclass(frozen=True, eq=False)
class Reports:
    """Delayed amounts that became known: one row per user, accrual week and column. Arrays: (r,)."""

    user_id: NDArray[np.int64]
    accrual_week: NDArray[np.int32]  # negative: caused during burn-in
    reported_week: NDArray[np.int32]
    column: NDArray[np.int8]  # index into outcomes.DELAYED
    amount: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, f)) for f in self.__dataclass_fields__}
        if len(lengths) > 1:
            raise LogError(f"reports: arrays of different lengths {sorted(lengths)}")
        if len(self.user_id) and (self.reported_week < self.accrual_week).any():
            row = int(np.argmax(self.reported_week < self.accrual_week))
            raise LogError(f"reports row {row}: reported in week {self.reported_week[row]}, before it happened")

    def __len__(self) -> int:
        return len(self.user_id)

    @classmethod
    def empty(cls) -> Self:
        """No reports."""
        z32 = np.empty(0, np.int32)
        return cls(np.empty(0, np.int64), z32, z32, np.empty(0, np.int8), np.empty(0, np.float32))

    @classmethod
    def concat(cls, parts: Sequence[Reports]) -> Self:
        """All parts, in order."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(p, f) for p in parts]) for f in cls.__dataclass_fields__))

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Self:
        """Rows where `keep` (len,) is true, or the rows it lists."""
        return type(self)(*(getattr(self, f)[keep] for f in self.__dataclass_fields__))

    def amounts(self, column: str) -> Self:
        """Rows of one delayed column."""
        return self.where(self.column == DELAYED.index(column))


@dataclass(frozen=True, eq=False)
class WeekLog:
    """One week of every assigned user: what was decided, with which probability, and what is known at once.

    Departed users keep their row: arm 0, propensity 1, outcomes 0, `present` False. `columns` holds immediate
    ledger columns only; delayed ones arrive as Reports. Propensities that are withheld are nan in every row.
    """

    week: int
    user_id: NDArray[np.int64]  # (n,)
    unit: NDArray[np.int64]  # (n,)
    present: NDArray[np.bool_]  # (n,)
    arm: NDArray[np.int64]  # (n,)
    propensity: NDArray[np.float32]  # (n,), as drawn from
    features: NDArray[np.float32]  # (n, d), before the week
    columns: Mapping[str, NDArray[np.float32]]  # {immediate column: (n,)}
    probs: NDArray[np.float32] | None = None  # (n, k)

    def __post_init__(self) -> None:
        n = len(self.user_id)
        for name in ("unit", "present", "arm", "propensity", "features"):
            if len(getattr(self, name)) != n:
                raise LogError(f"week {self.week}: {name} has {len(getattr(self, name))} rows for {n} users")
        missing = [c for c in IMMEDIATE if c not in self.columns]
        foreign = [c for c in self.columns if c not in IMMEDIATE]
        if missing or foreign:
            raise LogError(f"week {self.week}: columns missing {missing}, not immediate ledger columns {foreign}")
        p, withheld = self.propensity, self.withheld
        if withheld and self.probs is not None:
            raise LogError(f"week {self.week}: probs stand beside withheld propensities; leave both out or neither")
        _refuse(self, ~((p > 0) & (p <= 1)) & ~withheld, "propensity", "lies in (0, 1]")
        _refuse(self, self.arm < 0, "arm", "is an index of an arm")
        for name, column in self.columns.items():
            if len(column) != n:
                raise LogError(f"week {self.week}: {name} has {len(column)} rows for {n} users")
            _refuse(self, ~np.isfinite(column), name, "is finite")
        gone = ~self.present
        moved = (self.arm != 0) | ((p != 1) & ~withheld)
        _refuse(self, gone & moved, "arm", "is 0 with propensity 1 after a user left")
        if self.probs is not None:
            _refuse(self, np.abs(self.probs.sum(axis=1) - 1) > 1e-4, "probs", "sum to 1")
            taken = np.take_along_axis(self.probs, self.arm[:, None], axis=1)[:, 0]
            _refuse(self, np.abs(taken - p) > 1e-5, "propensity", "equals the probability of the arm taken")

    @property
    def n(self) -> int:
        """Rows: every assigned user, departed ones too."""
        return len(self.user_id)

    @property
    def withheld(self) -> np.bool_:
        """The week does not say with which probabilities arms were drawn."""
        return np.bool_(self.n > 0) & np.isnan(self.propensity).all()

    def without_propensities(self) -> WeekLog:
        """The same week for readers who may not know, or were never told, how arms were drawn."""
        return replace(self, propensity=np.full_like(self.propensity, np.nan), probs=None)


def _refuse(week: WeekLog, bad: NDArray[np.bool_], column: str, rule: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        held = week.columns[column] if column in week.columns else getattr(week, column)
        raise LogError(f"week {week.week}, row {row} (user {week.user_id[row]}): {column} {rule}; got {held[row]}")


@dataclass(frozen=True)
class LogMeta:
    """What a log must say of itself to be read alone."""

    arm_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    retention_value_usd: float = 0.0
    scenario: str = ""
    config_hash: str = ""
    seed: int = 0
    agent: str = ""
    ledger_version: int = LEDGER_VERSION
    reported_share: dict[str, tuple[float, ...]] = field(default_factory=dict)
    provenance: dict[str, object] = field(default_factory=dict)  # what made it, as plain JSON; the world reads none

    def to_bytes(self) -> dict[bytes, bytes]:
        """Parquet key-value metadata."""
        return {b"rage": json.dumps(self.__dict__, sort_keys=True).encode()}

    @classmethod
    def from_bytes(cls, metadata: Mapping[bytes, bytes] | None, where: str) -> Self:
        """Inverse of to_bytes. Raises LogError for a file that RAGE did not write, another schema, damaged metadata."""
        if not metadata or b"rage" not in metadata:
            raise LogError(f"{where}: not a RAGE log (no 'rage' metadata); use a mapping file for foreign logs")
        try:
            return cls._from_json(json.loads(metadata[b"rage"]), where)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LogError(f"{where}: its 'rage' metadata are damaged ({error}); run the experiment again") from error

    @classmethod
    def _from_json(cls, raw: dict[str, Any], where: str) -> Self:  # Any: fields of every type
        if raw.get("ledger_version") != LEDGER_VERSION:
            raise LogError(
                f"{where}: ledger version {raw.get('ledger_version')}, this RAGE reads {LEDGER_VERSION}; "
                "run the experiment again or read it with the version that wrote it"
            )
        raw["arm_names"] = tuple(raw["arm_names"])
        raw["feature_names"] = tuple(raw["feature_names"])
        raw["reported_share"] = {c: tuple(s) for c, s in raw["reported_share"].items()}
        return cls(**raw)
