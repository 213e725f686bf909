"""Before anything long starts: can the guardrails be kept at all, by the numbers of the world itself?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.cohorts import cohort
from experiments.config import ExperimentConfig
from experiments.week_truth import Judged, WeekTruth, week_truth
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, true_usage, weighted_sum
from rage_env.interface import NO_OFFER

__all__ = ["refuse_impossible"]


def refuse_impossible(config: ExperimentConfig) -> None:
    """Nothing, if doing nothing keeps every guardrail in the first week of the first seed.

    Raises GuardrailError naming each broken one, what arm 0 uses, and how little could be used at all.
    """
    env, observation = cohort(config, config.seeds[0])
    guardrails = env.scenario.guardrails
    truth = week_truth(env.truth, observation, guardrails, env.scenario.retention_value_usd)
    broken = [line for i, g in enumerate(guardrails) for line in _broken(g, truth.rows[i], truth)]
    if broken:
        raise GuardrailError("\n".join(broken))


def _broken(guardrail: Guardrail, rows: tuple[Judged, ...], truth: WeekTruth) -> Iterator[str]:
    nobody = np.zeros(truth.value.shape)
    nobody[:, NO_OFFER] = 1.0
    for judged in rows:
        if true_usage(judged.row, nobody).unavoidable:
            yield _words(guardrail, judged, truth)


def _words(guardrail: Guardrail, judged: Judged, truth: WeekTruth) -> str:
    """The proof: with the row's weight 1 and all others 0, its least usage exceeds what is allowed."""
    row, mask = judged.row, truth.observation.action_mask
    none = float(row.coef[:, NO_OFFER].sum())
    least = float(np.where(mask == 1, row.coef, np.inf).min(axis=1).sum())
    size = 1.0
    if guardrail.denominator is not None:
        sizes = weighted_sum(guardrail.denominator, truth.means, row.coef.shape)[:, NO_OFFER]
        size = float((sizes if judged.members is None else sizes * judged.members).sum())
    used = guardrail.limit + (none - row.limit) / size * (1 if guardrail.sense == "<=" else -1)
    can = "nor does any other choice of arms" if least > row.limit else "some other choice of arms would do"
    return (
        f"{guardrail.name}: limit {guardrail.limit:g} ({guardrail.sense}) cannot be met: even arm 0 uses {used:.4g} in "
        f"week 0, {can} (proof of infeasibility: weight 1 on {guardrail.name} alone, least usage {least:.6g} against "
        f"{row.limit:.6g} allowed). {'Raise' if guardrail.sense == '<=' else 'Lower'} the limit or drop the guardrail."
    )
