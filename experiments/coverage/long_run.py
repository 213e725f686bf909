"""Users of the fintech world over many weeks: what estimators sum of each is worked out once, so a sample is a look-up.

A million users lived under uniform arms; the reward model is `given`, fitted on other people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.coverage.sample import Floats
from experiments.coverage.world import FEATURES, losses_of_net_revenue, rewards_of, target_of
from experiments.estimators._base import Rows
from experiments.estimators._discovery import load
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation, observe

__all__ = ["LongRun", "ManyWeeks", "many_weeks"]

Asked = tuple[str, str]  # estimator, model
ASKED: tuple[Asked, ...] = (("ips", ""), ("snips", ""), ("sndr", "given"), ("dr", "given"))
COHORT = 50_000


BOUNDED: tuple[Asked, ...] = (("snips", ""), ("dr", "given"))


@dataclass(frozen=True, eq=False)
class ManyWeeks:
    """sums: {(estimator, model): (n, m)} of each user; truth: mean per user-week of conditional means.

    within: the same of net revenue down to the cap. beyond: (n,) weighted losses past it, summed.
    """

    sums: Mapping[Asked, Floats]
    truth: float
    within: Mapping[Asked, Floats]
    beyond: Floats


def many_weeks(outcome: str, weeks: int, users: int = 1_000_000, seed: int = 9_500) -> ManyWeeks:
    """Cohorts of the world, one after the other."""
    lines = _lines(outcome, seed - 1, weeks)
    parts = [_cohort(outcome, seed + i, weeks, lines) for i in range(users // COHORT)]
    sums = {asked: np.concatenate([p.sums[asked] for p in parts]) for asked in ASKED}
    within = {asked: np.concatenate([p.within[asked] for p in parts]) for asked in BOUNDED}
    beyond = np.concatenate([p.beyond for p in parts])
    return ManyWeeks(sums, float(np.mean([p.truth for p in parts])), within, beyond)


def _cohort(outcome: str, seed: int, weeks: int, lines: Floats) -> ManyWeeks:
    env, seen = _opened(seed, weeks)
    rng, made = np.random.default_rng(seed), load([name for name, _ in ASKED])
    sums: dict[Asked, Floats | float] = dict.fromkeys(ASKED, 0.0)
    within: dict[Asked, Floats | float] = dict.fromkeys(BOUNDED, 0.0)
    beyond, truth, cap = np.zeros(COHORT), 0.0, losses_of_net_revenue()[0]
    for _ in range(weeks):
        target = target_of(_keen(env, seen), seen.present)
        truth += float((target * rewards_of(env.truth.mean_outcomes())[outcome]).sum())
        arm = np.where(seen.present, rng.integers(0, 6, COHORT), 0)
        q = _design(env, seen) @ lines
        q[~seen.present] = 0.0
        propensity = np.where(seen.present, 1 / 6, 1.0)
        obs, _, _, _, info = env.step(arm)
        reward = rewards_of(env.truth.ledger())[outcome].astype(np.float64)
        for held, paid in ((sums, reward), (within, np.maximum(reward, -cap))):
            for name, model in held:
                rows = Rows(arm, propensity, paid, target, q if model else None)
                held[name, model] = held[name, model] + np.column_stack(made[name].terms(rows))
        weight = Rows(arm, propensity, reward, target).weight
        beyond += weight * np.maximum(-reward - cap, 0.0)
        seen = observe(obs, info)
    return ManyWeeks(_arrays(sums), truth / (weeks * COHORT), _arrays(within), beyond)


def _arrays(held: Mapping[Asked, Floats | float]) -> dict[Asked, Floats]:
    return {asked: np.asarray(sums, np.float64) for asked, sums in held.items()}


def _lines(outcome: str, seed: int, weeks: int) -> Floats:
    """(1 + d, k) a ridge line per arm, from the first week of a cohort that belongs to no sample."""
    env, seen = _opened(seed, weeks)
    arm, x = np.random.default_rng(seed).integers(0, 6, COHORT), _design(env, seen)
    env.step(np.where(seen.present, arm, 0))
    y, ridge = rewards_of(env.truth.ledger())[outcome].astype(np.float64), 10 * np.eye(x.shape[1])
    mine = [seen.present & (arm == a) for a in range(6)]
    return np.stack([np.linalg.solve(x[m].T @ x[m] + ridge, x[m].T @ y[m]) for m in mine], axis=1)


def _opened(seed: int, weeks: int) -> tuple[CohortEnv, Observation]:
    env = CohortEnv(COHORT, "fintech", seed=seed, weeks=weeks)
    return env, observe(*env.reset(seed=seed))


def _keen(env: CohortEnv, seen: Observation) -> NDArray[np.bool_]:
    return np.asarray(seen.features[:, env.features.names.index("active_1w")] > 0.5)


def _design(env: CohortEnv, seen: Observation) -> Floats:
    place = [env.features.names.index(f) for f in FEATURES]
    return np.column_stack([np.ones(seen.n), seen.features[:, place].astype(np.float64)])


@dataclass(frozen=True, eq=False)
class LongRun:
    """So many users of them."""

    lived: ManyWeeks
    outcome: str
    weeks: int
    users: int
    goal: tuple[float, float]

    @property
    def name(self) -> str:
        """Outcome and horizon."""
        return f"{self.outcome}, {self.weeks} weeks a user"

    @property
    def truth(self) -> float:
        """Of the million."""
        return self.lived.truth

    def draw(self, rng: np.random.Generator) -> ManyWeeks:
        """Sums of users drawn afresh, all different."""
        lived = self.lived
        who = rng.choice(len(lived.beyond), self.users, replace=False, shuffle=False)
        sums, within = ({asked: held[who] for asked, held in of.items()} for of in (lived.sums, lived.within))
        return ManyWeeks(sums, lived.truth, within, lived.beyond[who])
