"""The policy that a run ended with: the run is lived again, must come to its own figures, and is frozen there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from agents.interface import Agent, Problem
from experiments import provenance
from experiments.acting import floor_of, problem_of
from experiments.config import AgentEntry, ExperimentConfig
from experiments.oracle import Oracle
from experiments.results import Results
from experiments.runner import Keeper, agent_of, lived
from experiments.serving.freezing import Origin, freeze
from experiments.serving.frozen import Frozen, Held
from experiments.storage import plain
from experiments.stored_experiment import stored_experiment
from rage_env.cohort import CohortEnv
from rage_env.errors import LogError, RunError
from rage_env.interface import Observation

__all__ = ["final_policy"]


@dataclass(frozen=True)
class _Run:
    """One finished run of a stored study. Raises LogError where it has no policy of its own to serve."""

    results: Results
    config: ExperimentConfig
    entry: AgentEntry
    seed: int

    @classmethod
    def of(cls, results: Results, agent: str, seed: int) -> _Run:
        results.refuse_changed_run(agent, seed)
        if not results.is_done(agent, seed):
            raise LogError(f"{results.path}: the run of {agent}, seed {seed}, is not finished; `rage run` goes on")
        config = stored_experiment(results)
        if config.mode == "ab":
            raise LogError(
                f"{results.path}: is an A/B study, whose groups learn from a share of the users; "
                "promote from a study of mode paired"
            )
        return cls(results, config, next(a for a in config.agents if a.label == agent), seed)

    def live(self, agent: Agent) -> tuple[Problem, Observation]:
        """Live all its weeks again; what the agent was told, without a floor, and what it would see next."""
        met: list[CohortEnv] = []

        def keeper(env: CohortEnv) -> AbstractContextManager[Keeper | None]:
            met.append(env)
            return nullcontext()

        with threadpool_limits(limits=1):  # as studies are computed
            outcome, last = lived(self.config, self.entry, self.seed, agent, keeper)
        self._refuse_other(outcome.summary)
        return problem_of(met[0], self.config.weeks, self.config.floor, None), last

    def _refuse_other(self, found: Mapping[str, object]) -> None:
        """What is served is what was judged."""
        stored = self.results.summary(self.entry.label, self.seed)
        wrong = provenance.differences(stored, json.loads(json.dumps(plain(found))))
        if wrong:
            raise RunError(
                f"{self.results.run_folder(self.entry.label, self.seed)}: lived again, the run comes to other figures "
                f"({wrong[0]}), so its policy cannot be had here; run the study again, then promote"
            )

    @property
    def about(self) -> dict[str, object]:
        """Where its policy comes from."""
        study = self.results.study
        told = {"study": study.name, "study_id": study.hash, "scenario": study.scenario, "code_hash": study.code_hash}
        return {"agent": self.entry.label, **told, "users": study.users, "weeks": study.weeks}


def final_policy(results: Results, agent: str, seed: int) -> tuple[Frozen, Observation]:
    """The policy of a finished run, and the users that it would have decided about next.

    Raises LogError for a run that has no policy of its own to serve, RunError where living it again comes to other
    figures than those in the folder, naming the first.
    """
    run = _Run.of(results, agent, seed)
    served = agent_of(run.config, run.entry)
    if isinstance(served, Oracle):
        raise LogError(f"{agent}: decides by the truth, which no server has; promote an agent of `rage list agents`")
    problem, last = run.live(served)
    floor = run.config.floor
    held = floor_of(served, seed, last, floor)
    origin = Origin(
        kind=run.entry.kind,
        params={k: v for k, v in run.entry.params.items() if k != "history"},  # what it taught is in the state
        seed=seed,
        held=None if held is None else Held(floor.propensity, floor.share),
        about=run.about,
    )
    return freeze(served, origin, problem, last), last
