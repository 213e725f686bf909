"""A trial: a small cohort of a world lived under random arms, with everything seen and everything true written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.log import Reports
from rage_env.state import Lives, Traits
from rage_env.week import Columns, When

__all__ = ["Lived", "Trial", "play", "refuse"]

_ARM_SEED = 20_250_101


@dataclass(frozen=True, eq=False)
class Lived:
    """One week of a trial: what stood before it, what was asked, what came of it."""

    week: int
    obs: NDArray[np.float32]  # (n, d), before the week
    info: dict[str, Any]  # before the week; Gymnasium's own type
    traits: Traits
    lives: Lives  # before the week
    when: When
    asked: NDArray[np.int64]  # (n,) arms, of departed users too
    potential: Columns  # {column: (n, k)}
    means: Columns  # {column: (n, k)}
    ledger: Columns  # {column: (n,)}
    arm: NDArray[np.intp]  # (n,) as lived
    present: NDArray[np.bool_]  # (n,) before the week
    reports: Reports
    reward: NDArray[np.float32]  # (n,)
    terminated: NDArray[np.bool_]  # (n,)
    truncated: NDArray[np.bool_]  # (n,)
    after: dict[str, Any]  # info after the week

    @property
    def user_id(self) -> NDArray[np.int64]:
        """(n,) who lived it."""
        return self.traits.user_id


@dataclass(frozen=True, eq=False)
class Trial:
    """A closed cohort's weeks; `env` is the cohort after them, and can make twins of itself."""

    env: CohortEnv
    seed: int
    weeks: tuple[Lived, ...]
    settled: Reports  # what was still to be reported when it ended

    @classmethod
    def run(cls, env: CohortEnv, users: int, weeks: int, seed: int) -> Trial:
        """Let `users` of a twin of this cohort live `weeks` weeks under uniformly random arms."""
        twin = env.twin(
            users, population="closed", reward="cash", observation="features", first_slot=0, n_max=None, weeks=weeks
        )
        obs, info = twin.reset(seed=seed)
        lived = []
        for wished in arms(twin, weeks):
            asked = permitted(wished, info)
            before = _before(twin)
            obs_after, reward, terminated, truncated, after = twin.step(asked)
            lived.append(
                Lived(
                    obs=obs, info=info, asked=asked, reward=reward, terminated=terminated, truncated=truncated,
                    after=after, ledger=twin.truth.ledger(), arm=twin.last_arm, present=twin.last_present,
                    reports=twin.reports(), **before,
                )
            )  # fmt: skip
            obs, info = obs_after, after
        return cls(twin, seed, tuple(lived), twin.settle())

    @property
    def reports(self) -> Reports:
        """All reports of the trial's own weeks, those that were still to come too."""
        every = Reports.concat([*(w.reports for w in self.weeks), self.settled])
        return every.where(every.accrual_week >= 0)


def _before(env: CohortEnv) -> dict[str, Any]:  # Any: fields of Lived
    return {
        "week": env.week,
        "traits": env.traits,
        "lives": env.lives.copy(),
        "when": env.when(env.week),
        "potential": env.truth.potential_outcomes(),
        "means": env.truth.mean_outcomes(),
    }


def arms(env: CohortEnv, weeks: int) -> list[NDArray[np.int64]]:
    """Uniformly random arms by week, (n,) each, one for a unit; they do not depend on how many slots there are."""
    unit = hooks.unit(env.scenario.used, env.traits)  # at the start, where each is the slot of its first row
    whole = np.random.default_rng(_ARM_SEED).integers(0, env.world.arms.k, (weeks, env.n_max))
    return [row[unit] for row in whole]


def permitted(wished: NDArray[np.int64], info: dict[str, Any]) -> NDArray[np.int64]:  # Any: Gymnasium's own type
    """(n,) these arms, and arm 0 for present users to whom the mask forbids theirs."""
    masked = np.take_along_axis(info["action_mask"], wished[:, None], axis=1)[:, 0] == 0
    return np.where(info["present"] & masked, 0, wished)


def play(env: CohortEnv, weeks: int, seed: int) -> list[dict[str, NDArray[Any]]]:
    """Everything per user that a cohort shows in these weeks, {name: (n, ...)} by week; sums of cohorts left out."""
    obs, info = env.reset(seed=seed)
    shown = [{"obs": obs, **_of_users(info)}]
    for wished in arms(env, weeks):
        obs, reward, terminated, truncated, info = env.step(permitted(wished, info))
        ends = {"reward": reward, "terminated": terminated, "truncated": truncated}
        shown.append({"obs": obs, **ends, **env.truth.ledger(), **_of_users(info)})
    return shown


def _of_users(info: dict[str, Any]) -> dict[str, Any]:  # Any: Gymnasium's own type
    return {k: v for k, v in info.items() if not k.startswith("_") and not k.endswith(("_to_date", "_last_week"))}


def refuse(bad: NDArray[np.bool_], user_id: NDArray[np.int64], week: int, rule: str, held: NDArray[Any]) -> None:
    """Raises WorldError naming the first bad user, the week, the rule and what was found. bad, user_id, held: (n,)."""
    if bad.any():
        row = int(np.argmax(bad))
        raise WorldError(f"user {user_id[row]}, week {week}: {rule}; got {held[row]} ({int(bad.sum())} such users)")
