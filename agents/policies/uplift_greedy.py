"""Ranks by causal effect: a doubly robust learner on its own randomised log, then the program of the week.

Until the first fit it randomises as widely as cautious guardrails allow; afterwards a small share keeps doing so,
so that every refit has contrast. The learner starts from the linear belief and adds what that misses, as far as it
holds for users of the other fold; losses that are reported late enter the outcome as believed for the GMV spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.interface import Decision, Problem, Reason
from agents.learner import Expected, Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard
from agents.uplift.dr import Effects, Trial, fit_effects
from rage_env.interface import Feedback, Observation
from rage_env.log import WeekLog

Floats = NDArray[np.float64]


class UpliftGreedyParams(LearnerParams):
    """refit_weeks: when effects are fitted. explore: probability of each arm while exploring; explore_later: the
    share of every user's probabilities that keeps exploring. effect_sd: prior sd of average effects, in dollars.
    rows_per_week, rows_per_fit: most rows kept and fitted.
    """

    refit_weeks: tuple[int, ...] = Field(default=(4, 8, 16), strict=False)  # a YAML list will do
    explore: float = Field(default=0.12, gt=0, lt=0.2)
    explore_later: float = Field(default=0.15, ge=0, lt=1)
    effect_sd: float = Field(default=0.1, gt=0)
    rows_per_week: int = Field(default=8_000, ge=100)
    rows_per_fit: int = Field(default=15_000, ge=100)


class UpliftGreedy(Learner):
    """Greedy on effects. Remembers rows of its own log and the week of the last fit."""

    name = "uplift_greedy"
    Params: ClassVar[type[AgentParams]] = UpliftGreedyParams
    weeks: list[tuple[int, Trial]]
    gmv: list[tuple[int, NDArray[np.float32]]]  # of the same rows
    trial: Trial | None  # of the last fit
    believed: Floats  # (rows, k - 1) effects that the belief had then
    fitted: int  # the week before which the effects were fitted; -1 for never
    effects: Effects | None

    def start(self, problem: Problem) -> None:
        """Forget log and effects."""
        super().start(problem)
        self.weeks, self.gmv, self.trial = [], [], None
        self.fitted, self.effects = -1, None

    def learn(self, feedback: Feedback) -> None:
        """Beliefs as for every learner, and a sample of the week's rows for the effects."""
        super().learn(feedback)
        if feedback.new.week >= 0:
            self._keep(feedback.new)

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """Explore, or treat by effect and keep exploring a little."""
        params = self._params
        due = [w for w in params.refit_weeks if self.fitted < w <= observation.week]
        if due and self.weeks:
            self._fit(observation.week)
        widely = self._explored(observation, guard)
        if self.effects is None:
            probs = guard.kept(widely)
            reason = np.where(observation.present, Reason.EXPLORED, Reason.MASKED).astype(np.int8)
            return Decision(probs, None, reason)
        value = self._value(observation, guard, self.effects)
        plan = guard.plan(value, start)
        mixture = (1 - params.explore_later) * plan.probs.astype(np.float64) + params.explore_later * widely
        probs = guard.kept(mixture)
        expects = Expected(value, guard.outlook.means)
        return Decision(probs, None, reasons(probs, observation), expects)

    def _value(self, observation: Observation, guard: Guard, effects: Effects) -> Floats:
        """(n, k) effects as the linear belief has them, and what the learner found beyond it."""
        value = guard.outlook.value
        value[:, 1:] += effects.predict(observation.features, self._params.effect_sd) * observation.present[:, None]
        return value

    def _explored(self, observation: Observation, guard: Guard) -> Floats:
        """Each allowed arm with the same small probability, less where that arm alone strains a guardrail."""
        probs = guard.base.copy()
        for arm in range(1, observation.k):
            alone = guard.base.copy()
            extra = self._params.explore * observation.action_mask[:, arm] * (alone[:, 0] > self._params.explore)
            alone[:, arm] += extra
            alone[:, 0] -= extra
            share = guard.share_of(alone) / (observation.k - 1) ** 0.5
            probs[:, arm] += share * extra
            probs[:, 0] -= share * extra
        return probs

    def _keep(self, week: WeekLog) -> None:
        here = np.flatnonzero(week.present)
        if len(here) > self._params.rows_per_week:
            order = np.random.default_rng([self.params.seed, week.week]).permutation(len(here))
            here = np.sort(here[order[: self._params.rows_per_week]])
        assert self.problem is not None
        columns = week.columns
        margin = columns["revenue_gross"] - columns["bonus_cost"] - columns["contact_cost"]
        outcome = margin - columns["loss_bonus_abuse"] - self.problem.retention_value_usd * columns["churned"]
        trial = Trial(
            week.features[here],
            week.arm[here].astype(np.int64),
            outcome[here].astype(np.float64),
            week.propensity[here].astype(np.float64),
            week.user_id[here],
        )
        self.weeks.append((week.week, trial))
        self.gmv.append((week.week, columns["gmv"][here].astype(np.float32)))

    def _fit(self, week: int) -> None:
        """Fit effects on rows of weeks before `week`, a fixed subsample where there are too many."""
        used = [t for w, t in self.weeks if w < week]
        gmv = np.concatenate([g for w, g in self.gmv if w < week])
        trial = Trial(*(np.concatenate([getattr(t, f) for t in used]) for f in Trial.__dataclass_fields__))
        most = self._params.rows_per_fit
        order = np.random.default_rng([self.params.seed, 7, week]).permutation(len(trial.arm))
        keep = np.sort(order[:most])
        trial, gmv = trial.rows(keep), gmv[keep]
        late = self.belief.late_loss(trial.features, trial.arm, gmv)
        self._fit_on(replace(trial, outcome=trial.outcome - late), self.belief.effects(trial.features)[:, 1:])
        self.fitted = week

    def _fit_on(self, trial: Trial, believed: Floats) -> None:
        assert self.problem is not None
        self.trial, self.believed = trial, believed
        self.effects = fit_effects(trial, self.problem.k, offset=believed, seed=self.params.seed)

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Rows kept for later fits, and those of the last one: effects are fitted anew from them."""
        out: dict[str, NDArray[np.generic]] = {"fitted": np.array(self.fitted)}
        for (week, trial), (_, gmv) in zip(self.weeks, self.gmv, strict=True):
            out |= {f"trial/{week}/{f}": a for f, a in trial.arrays().items()}
            out[f"gmv/{week}"] = gmv
        if self.trial is not None:
            out |= {f"last_trial/{f}": a for f, a in self.trial.arrays().items()}
            out["believed"] = self.believed
        return out

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        weeks = sorted(int(name.split("/")[1]) for name in arrays if name.startswith("gmv/"))
        self.weeks = [(w, Trial.of(arrays, f"trial/{w}/")) for w in weeks]
        self.gmv = [(w, np.asarray(arrays[f"gmv/{w}"], dtype=np.float32)) for w in weeks]
        self.fitted, self.effects, self.trial = int(arrays["fitted"]), None, None
        if "believed" in arrays:
            self._fit_on(Trial.of(arrays, "last_trial/"), np.asarray(arrays["believed"], dtype=np.float64))

    @property
    def _params(self) -> UpliftGreedyParams:
        assert isinstance(self.params, UpliftGreedyParams)
        return self.params
