"""A study can keep an agent's log without the propensities; nothing else about the run changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.config import ExperimentConfig
from experiments.runner import run_agent
from rage_env.errors import ConfigError
from rage_env.log import CohortLog

Small = Callable[..., ExperimentConfig]
OPEN = {"kind": "value_biased", "arm": "cashback"}
CLOSED = {**OPEN, "name": "loyalty_unlogged", "withhold_propensities": True}


def test_a_withheld_log_tells_everything_but_how_arms_were_drawn(small: Small, tmp_path: Path) -> None:
    config = small(weeks=3, users=200, keep_logs=True, agents=[{"kind": "no_offer"}, OPEN, CLOSED])
    runs = [run_agent(config, entry, 1, tmp_path / entry.label) for entry in config.agents[1:]]
    told, hidden = (CohortLog.read(tmp_path / entry.label) for entry in config.agents[1:])
    assert not any(week.withheld for week in told.weeks)
    assert all(week.withheld for week in hidden.weeks)
    for one, other in zip(told.weeks, hidden.weeks, strict=True):
        assert np.array_equal(one.arm, other.arm)
        assert all(np.array_equal(one.columns[c], other.columns[c]) for c in one.columns)
    pd.testing.assert_frame_equal(*(run.ope.drop(columns="agent") for run in runs))  # a run itself knows


def test_withholding_from_a_log_that_nobody_keeps_is_refused(small: Small) -> None:
    with pytest.raises(ConfigError, match="withhold_propensities says how a log is kept, and none is; set keep_logs"):
        small(agents=[{"kind": "no_offer"}, CLOSED])
