"""One seed of a cell, lived: its log, what each target would have done in every row, and what that was worth.

All assigned users have a row each week, departed ones too, so that weeks lived and weeks rolled out are means over the
same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import agents
from agents.interface import Agent
from agents.signals import standing
from experiments.acting import arms_of, problem_of, record
from experiments.against_truth.cells import SIGNALS, TARGETS, Cell
from experiments.cohorts import live
from experiments.config import Floor
from rage_env.cohort import CohortEnv
from rage_env.interface import NO_OFFER, Feedback, Observation, observe
from rage_env.log import FEATURE_PREFIX
from rage_env.outcomes import LOSSES, value
from rage_env.scenario import load
from rage_env.seated import cohort_for

__all__ = ["Lived", "lived", "opened", "target_of"]

Floats = NDArray[np.float64]
OUTCOMES = ("active", "gmv", "churned", "negative_reaction", "contact_cost", "bonus_cost")


@dataclass(frozen=True, eq=False)
class Lived:
    """A seed's log and targets. truth: {target: {column: mean over rows}} by conditional means in the very states met.

    realised: value of each row, had the target acted in it, with the luck that was drawn. The column `reward` is value.
    """

    table: pa.Table
    targets: Mapping[str, NDArray[np.float32]]  # (rows, k)
    truth: Mapping[str, Mapping[str, float]]
    realised: Mapping[str, Floats]  # (rows,)


def opened(cell: Cell, seed: int) -> tuple[CohortEnv, Observation]:
    """A fresh cohort of the cell's world."""
    scenario = load(cell.world.scenario, [{"weeks": cell.world.weeks}])
    env = cohort_for(scenario, cell.users, seed=seed, keep_burn_in=True)
    return env, observe(*env.reset(seed=seed))


def target_of(name: str, observation: Observation, arm: int, features: tuple[str, ...]) -> NDArray[np.float32]:
    """(n, k) the target's probabilities, which are 0 or 1; where its arm is not allowed it leaves people alone."""
    if name == "nobody":
        offered = np.zeros(observation.n, np.bool_)
    elif name == "everybody":
        offered = np.ones(observation.n, np.bool_)
    else:
        riskier = standing(observation, SIGNALS, features) > 0.5
        offered = riskier if name == "riskier half" else ~riskier
    offered = offered & observation.present & (observation.action_mask[:, arm] > 0)
    probs = np.zeros((observation.n, observation.k), np.float32)
    probs[:, arm], probs[:, NO_OFFER] = offered, ~offered
    return probs


def lived(cell: Cell, seed: int) -> Lived:
    """The cell's weeks under its logging policy."""
    env, observation = opened(cell, seed)
    arm, names = env.arm_names.index(cell.world.offer), env.features.names
    agent = _agent(cell, env, seed)
    parts: list[pa.Table] = []
    targets: dict[str, list[NDArray[np.float32]]] = {t: [] for t in TARGETS}
    truths: list[dict[str, dict[str, float]]] = []
    realised: dict[str, list[Floats]] = {t: [] for t in TARGETS}
    for _ in range(cell.world.weeks):
        means = _with_sums(env.truth.mean_outcomes(), env)
        means["present"] = np.broadcast_to(observation.present[:, None], means["reward"].shape)
        wishes = {t: target_of(t, observation, arm, names) for t in TARGETS}
        truths.append({t: _expected(means, probs) for t, probs in wishes.items()})
        worth = value(env.truth.potential_outcomes(), env.scenario.retention_value_usd)
        for t, probs in wishes.items():
            targets[t].append(probs)
            realised[t].append(np.einsum("nk,nk->n", worth, probs, dtype=np.float64))
        probs = agent.decide(observation).check(observation).probs
        drawn = arms_of(env, agent, seed, observation, probs)
        seen, observation = observation, live(env, drawn)
        log = record(seen, probs, drawn, env)
        agent.learn(Feedback(log, env.reports()))
        parts.append(_rows(seen, probs, drawn, _with_sums(env.truth.ledger(), env), names))
    truth = {t: {c: float(np.mean([week[t][c] for week in truths])) for c in truths[0][t]} for t in TARGETS}
    return Lived(
        pa.concat_tables(parts),
        {t: np.concatenate(p) for t, p in targets.items()},
        truth,
        {t: np.concatenate(p) for t, p in realised.items()},
    )


def _agent(cell: Cell, env: CohortEnv, seed: int) -> Agent:
    if cell.logging == "agent":
        agent = agents.load("constrained_thompson", seed=seed)
        held = np.ones(env.assigned, np.bool_)
        agent.start(problem_of(env, cell.world.weeks, Floor(propensity=cell.world.floor, share=1.0), held))
        for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
            agent.learn(Feedback(log, reports))
        return agent
    made = {"uniform": ("random", {}), "risk_biased": ("risk_biased", {"arm": cell.world.offer, "signals": SIGNALS})}
    name, params = made[cell.logging]
    agent = agents.load(name, **params)
    agent.start(problem_of(env, cell.world.weeks, Floor(), None))
    return agent


def _with_sums(ledger: Mapping[str, NDArray[np.floating]], env: CohortEnv) -> dict[str, NDArray[np.floating]]:
    columns = {c: ledger[c] for c in OUTCOMES}
    columns["loss"] = np.sum([ledger[c] for c in LOSSES], axis=0)
    columns["reward"] = value(ledger, env.scenario.retention_value_usd)
    return columns


def _expected(means: Mapping[str, NDArray[np.floating]], probs: NDArray[np.float32]) -> dict[str, float]:
    return {c: float(np.einsum("nk,nk->", m, probs, dtype=np.float64)) / len(probs) for c, m in means.items()}


def _rows(
    seen: Observation,
    probs: NDArray[np.float32],
    drawn: NDArray[np.int64],
    outcomes: Mapping[str, NDArray[np.floating]],
    names: tuple[str, ...],
) -> pa.Table:
    """The week as a log's rows, losses settled."""
    columns: dict[str, NDArray[np.generic]] = {
        "user_id": seen.user_id,
        "week": np.full(seen.n, seen.week, np.int32),
        "unit": seen.unit,
        "present": seen.present,
        "arm": drawn,
        "propensity": np.take_along_axis(probs, drawn[:, None], axis=1)[:, 0],
        **{c: np.asarray(v, np.float64) for c, v in outcomes.items()},
        **{FEATURE_PREFIX + name: seen.features[:, j] for j, name in enumerate(names)},
    }
    return pa.table(columns)
