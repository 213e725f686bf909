"""docs/safe_exploration.md says what its runs show, and its figure is the same bytes for the same runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from experiments.report.safety import safety
from experiments.safe_page import page

ROOT = Path(__file__).resolve().parents[2]


GAP = pd.DataFrame(
    [{"week": 3, "agent": 0.5, "its_values": 0.9, "its_rows": 0.6, "base_loss": 1.2, "lent_loss": 1, "gmv": 1}]
)


def weekly(broken_seeds: int) -> pd.DataFrame:
    rows = []
    for agent, share in (("safe_exploration", 0.7), ("lagrangian_linucb", 0.9)):
        for seed in range(20):
            for week in range(26):
                solved = week in (8, 24)
                broken = agent == "safe_exploration" and seed < broken_seeds and week == 3
                rows.append(
                    {
                        "agent": agent,
                        "seed": seed,
                        "week": week,
                        "step.agent": 1.0 + 0.2 * share if solved else np.nan,
                        "step.no_offer": 1.0 if solved else np.nan,
                        "step.oracle_observable": 1.2 if solved else np.nan,
                        "violated.loss_rate": broken or (agent == "lagrangian_linucb" and week > 20),
                        "violated.bonus_budget": False,
                        "share.no_offer": 0.6,
                        "share.credit_line": 0.1,
                        "slack_true.loss_rate": -0.0001 if broken else 0.0002,
                    }
                )
    return pd.DataFrame(rows)


def test_the_page_counts_seeds_and_says_whether_the_aim_was_met() -> None:
    text = page(weekly(1), pd.DataFrame(), GAP, "safe.svg")
    told = " ".join(text.split())
    assert "Measured: 1 of 20 (kept; by the binomial law at most 22% of all seeds" in told
    assert "Measured: 70% [70%, 70%] and 70% [70%, 70%]" in told
    assert "The study asks for 100 seeds; 20 had been run" in told
    assert "| `safe_exploration` | 20 | 1 | 0.2% | loss_rate 0% | 70% | 70% | 70% [70%, 70%] |" in text
    assert "| `lagrangian_linucb` | 20 | 20 | 19.2% | loss_rate 19% | 90% | 90% |  |" in text
    assert "| 4 | 1 of 20 |" in text
    assert "| 4 | 50% | 90% | 60% | 1.20 | 1.00 | 1.00 |" in text
    assert "(missed;" in page(weekly(2), pd.DataFrame(), GAP, "safe.svg")


def test_spans_are_averages_of_seeds_in_which_every_week_was_solved() -> None:
    rows = weekly(0)
    often = (rows["agent"] == "safe_exploration") & (rows["seed"] < 5) & rows["week"].isin([9, 10, 11])
    rows.loc[often, ["step.agent", "step.no_offer", "step.oracle_observable"]] = [1.1, 1.0, 1.2]
    told = " ".join(page(rows, pd.DataFrame(), GAP, "safe.svg").split())
    assert "Measured: 55% [55%, 55%] and 70% [70%, 70%]" in told  # a week of 70 % and three of 50 %
    assert "(week 9, 10, 11, 12; week 25)" in told
    assert "in all of them in 5 seeds, for time. Over all 20 seeds: 70% [70%, 70%] in week 9 and" in told


def test_the_figure_is_the_same_for_the_same_runs(tmp_path: Path) -> None:
    first, second = (safety(weekly(1), tmp_path / f"{i}.svg").read_bytes() for i in range(2))
    assert first == second
    assert b"svg" in first[:400]
