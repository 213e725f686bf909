"""Thompson sampling under guardrails: the share of posterior draws in which an arm is best is its probability.

Draws are of the effects (Thompson 1933; Agrawal and Goyal 2013); usage stays pooled and cautious in all of them.
One program finds the prices at which the draws together keep the guardrails (Agrawal and Devanur 2016): each user
stands in it with one of the draws. The mixture itself is then checked and, if need be, drawn back.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.interface import Decision, Problem, Reason
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard, floored
from agents.sharing import together
from rage_env.interface import Observation

__all__ = ["Thompson", "ThompsonParams"]

Floats = NDArray[np.float64]


class ThompsonParams(LearnerParams):
    """draws: of the posterior, each week. explore: share spread evenly over the allowed arms that are safe."""

    draws: int = Field(default=16, ge=1, le=1000)
    explore: float = Field(default=0.002, ge=0, le=0.5)


class Thompson(Learner):
    """Probabilities are averages over posterior draws, so that what is logged is exactly what was drawn from."""

    Params: ClassVar[type[AgentParams]] = ThompsonParams

    def drawn(self, observation: Observation, guard: Guard, rng: np.random.Generator) -> list[Floats]:
        """Values (n, k) at `draws` draws from the posterior."""
        return list(guard.outlook.draws(rng, self._thompson.draws))

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """The mixture over draws, a little exploration, and no more usage than the guard allows."""
        explore = self._thompson.explore
        rng = self.rng(observation.week)
        draws = self.drawn(observation, guard, rng)
        turn = rng.permutation(observation.n) % len(draws)
        value = np.stack(draws)[turn, np.arange(observation.n)]
        plan = guard.plan(value, start)
        mixture = np.zeros((observation.n, observation.k))
        for draw in draws:
            priced = plan.priced(draw)
            mixture += guard.plan(draw, start).probs if priced is None else _best(priced, observation)
        shared = floored(mixture / len(draws), guard.floor / (1 - explore), observation)
        safe = _safe(guard.problem, observation)
        probs = guard.kept((1 - explore) * shared + explore * safe)
        reason = reasons(probs, observation)
        unsure = (reason == Reason.TARGETED) & (probs.max(axis=1) < 0.5)
        return Decision(probs, None, np.where(unsure, Reason.EXPLORED, reason).astype(np.int8))

    @property
    def _thompson(self) -> ThompsonParams:
        assert isinstance(self.params, ThompsonParams)
        return self.params


def _best(score: NDArray[np.float64], observation: Observation) -> NDArray[np.float64]:
    """(n, k) 1 at the best arm that all users of a unit may have, by the unit's total score."""
    codes, allowed = together(observation), observation.action_mask > 0
    if codes is not None:
        score = np.stack([np.bincount(codes, weights=column)[codes] for column in score.T], axis=1)
        barred = np.stack([np.bincount(codes, weights=~column)[codes] for column in allowed.T], axis=1)
        allowed = barred == 0
    best = np.where(allowed, score, -np.inf).argmax(axis=1)
    return np.asarray(np.eye(observation.k)[best])


def _safe(problem: Problem, observation: Observation) -> NDArray[np.float64]:
    """(n, k) uniform over allowed arms whose declared mean loss is at most twice that of leaving alone."""
    bounds = np.array([a.mean_loss_bound_usd for a in problem.arms])
    allowed = observation.action_mask * (bounds <= 2.0 * bounds[0])
    allowed[:, 0] = 1
    return np.asarray(allowed / allowed.sum(axis=1, keepdims=True))
