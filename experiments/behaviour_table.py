"""The behavioural table: a row a customer with 104 features, whether at risk, and whether late within 30 days.

The label looks four weeks ahead (28 days): in a world of weeks every payment falls due once in them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.behaviour import History, groups, history_of
from rage_env.errors import LogError
from rage_env.interface import Observation
from rage_env.log import WeekLog

__all__ = ["LABEL", "LABEL_WEEKS", "at_risk", "behavioural_table", "feature_catalogue", "features104", "late_within"]

LABEL = "late_30d"
LABEL_WEEKS = 4

SIGNS = 2
"""Kinds of warning sign within eight weeks from which a customer is watched (assumed)."""

Bools = NDArray[np.bool_]


def features104(history: History) -> pd.DataFrame:
    """The 104 features, one float64 column each, a row a customer (index user_id), every value finite."""
    columns = {f.name: np.asarray(f.read(history), np.float64) for fs in groups().values() for f in fs}
    return pd.DataFrame(columns, index=pd.Index(history.user_id, name="user_id"))


def feature_catalogue() -> pd.DataFrame:
    """A row a feature: name, group, unit, meaning."""
    rows = [(f.name, group, f.unit, f.meaning) for group, fs in groups().items() for f in fs]
    return pd.DataFrame(rows, columns=["name", "group", "unit", "meaning"])


def at_risk(features: pd.DataFrame) -> Bools:
    """(n,) who belongs on the panel that a bank watches: repays a loan, and is in arrears or showed enough signs."""
    watched = (features["months_late"] > 0) | (features["signs_8w"] >= SIGNS)
    return np.asarray(watched & (features["in_default"] == 0), np.bool_)


def late_within(history: History, outcome: Sequence[WeekLog]) -> Bools:
    """(n,) who misses a payment in the weeks `outcome`, which follow the history. Raises LogError for other weeks."""
    weeks = [log.week for log in outcome]
    if weeks != list(range(history.week, history.week + LABEL_WEEKS)):
        raise LogError(
            f"label: needs weeks {history.week} to {history.week + LABEL_WEEKS - 1}, those after the history; got "
            f"{weeks}. Live four weeks more and hand over their logs."
        )
    late = [(log.columns["late"] > 0) & (log.user_id == history.user_id) for log in outcome]
    return np.asarray(np.any(late, axis=0), np.bool_)


def behavioural_table(
    logs: Sequence[WeekLog],
    seen: Observation,
    feature_names: Sequence[str],
    *,
    outcome: Sequence[WeekLog] = (),
    only_at_risk: bool = False,
) -> pd.DataFrame:
    """user_id, week, at_risk, the label where `outcome` is given, and 104 features, of everybody who is present.

    logs: at least 8 consecutive weeks up to `seen`; outcome: the four weeks after it.
    """
    history = history_of(logs, seen, feature_names)
    features = features104(history)
    panel = at_risk(features) & history.present
    keys = {"user_id": history.user_id, "week": np.full(len(features), history.week), "at_risk": panel}
    if outcome:
        keys[LABEL] = late_within(history, outcome)
    table = pd.concat([pd.DataFrame(keys), features.reset_index(drop=True)], axis=1)
    return table[panel if only_at_risk else history.present].reset_index(drop=True)
