"""Where an agent's share of the oracle's gain is lost: to its values, or to the room that it leaves to its limits.

    python -m experiments.safe_gap [--seeds 5041 5042] [--agent safe_exploration] [--users 10000] [--csv FILE]

In the agent's own states, some weeks apart, four plans are worth the true expected gain of: the agent's own; its
values under the oracle's rows; the oracle's values under its rows; and oracle_observable, of which all are shares.
Beside them stands what it believes of sums over what is true of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import agents
from agents.learner import Learner
from experiments import config as configs
from experiments import observable
from experiments.acting import arms_of, floor_of, problem_of, record
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.console import print_rows
from experiments.oracle import ObservableOracle
from experiments.week_truth import WeekTruth, expected, week_truth
from rage_env.guardrails import Row
from rage_env.interface import NO_OFFER, Feedback, Observation

__all__ = ["SEEDS", "gaps", "main", "table"]

Floats = NDArray[np.float64]
WEEKS = (4, 10, 16, 24)
SEEDS = (5041, 5042)
"""Neither tuned on nor reported elsewhere."""
_SUMS = ("loss_fraud", "loss_credit", "gmv")


class _Instead(ObservableOracle):
    """oracle_observable with other values: its rows, and how far they are tightened, stay."""

    value: Floats

    def _believes(self, truth: WeekTruth) -> tuple[Floats, list[Row]]:
        return self.value, super()._believes(truth)[1]


@dataclass(frozen=True)
class Gap:
    """Shares of oracle_observable's gain in one week of one seed; believed over true sums under the agent's plan."""

    week: int
    agent: float
    its_values: float
    its_rows: float
    base_loss: float
    lent_loss: float
    gmv: float


def gaps(config: ExperimentConfig, kind: str, seed: int, weeks: Sequence[int] = WEEKS) -> list[Gap]:
    """One Gap a week of one learner's run on one seed."""
    env, seen = cohort(config, seed)
    agent, found = agents.load(kind), []
    assert isinstance(agent, Learner)
    held = floor_of(agent, seed, seen, config.floor)
    agent.start(problem_of(env, config.weeks, config.floor, held))
    for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
        agent.learn(Feedback(log, reports))
    for week in range(max(weeks) + 1):
        probs = agent.decide(seen).probs
        if week in weeks:
            truth = week_truth(env.truth, seen, env.scenario.guardrails, env.scenario.retention_value_usd)
            found.append(_gap(config, agent, truth, seen, probs))
        arm = arms_of(env, agent, seed, seen, probs)
        after = live(env, arm)
        agent.learn(Feedback(record(seen, probs, arm, env), env.reports()))
        seen = after
    return found


def _gap(
    config: ExperimentConfig, agent: Learner, truth: WeekTruth, seen: Observation, probs: NDArray[np.float32]
) -> Gap:
    model, guard = observable.fitted(config), agent.guard(seen)
    mixed = _Instead(model)
    mixed.value = guard.outlook.value
    value, _ = model.predict(seen)
    plans = (
        ObservableOracle(model).solve(truth)[0],
        probs,
        mixed.solve(truth)[0],
        guard.plan(value - value[:, :1], probs.astype(np.float64)).probs,
    )
    nobody = truth.step_value(guard.nobody)
    best, own, its_values, its_rows = (truth.step_value(p) - nobody for p in plans)
    p = probs.astype(np.float64)
    believed, true = ({c: m[c] for c in _SUMS} for m in (guard.outlook.means, truth.means))
    alone = [float(m["loss_fraud"][:, NO_OFFER].sum()) for m in (believed, true)]
    sums = [[expected(m[c], p) for m in (believed, true)] for c in ("loss_credit", "gmv")]
    lent, gmv = (b / max(t, 1e-9) for b, t in sums)
    left = alone[0] / max(alone[1], 1e-9)
    return Gap(seen.week, own / best, its_values / best, its_rows / best, left, lent, gmv)


def table(config: ExperimentConfig, kind: str, seeds: Sequence[int]) -> pd.DataFrame:
    """Means over seeds, one row a week."""
    rows = pd.DataFrame([vars(gap) for seed in seeds for gap in gaps(config, kind, seed)])
    return rows.groupby("week", as_index=False).mean()


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.safe_gap")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--agent", default="safe_exploration")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--csv", type=Path)
    asked = parser.parse_args(arguments)
    config = configs.load("safe_from_week_one", [{"users": asked.users}])
    found = table(config, asked.agent, asked.seeds)
    if asked.csv is not None:
        asked.csv.write_text(found.to_csv(index=False), encoding="utf-8")
    print_rows(
        [{k: f"{v:.2f}" if k != "week" else int(v) + 1 for k, v in row.items()} for row in found.to_dict("records")],
        f"{asked.agent}: shares of oracle_observable's gain, and believed over true sums ({len(asked.seeds)} seeds)",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
