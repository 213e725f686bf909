"""A study small enough for a test: a few hundred users, six weeks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments import config
from experiments.config import ExperimentConfig

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
