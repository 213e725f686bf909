"""Before anything long starts: can the guardrails be kept at all, by the numbers of the world itself?

Two questions of the first week of the first seed, both on conditional means. Do any choices of arms keep all
guardrails? And does doing nothing keep every upper limit, so that agents have somewhere safe to stand?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from experiments.cohorts import cohort
from experiments.config import ExperimentConfig
from experiments.week_truth import Judged, WeekTruth, week_truth
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, true_usage, weighted_sum
from rage_env.interface import NO_OFFER

__all__ = ["refuse_impossible", "refuse_unkept"]

FEW_USERS = 2_000
"""Among fewer than these the draw of the cohort alone may move a rare rate beyond its limit."""


def refuse_impossible(config: ExperimentConfig) -> None:
    """Nothing, if the guardrails can be kept. Raises GuardrailError naming what breaks, its numbers and the proof."""
    env, observation = cohort(config, config.seeds[0])
    guardrails = env.scenario.guardrails
    truth = week_truth(env.truth, observation, guardrails, env.scenario.retention_value_usd)
    try:
        refuse_unkept(guardrails, truth, env.arm_names)
    except GuardrailError as error:
        lines = str(error).splitlines()
        raise GuardrailError(
            "\n".join(f"{line} {_way_out(line.partition(':')[0], config)}" for line in lines)
        ) from error


def _way_out(guardrail: str, config: ExperimentConfig) -> str:
    """What to type: the key of the limit, and, where chance weighs much, more users."""
    key = f"As an override: scenario_overrides.guardrails.{guardrail.partition('[')[0]}.limit=NUMBER"
    if config.users >= FEW_USERS:
        return key
    return (
        f"{key}. Among {config.users} users a few fraudsters weigh much: with more (users={FEW_USERS}) it may be kept"
    )


def refuse_unkept(guardrails: Sequence[Guardrail], truth: WeekTruth, arm_names: Sequence[str]) -> None:
    """Nothing, if these guardrails can be kept in this week. Raises GuardrailError as above. arm_names: (k,)."""
    nobody = np.zeros(truth.value.shape)
    nobody[:, NO_OFFER] = 1.0
    if not any(true_usage(row, nobody).unavoidable for row in truth.flat):
        return
    _refuse_contradiction(guardrails, truth, arm_names)
    broken = [line for i, g in enumerate(guardrails) for line in _beyond(g, truth.rows[i], truth, arm_names)]
    if broken:
        raise GuardrailError("\n".join(broken))


def _refuse_contradiction(guardrails: Sequence[Guardrail], truth: WeekTruth, arm_names: Sequence[str]) -> None:
    """Raise with the proof where no choice of arms keeps all rows; solving takes a moment, so only when in doubt."""
    from agents.allocation import Linear, allocate
    from agents.allocation.refusal import require_kept

    rows = truth.flat
    names = [row.name if len(rows) == len(guardrails) else f"{row.name}[{i}]" for i, row in enumerate(rows)]
    program = [
        Linear(name, row.coef, row.limit)
        if row.accounts is None
        else Linear(name, row.coef, row.limits, segment=row.accounts.at)
        for name, row in zip(names, rows, strict=True)
    ]
    allocation = allocate(truth.value, program, truth.observation.action_mask)
    require_kept(allocation, guardrails, truth.means, truth.observation, arm_names)


def _beyond(guardrail: Guardrail, rows: Sequence[Judged], truth: WeekTruth, arm_names: Sequence[str]) -> Iterator[str]:
    """An upper limit that doing nothing exceeds leaves agents nowhere to go back to; a least share may start unmet."""
    for judged in rows if guardrail.sense == "<=" else ():
        row, size = judged.row, 1.0
        beyond = row.sums(row.coef[:, NO_OFFER]) - row.limits
        at = int(np.argmax(beyond - 1e-6 * row.spreads))
        if beyond[at] <= 1e-6 * row.spreads[at]:
            continue
        if judged.lagged is not None:
            size = judged.lagged
        elif guardrail.denominator is not None:
            sizes = weighted_sum(guardrail.denominator, truth.means, judged.row.coef.shape)[:, NO_OFFER]
            size = float(row.sums(sizes if judged.members is None else sizes * judged.members)[at])
        used = guardrail.limit + float(beyond[at]) / size
        yield (
            f"{guardrail.name}: limit {guardrail.limit:g} cannot be held: even arm {arm_names[NO_OFFER]} uses "
            f"{used:.4g} in week 0, so whoever is left alone breaks it. Raise the limit or drop the guardrail."
        )
