"""The tables that a lived world is handed out as: who the users are, what became of them, what only we know."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import rage_env
from experiments import provenance
from experiments.behaviour_table import feature_catalogue
from experiments.hidden import TRUE
from experiments.history import LivedWeek, Plan
from rage_env.features import FeatureTable
from rage_env.interface import Observation
from rage_env.log import FEATURE_PREFIX, PROB_PREFIX, Reports
from rage_env.outcomes import DELAYED, LEDGER, LEDGER_VERSION

__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "described",
    "empty_where_withheld",
    "reports_table",
    "truth_users_table",
    "truth_weekly_table",
    "users_table",
]

SCHEMA_VERSION = 1
"""Raised whenever a table or the meaning of a column changes."""

TABLES = {
    "users": "a row a user, as first observed",
    "behavior_weekly": "a row a user-week; delayed columns as reported by the end of the last week",
    "reports": "a row for each delayed amount that became known, burn-in weeks included (accrual_week below 0)",
    "behaviour": "a row a customer present in week 0: 104 features of the weeks before, and what came of it",
    "truth": "a row a user: what only the simulator knows of the person",
    "truth_weekly": "a row a user-week: state before the week, and losses by the week that caused them",
}

_MEANING = {
    "user_id": ("id", "a person; a slot that is filled again gets a new one"),
    "first_week": ("week", "first week in which the user was observed"),
    "week": ("week", "week of the world, from 0"),
    "unit": ("id", "rows of one unit share a decision"),
    "present": ("true/false", "still there when the week began; those who left keep a row with arm 0"),
    "arm": ("code", "index into `arms`"),
    "propensity": ("share", "probability with which this arm was drawn; empty in every row where it is withheld"),
    "reward": ("usd", "net revenue less the retention value of who left, as known at the end"),
    "accrual_week": ("week", "week that caused the amount"),
    "reported_week": ("week", "week in which it became known"),
    "column": ("name", "delayed column of the ledger"),
    "amount": ("usd or count", "as the column's"),
    "at_risk": ("true/false", "on the panel that a bank watches: in arrears, or with enough warning signs"),
    "late_30d": ("true/false", "missed a payment in the four weeks from week 0 on"),
}
_LEDGER = {c.name: (c.unit, c.meaning) for c in LEDGER}

Columns = Mapping[str, NDArray[Any]]


def users_table(seen: Observation, new: NDArray[np.bool_], features: FeatureTable) -> pa.Table:
    """Those users who are `new` (n,), with what is observed of them now."""
    data: dict[str, NDArray[Any]] = {
        "user_id": seen.user_id[new],
        "first_week": np.full(int(new.sum()), seen.week, np.int32),
        "unit": seen.unit[new],
    }
    data |= {name: codes[new] for name, codes in seen.segments.items()}
    data |= {FEATURE_PREFIX + name: seen.features[new, j] for j, name in enumerate(features.names)}
    return pa.table(data)


def reports_table(reports: Reports) -> pa.Table:
    """Reports with the name of their column."""
    names = np.asarray(DELAYED, dtype=object)[reports.column]
    data = {f: getattr(reports, f) for f in Reports.__dataclass_fields__}
    return pa.table({**data, "column": pa.array(names, pa.string())})


def empty_where_withheld(weeks: pa.Table) -> pa.Table:
    """The same weeks with no value, rather than one that is no number, where propensities are withheld."""
    at = weeks.column_names.index("propensity")
    held = weeks.column(at)
    return weeks.set_column(at, weeks.schema.field(at), pc.if_else(pc.is_nan(held), pa.scalar(None, held.type), held))


def truth_users_table(lived: LivedWeek, new: NDArray[np.bool_]) -> pa.Table:
    """Lasting traits of the week's `new` users, latent ones too."""
    assert lived.hidden is not None
    people = {name: column[new] for name, column in lived.hidden.people.items()}
    return pa.table({"user_id": lived.seen.user_id[new], **people})


def truth_weekly_table(lived: LivedWeek) -> pa.Table:
    """The state before the week, what the week caused, and every outcome under every arm where that was asked for."""
    hidden = lived.hidden
    assert hidden is not None
    keys = {"user_id": lived.log.user_id, "week": np.full(lived.log.n, lived.log.week, np.int32)}
    return pa.table({**keys, **hidden.lives, **hidden.accrued, **hidden.potential})


def described(name: str, schema: pa.Schema, plan: Plan, features: FeatureTable) -> dict[str, object]:
    """What a table says of itself: where it comes from, and unit and meaning of every column."""
    world = plan.world
    return {
        "schema_version": SCHEMA_VERSION,
        "table": name,
        "about": TABLES.get(name, ""),
        "scenario": world.name,
        "scenario_hash": plan.scenario_hash,
        "seed": plan.seed,
        "users": plan.users,
        "weeks": plan.weeks,
        "burn_in_weeks": world.burn_in_weeks,
        "policy": plan.policy,
        "policy_params": dict(plan.params),
        "population": plan.population,
        "newborn": plan.newborn,
        "arms": list(world.arm_names),
        "retention_value_usd": world.retention_value_usd,
        "rage_version": rage_env.__version__,
        "ledger_version": LEDGER_VERSION,
        "provenance": provenance.environment(),
        "columns": [_column(f.name, str(f.type), features) for f in schema],
    }


def _column(name: str, kind: str, features: FeatureTable) -> dict[str, object]:
    unit, meaning = _meaning(name, features)
    return {"name": name, "type": kind, "unit": unit, "meaning": meaning}


def _meaning(name: str, features: FeatureTable) -> tuple[str, str]:
    if name.startswith(TRUE):
        return "", "known to the simulator only"
    if name.startswith(FEATURE_PREFIX) and (own := name.removeprefix(FEATURE_PREFIX)) in features.names:
        j = features.names.index(own)
        return "", f"feature before the week, from {features.low[j]:g} to {features.high[j]:g}"
    if name.startswith(PROB_PREFIX):
        return "share", "probability of this arm, after guardrails"
    return _MEANING.get(name) or _LEDGER.get(name) or _behaviour().get(name) or ("code", "segment the user belongs to")


@cache
def _behaviour() -> Mapping[str, tuple[str, str]]:
    """{behavioural feature: (unit, meaning)}."""
    return {row.name: (row.unit, row.meaning) for row in feature_catalogue().itertuples(index=False)}
