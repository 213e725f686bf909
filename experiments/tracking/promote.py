"""From a leaderboard to a registered model: policies of finished runs, and aliases that say who serves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from experiments.lock import only_feeder
from experiments.results import Results
from experiments.serving.choice import ALIASES, Alias, Pick, by_leaderboard, pick
from experiments.serving.final import final_policy
from experiments.tracking.registry import Registry
from experiments.tracking.store import client_of, experiment_id, store_errors
from rage_env.errors import ConfigError, LogError

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

__all__ = ["Choice", "Move", "Promotion", "promote"]

_AGAIN = "the same command promotes again"


@dataclass(frozen=True)
class Choice:
    """What is promoted, where it is not left to the leaderboard. seed: whose run, the study's first if None."""

    agent: str | None = None
    alias: Alias = "champion"
    seed: int | None = None


@dataclass(frozen=True)
class Move:
    """What became of one alias. was, now: version, agent and seed in words, or None. The rest is the leaderboard's."""

    alias: str
    was: str | None
    now: str | None
    value: float | None = None
    weeks_violated: int | None = None
    weeks: int | None = None

    @property
    def moved(self) -> bool:
        """Whether it points elsewhere than before."""
        return self.was != self.now


@dataclass(frozen=True)
class Promotion:
    """What `promote` did. uri: the store; registered: versions that are new."""

    uri: str
    name: str
    moves: tuple[Move, ...]
    registered: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def promote(results: Results, uri: str, experiment: str, name: str | None, choice: Choice) -> Promotion:
    """Register policies of a study that is in the store already, and let champion and challenger point to them.

    By the leaderboard both aliases move, by name one; a policy that is registered already is not registered again, and
    nobody is both. Raises InputError for what cannot be promoted, RunError for a store that does not answer.
    """
    model = _named(name or f"rage-{results.study.scenario}")
    picks = by_leaderboard(results) if choice.agent is None else {choice.alias: pick(results, choice.agent)}
    seed = results.study.seeds[0] if choice.seed is None else choice.seed
    if seed not in results.study.seeds:
        raise LogError(f"--seed {seed}: is none of this study's; they are {', '.join(map(str, results.study.seeds))}")
    with only_feeder(results.path):
        at = _Store(uri, experiment, results)
        new, placed = [], {}
        for alias, one in picks.items():
            version, made = at.version(model, one.agent, seed)
            placed[alias] = version
            new += [version] if made else []
        return Promotion(uri, model, tuple(at.move(model, placed, picks)), tuple(new))


@dataclass(frozen=True)
class _Store:
    """A store that holds a study; whatever goes wrong there is told in a sentence."""

    uri: str
    experiment: str
    results: Results

    def version(self, model: str, agent: str, seed: int) -> tuple[str, bool]:
        """The version with that policy, and whether it was made now."""
        with store_errors(self.uri, _AGAIN):
            client = client_of(self.uri)
            run = self._run(client, f"{agent}/{seed}")
            found = Registry(client, model).version_of(run)
        if found is not None:
            return found, False
        policy, last = final_policy(self.results, agent, seed)
        with store_errors(self.uri, _AGAIN):
            return Registry(client, model).add(run, policy, last), True

    def _run(self, client: MlflowClient, key: str) -> Run:
        where = [experiment_id(client, self.uri, self.experiment)]
        mine = f"tags.`rage.study_id` = '{self.results.study.hash}'"
        runs = {run.data.tags["rage.run_id"]: run for run in client.search_runs(where, mine, max_results=50_000)}
        if key not in runs:
            raise LogError(
                f"{self.results.path}: MLflow at {self.uri} has no run of {key}, since tracking.runs is false in this "
                "study; promote from one that has them"
            )
        return runs[key]

    def move(self, model: str, placed: dict[Alias, str], picks: dict[Alias, Pick]) -> list[Move]:
        """Let aliases point to the placed versions; what the others pointed to stays, unless it was placed now."""
        with store_errors(self.uri, _AGAIN):
            registry = Registry(client_of(self.uri), model)
            before, words = registry.aliases(), registry.versions()
            _refuse_demotion(before, placed, picks)
            moves = []
            for alias in ALIASES:
                was = before.get(alias)
                now = placed.get(alias, None if was in placed.values() else was)
                if now != was:
                    registry.point(alias, now)
                told = {v: f"{v} ({words.get(v, 'gone')})" for v in (was, now) if v is not None}
                moves.append(_move(alias, told.get(was or ""), told.get(now or ""), picks.get(alias)))
            return moves


def _move(alias: Alias, was: str | None, now: str | None, board: Pick | None) -> Move:
    if board is None:
        return Move(alias, was, now)
    return Move(alias, was, now, board.value, board.weeks_violated, board.weeks)


def _refuse_demotion(before: Mapping[str, str], placed: Mapping[Alias, str], picks: Mapping[Alias, Pick]) -> None:
    if "champion" not in placed and before.get("champion") in placed.values():
        raise LogError(
            f"{picks['challenger'].agent}: is champion, and nobody can be both; make another one champion first"
        )


def _named(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", name):
        raise ConfigError(f"--name: {name!r} is no name of a model; use letters, digits, dots, dashes and underscores")
    return name
