"""A policy as its run left it: agent, problem, state and standing. Files: one npz of arrays, one JSON; no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import agents
from agents.interface import Decision, Problem
from experiments.luck import draw_arms, held_out
from experiments.serving.problem import problem_of, told_of
from experiments.storage import read_json, write_json
from rage_env.errors import LogError, RageError
from rage_env.interface import Observation
from rage_env.whole_file import whole_file

__all__ = ["FORM", "Frozen", "Held", "Standing"]

FORM = 1
"""Raised whenever the meaning of the files changes."""

_ARRAYS, _FACTS = "policy.npz", "policy.json"
_PLAIN = ("kind", "params", "seed", "segments", "asks_status_quo", "facts", "about")


@dataclass(frozen=True)
class Held:
    """Whom the floor holds, as in the run: a hashed `share` of units keeps `propensity` of every allowed arm."""

    propensity: float
    share: float


@dataclass(frozen=True)
class Standing:
    """What the run had come to: the week to be decided next, and what was reported by then for each guardrail."""

    week: int
    numerator_to_date: tuple[float, ...]  # (g,)
    denominator_to_date: tuple[float, ...]  # (g,)
    denominator_last_week: tuple[float, ...]  # (g,) or empty


@dataclass(frozen=True, eq=False)
class Frozen:
    """Decides as the agent would have in the week after its run, for any batch, and remembers nothing of it.

    problem: without its floor, which belongs to units. seed: of the run, whose luck draws the arms. held: None for
    agents without a floor. segments: {name: codes that the run met}. asks_status_quo: whether decisions need to
    know what happens to each user today. arrays, facts: what the agent saved. about: where it comes from.
    """

    kind: str
    params: Mapping[str, object]
    problem: Problem
    seed: int
    held: Held | None
    standing: Standing
    segments: Mapping[str, tuple[int, ...]]
    asks_status_quo: bool
    arrays: Mapping[str, NDArray[np.generic]]
    facts: Mapping[str, object]
    about: Mapping[str, object]

    @property
    def arms(self) -> tuple[str, ...]:
        """Names, arm 0 first."""
        return tuple(arm.name for arm in self.problem.arms)

    def decide(self, observation: Observation) -> Decision:
        """What the agent decides about these users; the same for the same observation, however often it is asked."""
        agent = agents.load(self.kind, **self.params)
        agent.start(replace(self.problem, floor=self._floor(observation)))
        agent.load(self.arrays, self.facts)
        with threadpool_limits(limits=1):  # on more threads, sums come in another order
            return agent.decide(observation).check(observation)

    def draw(self, observation: Observation, probs: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
        """(n,) arms, by the luck of (seed, unit, week) as in a run; head-counts that must hold do."""
        unconstrained = agents.policy(self.kind).unconstrained
        hard = any(g.hard for g in self.problem.guardrails)
        return draw_arms(seed, observation, probs, together=hard and not unconstrained)

    def _floor(self, observation: Observation) -> float | NDArray[np.float64]:
        if self.held is None:
            return 0.0
        here = held_out(self.seed, observation.unit, self.held.share)
        return np.where(here, self.held.propensity, 0.0)

    def save(self, folder: str | Path) -> Path:
        """Write policy.npz and policy.json; returns the folder."""
        place = Path(folder)
        with whole_file(place / _ARRAYS) as beside, beside.open("wb") as file:
            np.savez_compressed(file, **dict(self.arrays))  # type: ignore[arg-type]  # NumPy takes any names
        plain = {name: getattr(self, name) for name in _PLAIN}
        held = None if self.held is None else asdict(self.held)
        rest = {"problem": told_of(self.problem), "held": held, "standing": asdict(self.standing)}
        write_json(place / _FACTS, {"form": FORM, **plain, **rest})
        return place

    @classmethod
    def load(cls, folder: str | Path) -> Frozen:
        """Inverse of save; nothing is unpickled. Raises LogError naming what is missing, damaged or of another form."""
        place = Path(folder)
        told: dict[str, Any] = read_json(place / _FACTS)  # Any: plain JSON, taken apart below
        form = told.pop("form", None)
        if form != FORM:
            raise LogError(f"{place / _FACTS}: is a policy of form {form}, this release reads {FORM}; promote it again")
        try:
            with np.load(place / _ARRAYS, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            floor = told.pop("held")
            stood = told.pop("standing")
            return cls(
                problem=problem_of(told.pop("problem")),
                held=None if floor is None else Held(**floor),
                standing=Standing(int(stood.pop("week")), **{name: tuple(sums) for name, sums in stood.items()}),
                segments={name: tuple(codes) for name, codes in told.pop("segments").items()},
                arrays=arrays,
                **told,
            )
        except (OSError, ValueError, KeyError, TypeError, RageError) as error:
            raise LogError(f"{place}: damaged, or no policy of ours ({error}); promote it again") from error
