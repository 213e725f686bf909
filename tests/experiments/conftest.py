"""A study small enough for a test: a few hundred users, six weeks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import config, report, run, tracking
from experiments.config import ExperimentConfig
from experiments.results import Results

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # read when Ray is imported, by whichever test comes first

Small = Callable[..., ExperimentConfig]
_SMALL: dict[str, object] = {
    "users": 500,
    "weeks": 6,
    "seeds": [1, 2],
    "agents": [{"kind": "no_offer"}, {"kind": "random"}, {"kind": "blanket", "arm": "credit_line"}],
    "oracle": {"every_weeks": 3, "users_fit": 4000},
    "workers": 1,
}


@pytest.fixture(scope="session")
def small() -> Small:
    """The quickstart, made small, with further changes."""
    return lambda **changes: config.load("quickstart", [{**_SMALL, **changes}])


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies that a test runs leave no figures, which take two seconds each; those of wider fixtures have theirs."""
    monkeypatch.setattr(report, "draw", lambda _: ())


@pytest.fixture(scope="session")
def shown_study(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A finished study with everything that pages show: one rule, one learner, two seeds."""
    agents = [
        {"kind": "no_offer"},
        {"kind": "blanket", "name": "credit", "arm": "credit_line"},
        {"kind": "lagrangian_linucb"},
    ]
    changes = {
        "name": "small",
        "keep_logs": True,
        "users": 300,
        "weeks": 5,
        "floor": {"propensity": 0.01, "share": 0.6},
    }
    config = small(**changes, agents=agents, oracle={"every_weeks": 2, "users_fit": 4000})
    return Results.open(run(config, out=tmp_path_factory.mktemp("shown"), track=False, progress=False).path)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store initialised once: its migrations take seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "template.db"
    tracking.initialise(f"sqlite:///{file}")
    return file
