"""What summary.json and the weekly table of a run must hold for the leaderboard to be made from it.

Only what is read there is asked for; a summary may hold more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.layout import USERS, WEEKLY
from rage_env.errors import LogError, RunError

__all__ = ["check_stored_table", "check_summary", "check_weekly"]

Number = float | None  # JSON has no NaN; null stands for it


class _Figures(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Mean(_Figures):
    value: Number
    stderr: Number


class _Guardrail(_Figures):
    violated: int
    unavoidable: int
    slack_true_min: Number
    slack_true_mean: Number
    slack_reported_min: Number
    slack_reported_mean: Number
    slack_realised_min: Number
    slack_realised_mean: Number


class _Oracle(_Figures):
    agent: float
    no_offer: float
    oracle_observable: float
    oracle_latent: float


class _Estimate(_Figures):
    value: Number
    stderr: Number
    step_truth: Number
    error: Number
    reason: str


class _Monitor(_Figures):
    verdict: str
    mark: str


class _Summary(_Figures):
    value: float
    net_revenue: float
    gain: _Mean
    net_revenue_gain: _Mean
    nrpau: _Mean
    nrpau_no_offer: Number
    weeks: int
    weeks_violated: int
    oracle: _Oracle
    guardrails: dict[str, _Guardrail]
    ope: dict[str, _Estimate]
    monitors: dict[str, _Monitor]


def check_summary(summary: Mapping[str, object], file: Path) -> None:
    """Raises LogError naming the file and every key that is missing or holds something else."""
    try:
        _Summary.model_validate(summary)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors())
        raise LogError(f"{file}: damaged ({wrong}); delete the folder {file.parent} and run the study again") from error


_COLUMNS = {"weekly": WEEKLY, "users": USERS, "leaderboard": ("agent", "value")}
_TEXT = ("agent",)


def check_stored_table(name: str, table: pd.DataFrame, file: Path) -> None:
    """Raises LogError naming the file and the columns of a table that it lacks, holds twice, or holds as no numbers."""
    wanted = _COLUMNS.get(name, ()) if len(table.columns) else ()  # a run that has nothing for it writes it empty
    missing = [c for c in wanted if c not in table.columns]
    twice = sorted({str(c) for c in table.columns[table.columns.duplicated()]})
    numbers = () if twice else table.columns if name == "weekly" else [c for c in wanted if c in table.columns]
    text = [str(c) for c in numbers if c not in _TEXT and not pd.api.types.is_numeric_dtype(table[c])]
    if missing or twice or text:
        raise LogError(
            f"{file}: damaged (columns missing {missing}, there twice {twice}, no numbers {text}); "
            f"delete {f'the folder {file.parent}' if name != 'leaderboard' else 'it'} and run the study again"
        )


def check_weekly(weekly: pd.DataFrame, what: str, weeks: int) -> None:
    """Raises RunError for a weekly table that lacks a column or a week. what: whose it is."""
    missing = [c for c in WEEKLY if c not in weekly.columns]
    text = [c for c in weekly.columns if not pd.api.types.is_numeric_dtype(weekly[c])]
    if missing or text:
        raise RunError(f"{what}: weekly table lacks the columns {missing}; columns that are no numbers: {text}")
    if list(weekly["week"]) != list(range(weeks)):
        raise RunError(f"{what}: weekly table must hold weeks 0..{weeks - 1} once each, has {list(weekly['week'])}")
