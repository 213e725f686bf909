"""Every shipped experiment runs from its name to its leaderboard, here at a small size."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import config, run
from rage_env import configs

NAMES = configs.names("experiments")
MOST_BEFORE = 12_000
"""People of a past; those of the largest pilot cost a minute."""
SMALL = {"users": 400, "seeds": [1], "workers": 1, "estimators": ["naive"], "oracle": {"users_fit": 2_000}}


@pytest.mark.parametrize("name", [n for n in NAMES if config.load(n).mode == "paired"])
def test_it_runs_from_its_name_to_its_leaderboard(name: str, tmp_path: Path) -> None:
    full = config.load(name)
    past = {} if full.past is None else {"past": {"users": min(full.past.users, MOST_BEFORE)}}
    small = config.load(name, [{**SMALL, **past, "weeks": min(full.weeks, 2)}])
    result = run(small, out=tmp_path, track=False, progress=False)
    agents = {agent.name or agent.kind for agent in full.agents}
    assert set(result.leaderboard["agent"]) == agents


def test_every_world_has_an_experiment() -> None:
    served = {config.load(name).scenario for name in NAMES}
    shown = {name for name in configs.names("scenarios") if not name.startswith("null_")}
    assert shown <= served
