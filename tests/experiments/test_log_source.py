"""A log of ours whose files are whole but whose rows contradict each other is refused before anything is estimated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.log_source import open_source
from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, Reports, WeekLog
from rage_env.outcomes import IMMEDIATE

META = LogMeta(("none", "mail"), ())
Z = np.zeros(1, np.int32)


def week(user_id: list[int]) -> WeekLog:
    n = len(user_id)
    return WeekLog(
        week=0,
        user_id=np.array(user_id),
        unit=np.array(user_id),
        present=np.ones(n, np.bool_),
        arm=np.ones(n, np.int64),
        propensity=np.full(n, 0.5, np.float32),
        features=np.zeros((n, 0), np.float32),
        columns={c: np.zeros(n, np.float32) for c in IMMEDIATE},
    )


def stranger() -> Reports:
    return Reports(np.array([9]), Z, Z, Z.astype(np.int8), Z.astype(np.float32))


def test_a_whole_log_opens_with_everything_settled(tmp_path: Path) -> None:
    source = open_source(CohortLog(META, (week([0, 1]),)).write(tmp_path))
    assert source.table.num_rows == 2
    assert source.arms == ("none", "mail")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (lambda: CohortLog(META, (week([0, 1, 0]),)), "user 0 has 2 rows in week 0"),
        (lambda: CohortLog(META, (week([0, 1]),), stranger()), "reports of week 0: a user_id that the week's log"),
    ],
)
def test_rows_that_contradict_each_other_are_told_with_their_folder(
    tmp_path: Path, log: Callable[[], CohortLog], said: str
) -> None:
    log().write(tmp_path)
    with pytest.raises(LogError, match=said) as refused:
        open_source(tmp_path)
    assert str(tmp_path) in str(refused.value)
