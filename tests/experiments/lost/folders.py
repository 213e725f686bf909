"""A study small enough to be run fifty times, and what of its folder must be the same every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from experiments import config
from experiments.config import ExperimentConfig
from experiments.layout import WALL_CLOCK

__all__ = ["PAIR", "contents", "tiny"]

PAIR = [{"kind": "no_offer"}, {"kind": "random"}]


def tiny(**changes: object) -> ExperimentConfig:
    """The quickstart with 60 users, 2 weeks, one seed and two agents, its logs kept; with further changes."""
    fields: dict[str, object] = {
        "users": 60,
        "weeks": 2,
        "seeds": [1],
        "agents": PAIR,
        "oracle": {"every_weeks": 2, "users_fit": 1_000},
        "monitors": [{"kind": "ratio_betting", "metric": "loss_rate"}],
        "keep_logs": True,
        "workers": 1,
    }
    return config.load("quickstart", [{**fields, **changes}])


def contents(folder: Path) -> dict[str, str]:
    """{file: digest} of all that a study leaves, but for what says when and how fast, hidden files and pictures."""
    left_out = {*WALL_CLOCK, "checksums.json"}
    every = [f for f in folder.rglob("*") if f.is_file() and not f.name.startswith(".") and f.suffix != ".png"]
    runs = [f for f in every if f.name == "checksums.json" and f.parent != folder]
    kept = [*(f for f in every if f.name not in left_out), *runs]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in kept}
