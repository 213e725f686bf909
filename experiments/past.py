"""The log of a study's past: other users of the same world, under a rule, before any agent of the study came."""

from __future__ import annotations

from functools import lru_cache

from agents.learner import Learner
from experiments.config import ExperimentConfig
from experiments.history import History, Plan
from rage_env.log import CohortLog, LogMeta, Reports

__all__ = ["past_log", "tell_past"]


def tell_past(agent: object, config: ExperimentConfig, seed: int) -> None:
    """Give a started agent the study's past, if it learns, the study has one and it brought no history of its own."""
    if config.past is not None and isinstance(agent, Learner) and agent.history is None:
        agent.history = past_log(config, seed)


def past_log(config: ExperimentConfig, seed: int) -> CohortLog:
    """What this seed's agents may know of the past. The log of one seed is kept for the agents that follow."""
    return _lived(config.model_dump_json(), seed)


@lru_cache(maxsize=1)
def _lived(text: str, seed: int) -> CohortLog:
    config = ExperimentConfig.model_validate_json(text)
    past = config.past
    assert past is not None
    policy, params = past.policy, past.params
    lived = History(Plan(config.world(), past.users, past.weeks, seed + past.seeds_apart, policy, params))
    meta = LogMeta(lived.env.arm_names, lived.env.features.names, lived.plan.world.retention_value_usd, agent=policy)
    weeks = list(lived.weeks())
    return CohortLog(meta, tuple(week.log for week in weeks), Reports.concat([week.reports for week in weeks]))
