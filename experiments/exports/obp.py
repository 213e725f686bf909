"""A log as Open Bandit Pipeline's `bandit_feedback`: a dict of arrays (Saito, Aihara, Matsutani and Narita 2021)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._log import outcome
from experiments.reward_model import features_of
from rage_env.errors import LogError
from rage_env.log import PROB_PREFIX, validate_log

__all__ = ["to_obp", "write_obp"]

ARRAYS = ("context", "action", "reward", "pscore", "pi_b", "user_id", "week")


def to_obp(table: pa.Table, n_actions: int, metric: str = "reward") -> dict[str, Any]:
    """obp's keys: n_rounds, n_actions, action, reward, position, pscore, context (n, d), pi_b (n, k, 1) or None.

    position is None: a week has one place for an offer. user_id and week are ours; obp passes over them. Departed users
    are left out: nothing was decided for them. Any: obp's own dict of numbers, arrays and None.
    Raises LogError for an invalid log and for one that withholds its propensities, which obp cannot hold.
    """
    validate_log(table, k=n_actions)
    if "present" in table.column_names:
        table = table.filter(table["present"])
    pscore = np.asarray(table["propensity"].to_numpy(zero_copy_only=False), dtype=np.float64)
    if np.isnan(pscore).any():
        raise LogError("export to obp: the log withholds its propensities, and every round of obp needs its pscore")
    return {
        "n_rounds": table.num_rows,
        "n_actions": n_actions,
        "action": np.asarray(table["arm"].to_numpy()).astype(np.int64),
        "reward": np.asarray(outcome(table, metric), dtype=np.float64),
        "position": None,
        "pscore": pscore,
        "context": features_of(table),
        "pi_b": _behaviour(table, n_actions),
        "user_id": np.asarray(table["user_id"].to_numpy(zero_copy_only=False)),
        "week": np.asarray(table["week"].to_numpy()),
    }


def _behaviour(table: pa.Table, k: int) -> NDArray[np.float64] | None:
    """(n, k, 1) what the log drew from, where it kept that."""
    names = [c for c in table.column_names if c.startswith(PROB_PREFIX)]
    if len(names) != k:
        return None
    return np.stack([np.asarray(table[c].to_numpy(), dtype=np.float64) for c in names], axis=1)[:, :, None]


def write_obp(table: pa.Table, n_actions: int, file: Path, metric: str = "reward") -> int:
    """The dict as an npz file of plain arrays, None left out; `np.load` reads it. Returns the rounds."""
    found = to_obp(table, n_actions, metric)
    for name in ("user_id", "week"):
        if found[name].dtype == object:
            found[name] = found[name].astype(str)  # npz without pickles
    held = {name: found[name] for name in ARRAYS if found[name] is not None}
    np.savez_compressed(file, n_rounds=found["n_rounds"], n_actions=n_actions, **held)
    return int(found["n_rounds"])
