"""One agent of a study through the usual runner, with the log it leaves and what a judge asks the world beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agents.interface import Agent
from experiments.config import ExperimentConfig
from experiments.run_book import RunOutcome
from experiments.runner import agent_of, serve
from rage_env.cohort import CohortEnv
from rage_env.log import Reports, WeekLog

__all__ = ["Lived", "lived"]


@dataclass(eq=False)
class Lived:
    """asked: what the judge was told of the world before week 0. weeks: the log."""

    agent: Agent
    weeks: list[WeekLog] = field(default_factory=list)
    asked: Any = None  # whatever the judge asks
    outcome: RunOutcome | None = None

    def append(self, week: WeekLog) -> None:
        """Keep a week."""
        self.weeks.append(week)

    def append_reports(self, reports: Reports) -> None:
        """Late reports are not needed."""


def lived(
    config: ExperimentConfig,
    label: str,
    seed: int,
    ask: Callable[[CohortEnv], object] = lambda _: None,
    made: Callable[[Agent], Agent] = lambda agent: agent,
) -> Lived:
    """The run of the agent called `label`. made: what takes its place, such as the same agent with an ear on it."""
    entry = next(a for a in config.agents if a.label == label)
    kept = Lived(made(agent_of(config, entry)))

    @contextmanager
    def keeper(env: CohortEnv) -> Iterator[Lived]:
        kept.asked = ask(env)
        yield kept

    kept.outcome = serve(config, entry, seed, kept.agent, keeper)
    return kept
