"""The runs that docs/safe_exploration.md is written from, and their weekly rows put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.results import Results

__all__ = ["run_all", "weekly_of"]

FULL = {"delay_scale": 1.0}


def weekly_of(folders: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weekly rows of the finished runs in these folders: with delays cut, and in full. Each run counts once."""
    parts: tuple[list[pd.DataFrame], list[pd.DataFrame]] = [], []
    for folder in folders:
        results = Results.open(folder)
        overrides = results.config["scenario_overrides"]
        assert isinstance(overrides, dict)
        parts[overrides.get("delay_scale", 1.0) == 1.0].append(results.all_weekly())
    whole = [pd.concat(p, ignore_index=True) if p else pd.DataFrame() for p in parts]
    once = [w.drop_duplicates(["agent", "seed", "week"], ignore_index=True) if len(w) else w for w in whole]
    return once[0], once[1]


def run_all(out: Path) -> list[Path]:
    """Folders of all studies of the page, run where they are not done; the first is read first."""
    from experiments import config as configs
    from experiments.study import run

    often = configs.load("safe_from_week_one", [{"seeds": "9001..9020", "oracle": {"every_weeks": 1}}])
    full = configs.load("safe_from_week_one", [{"seeds": "9001..9002", "scenario_overrides": FULL}])
    more = configs.load("safe_rivals", [{"seeds": "9006..9030", "oracle": {"every_weeks": 8}}])
    studies = (often, configs.load("safe_from_week_one"), configs.load("safe_rivals"), more, full)
    return [run(study, out=out, track=False).path for study in studies]
