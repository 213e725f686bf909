"""What only the simulator knows of a week, as columns called `true_...`; for truth files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.outcomes import DELAYED
from rage_env.state import Archetype, FraudType, Struct

__all__ = ["TRUE", "Depth", "Hidden"]

TRUE = "true_"
"""Begins the name of every column that no agent may see."""

Depth = Literal["seen", "state", "potential"]
"""How much of the truth is asked for: none; people, lives and accrued losses; every outcome under every arm too."""

Columns = dict[str, NDArray[Any]]
_NO_COLUMNS = ("user_id", "key")
_CODES = {"archetype": [a.name.lower() for a in Archetype], "fraud_type": [f.name.lower() for f in FraudType]}


@dataclass(frozen=True, eq=False)
class Hidden:
    """people, lives: {column: (n,)} before the week; accrued: delayed losses by the week that caused them.

    potential: {`true_<outcome>.<arm>`: (n,)} of that week; empty unless asked for.
    """

    people: Columns
    lives: Columns
    accrued: Columns
    potential: Columns

    @classmethod
    def before(cls, env: CohortEnv, depth: Depth) -> Hidden | None:
        """What is true before the coming week; None where nothing was asked for."""
        if depth == "seen":
            return None
        return cls(
            people=_named(env.traits),
            lives=_named(env.lives),
            accrued={},
            potential=_by_arm(env) if depth == "potential" else {},
        )

    def after(self, env: CohortEnv) -> Hidden:
        """The same with what the week caused."""
        ledger = env.truth.ledger()
        return replace(self, accrued={TRUE + c: ledger[c].copy() for c in DELAYED})


def _by_arm(env: CohortEnv) -> Columns:
    return {
        f"{TRUE}{column}.{arm}": np.ascontiguousarray(amounts[:, a])
        for column, amounts in env.truth.potential_outcomes().items()
        for a, arm in enumerate(env.arm_names)
    }


def _named(struct: Struct) -> Columns:
    """Copies of all columns, those that mechanisms added too; codes of latent types as words."""
    held = {f.name: getattr(struct, f.name) for f in fields(struct) if f.name not in _NO_COLUMNS}
    return {TRUE + name: _worded(name.split(".")[-1], column) for name, column in _flat(held)}


def _flat(held: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:  # Any: arrays, or a mapping of arrays
    for name, column in held.items():
        if isinstance(column, Mapping):
            yield from _flat(column)
        elif column.ndim == 1:
            yield name, column
        else:
            yield from ((f"{name}.{i}", row) for i, row in enumerate(column.reshape(-1, column.shape[-1])))


def _worded(name: str, column: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(_CODES[name], dtype=object)[column] if name in _CODES else column.copy()
