"""A log as Vowpal Wabbit's text for contextual bandits: `action:cost:probability | features`, one line a row.

Actions count from 1, costs are rewards with the sign turned, and numbers are written so that they read back exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa

from experiments.estimators._log import outcome
from experiments.reward_model import features_of
from rage_env.errors import LogError
from rage_env.log import FEATURE_PREFIX, validate_log

__all__ = ["to_vw"]

_BATCH = 65_536
_TAKEN = str.maketrans({":": "_", "|": "_", " ": "_", "\t": "_", "\n": "_"})


def to_vw(table: pa.Table, n_actions: int, file: str | Path | TextIO, metric: str = "reward") -> int:
    """Write the log for `vw --cb n_actions` or `--cb_explore n_actions`; returns the number of lines.

    Departed users are left out; features stand in the namespace `x`.
    Raises LogError for an invalid log, and for one that withholds propensities.
    """
    validate_log(table, k=n_actions)
    if "present" in table.column_names:
        table = table.filter(table["present"])
    if np.isnan(np.asarray(table["propensity"].to_numpy(zero_copy_only=False), dtype=np.float64)).any():
        raise LogError("export to vw: the log withholds its propensities, and every line needs its probability")
    if isinstance(file, str | Path):
        with Path(file).open("w", encoding="utf-8") as opened:
            opened.writelines(_lines(table, metric))
    else:
        file.writelines(_lines(table, metric))
    return int(table.num_rows)


def _lines(table: pa.Table, metric: str) -> Iterator[str]:
    names = [c.removeprefix(FEATURE_PREFIX).translate(_TAKEN) for c in table.column_names if c.startswith("x_")]
    for start in range(0, table.num_rows, _BATCH):
        part = table.slice(start, _BATCH)
        cost = (-np.asarray(outcome(part, metric), dtype=np.float64)).tolist()
        arm, chance = part["arm"].to_pylist(), part["propensity"].to_pylist()
        for a, c, p, row in zip(arm, cost, chance, features_of(part).tolist(), strict=True):
            told = " ".join(f"{name}:{value!r}" for name, value in zip(names, row, strict=True) if value)
            yield f"{int(a) + 1}:{c!r}:{p!r} |x {told}\n"
