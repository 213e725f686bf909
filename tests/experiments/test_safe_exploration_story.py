"""safe_exploration keeps every guardrail in truth where the same agent without its margins breaks some."""

from __future__ import annotations

import pandas as pd

from experiments import config as configs
from experiments.config import AgentEntry
from experiments.runner import run_agent

SEEDS = (5006, 5010)  # of those that tuning saw
BARE = {"caution": 0.0, "aim": 1.0, "offer_aim": 1.0, "quota": 100.0}


def broken(params: dict[str, float]) -> dict[str, int]:
    """{guardrail: weeks in which it was truly violated}, over all seeds. These are fixed, so luck has no part in it."""
    small = {"users": 2_000, "weeks": 4, "seeds": [*SEEDS], "oracle": {"every_weeks": 0, "users_fit": 1_000}}
    config = configs.load("safe_from_week_one", [small])
    entry = AgentEntry.model_validate({"kind": "safe_exploration", **params})
    weekly = pd.concat([run_agent(config, entry, seed).weekly for seed in SEEDS])
    rails = [c for c in weekly.columns if c.startswith("violated.")]
    return {c.removeprefix("violated."): int(weekly[c].sum()) for c in rails}


def test_guardrails_hold_from_the_first_week_on_and_not_without_margins() -> None:
    assert set(broken({}).values()) == {0}
    assert broken(BARE)["loss_rate"] > 0


def test_lending_starts_within_half_the_slack_by_declared_bounds() -> None:
    small = {"users": 2_000, "weeks": 2, "seeds": [SEEDS[0]], "oracle": {"every_weeks": 0, "users_fit": 1_000}}
    config = configs.load("safe_from_week_one", [small])
    lent = []
    for quota in (0.5, 100.0):
        entry = AgentEntry.model_validate({"kind": "safe_exploration", **BARE, "quota": quota})
        weekly = run_agent(config, entry, SEEDS[0]).weekly
        lent.append(float(weekly["share.credit_line"].max()))
    slack_usd = 0.0025 * 180 - 0.25  # a user-week spends about $150 to $180 and is declared to lose at most $0.25
    assert lent[0] <= 0.5 * slack_usd / 2.25 + 0.003  # and what the floor of .2 % adds by chance
    assert lent[1] > 0.12
