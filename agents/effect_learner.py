"""What agents that fit effects on their own log have in common: rows kept, a schedule of fits, and wide exploration.

Until the first fit they randomise as widely as cautious guardrails allow, so that the fit has contrast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.beliefs.trees import MOST_LEAVES, SMALL, Growth
from agents.interface import Decision, Problem, Reason
from agents.kept import Kept, Sample
from agents.learner import Learner, LearnerParams
from agents.parameters import AgentParams
from agents.safety import Guard
from agents.uplift import Effects, LearnerName, Trial, fit_effects
from rage_env.interface import Feedback, Observation

__all__ = ["EffectLearner", "EffectParams", "explored_only", "widely"]

Floats = NDArray[np.float64]
_KEPT = ("revenue_gross", "bonus_cost", "contact_cost", "loss_bonus_abuse", "churned", "gmv")


class EffectParams(LearnerParams):
    """learner: t, x or dr. refit_weeks: when effects are fitted. explore: probability of each arm until then.

    explore_later: the share of every user's probabilities that keeps exploring. rows_per_week, rows_per_fit: most rows
    kept and fitted. trees, leaves, leaf_rows, bins: how fine effects are, as in `Growth`; many rows bear finer ones.
    """

    learner: LearnerName = "dr"
    refit_weeks: tuple[int, ...] = Field(default=(4, 8, 16), strict=False)  # a YAML list will do
    explore: float = Field(default=0.12, gt=0, lt=0.2)
    explore_later: float = Field(default=0.15, ge=0, lt=1)
    rows_per_week: int = Field(default=8_000, ge=100)
    rows_per_fit: int = Field(default=15_000, ge=100)
    trees: int = Field(default=SMALL.trees, ge=1, le=1_000)
    leaves: int = Field(default=SMALL.leaves, ge=2, le=MOST_LEAVES)
    leaf_rows: int | None = Field(default=SMALL.least_rows, ge=1)
    bins: int = Field(default=SMALL.bins, ge=2, le=255)

    @property
    def growth(self) -> Growth:
        """How the trees of effects are grown."""
        return replace(SMALL, trees=self.trees, leaves=self.leaves, least_rows=self.leaf_rows, bins=self.bins)


class EffectLearner(Learner):
    """Remembers rows of its own log, the effects fitted last and the week of that fit."""

    Params: ClassVar[type[AgentParams]] = EffectParams
    pairs: ClassVar[int] = 1  # of halves of the users that effects are grown on
    kept: Kept
    fitted: int  # the week before which the effects were fitted; -1 for never
    effects: Effects | None

    def start(self, problem: Problem) -> None:
        """Forget log and effects."""
        super().start(problem)
        self.kept = Kept(_KEPT, self._effect.rows_per_week, self.params.seed)
        self.fitted, self.effects = -1, None

    def learn(self, feedback: Feedback) -> None:
        """Beliefs as for every learner, and a sample of the week; one in which nobody was treated says nothing."""
        super().learn(feedback)
        week = feedback.new
        if week.week >= 0 or week.arm[week.present].any():
            self.kept.add(week)

    def begin_run(self) -> None:
        """Rows of the history stay, dated before the run."""
        super().begin_run()
        assert self.problem is not None
        self.kept.begin_run(self.problem.burn_in_weeks)

    def outcome(self, sample: Sample) -> Floats:
        """(rows,) what effects are effects on; larger is better."""
        raise NotImplementedError

    def believed(self, sample: Sample) -> Floats | None:
        """(rows, k - 1) effects believed already; None for nothing."""
        return None

    def refit(self, week: int) -> None:
        """Fit effects where the schedule asks for it and there are rows; at the start too, where there is a history."""
        schedule = (0, *self._effect.refit_weeks) if week == 0 else self._effect.refit_weeks
        due = [w for w in schedule if self.fitted < w <= week]
        sample = self.kept.before(week, self._effect.rows_per_fit) if due else None
        if sample is None:
            return
        assert self.problem is not None
        trial = Trial(sample.features, sample.arm, self.outcome(sample), sample.propensity, sample.user_id)
        self.effects = fit_effects(
            trial,
            self.problem.k,
            learner=self._effect.learner,
            offset=self.believed(sample),
            seed=self.params.seed,
            growth=self._effect.growth,
            pairs=self.pairs,
        )
        self.fitted = week

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Rows kept for later fits, and the effects."""
        out: dict[str, NDArray[np.generic]] = {"fitted": np.array(self.fitted)}
        out |= {f"kept/{name}": held for name, held in self.kept.arrays().items()}
        if self.effects is not None:
            out |= {f"effects/{name}": held for name, held in self.effects.arrays().items()}
        return out

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        self.fitted = int(arrays["fitted"])
        self.kept.restore(arrays, "kept/")
        self.effects = Effects.of(arrays, "effects/") if "effects/members" in arrays else None

    @property
    def _effect(self) -> EffectParams:
        assert isinstance(self.params, EffectParams)
        return self.params


def widely(observation: Observation, guard: Guard, explore: float) -> Floats:
    """(n, k) each allowed arm with probability `explore`, less where that arm alone strains a guardrail."""
    probs = guard.base.copy()
    for arm in range(1, observation.k):
        alone = guard.base.copy()
        extra = explore * observation.action_mask[:, arm] * (alone[:, 0] > explore)
        alone[:, arm] += extra
        alone[:, 0] -= extra
        share = guard.share_of(alone) / (observation.k - 1) ** 0.5
        probs[:, arm] += share * extra
        probs[:, 0] -= share * extra
    return probs


def explored_only(observation: Observation, guard: Guard, explored: Floats) -> Decision:
    """The decision of a week in which nothing is known yet."""
    reason = np.where(observation.present, Reason.EXPLORED, Reason.MASKED).astype(np.int8)
    return Decision(guard.kept(explored), None, reason)
