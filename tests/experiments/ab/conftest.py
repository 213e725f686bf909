"""An A/B study small enough for a test: three groups and a control, a few hundred users each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments import config
from experiments.config import ExperimentConfig

Ab = Callable[..., ExperimentConfig]
_SMALL: dict[str, object] = {
    "mode": "ab",
    "ab": {"salt": "test", "control": 0.25},
    "users": 2000,
    "weeks": 9,
    "seeds": [1, 2],
    "agents": [
        {"kind": "blanket", "name": "reckless", "arm": "credit_line"},
        {"kind": "status_quo", "name": "safe"},
        {"kind": "no_offer", "name": "nothing"},
    ],
    "estimators": [],
    "oracle": {"every_weeks": 0, "users_fit": 2000},
    "monitors": [
        {"kind": "ratio_betting", "metric": "loss_rate", "name": "loss_alarm", "alpha": 0.05, "ages": [4]},
        {"kind": "group_sequential", "metric": "value", "name": "kpi", "users_per_skew2": 0.0},
        {"kind": "naive_z", "metric": "value", "name": "peeking", "alpha": 0.05},
    ],
    "workers": 1,
}


@pytest.fixture(scope="session")
def ab() -> Ab:
    """The small study with further changes; `ab` itself is merged."""

    def made(**changes: object) -> ExperimentConfig:
        return config.load("quickstart", [_SMALL, changes] if changes else [_SMALL])

    return made
