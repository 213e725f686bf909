"""What following a policy for several weeks is expected to bring: forked twins of a cohort live on, it stays as it is.

Within a week nothing is left to luck: the week's ledger is the conditional mean given the state before it, mixed over
arms by the policy's probabilities (Blackwell 1947). Arms and luck are drawn only to move on to the next week, so the
mean over replications is unbiased for every column and the first week is exact.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import DecisionError
from rage_env.interface import Observation, check_probs, observe
from rage_env.outcomes import COLUMNS
from rage_env.randomness import Draw, Noise, arms_one_by_one, person_keys, seed_key
from rage_env.recycle import Recycled

if TYPE_CHECKING:
    from rage_env.cohort import CohortEnv

__all__ = ["Luck", "Policy", "Rollout", "rollout"]

Floats = NDArray[np.float64]
Luck = Literal["fresh", "common"]
Policy = Callable[[Observation], NDArray[np.floating]]
"""What a policy is here: Observation -> probabilities (n, k). It is asked once a week in every replication and must not
remember anything between."""

_REPLICATIONS = 16
_SHARED = (
    "world", "scenario", "features", "laws", "burn_in_logs", "burn_in_reports", "observation_space", "action_space",
)  # fmt: skip
"""What twins have in common with their cohort, because nobody ever writes to it."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """Expected ledgers by week, as means per slot: departed users count 0, newcomers of an open cohort in their slot.

    runs: {column: (m, weeks)} of each replication; users: {column: (n,)} totals over all weeks, if asked for.
    """

    first_week: int
    n: int
    runs: Mapping[str, Floats]
    users: Mapping[str, Floats] | None = None

    @property
    def replications(self) -> int:
        """How often the weeks were lived."""
        return len(self.runs[COLUMNS[0]])

    @property
    def mean(self) -> dict[str, Floats]:
        """{column: (weeks,)} over replications, in the column's unit per user-week."""
        return {c: v.mean(axis=0) for c, v in self.runs.items()}

    @property
    def stderr(self) -> dict[str, Floats]:
        """{column: (weeks,)} standard error of `mean` by luck, for these very people; nan for one replication."""
        return {c: _stderr(v) for c, v in self.runs.items()}

    @property
    def total(self) -> dict[str, tuple[float, float]]:
        """{column: (sum over weeks and users, its standard error)}."""
        sums = {c: self.n * v.sum(axis=1, keepdims=True) for c, v in self.runs.items()}
        return {c: (float(v.mean()), float(_stderr(v)[0])) for c, v in sums.items()}

    def minus(self, other: Rollout) -> Rollout:
        """The paired difference: replication by replication, whose luck is the same for both if `luck` and `seed` were.

        Raises DecisionError where the two do not start from one state or were not lived equally often.
        """
        mine, its = ((r.first_week, r.n, *r.runs[COLUMNS[0]].shape) for r in (self, other))
        if mine != its:
            raise DecisionError(
                "rollouts can be paired where week, users, replications and weeks ahead are the same; "
                f"got {mine} and {its}"
            )
        both = None if self.users is None or other.users is None else _less(self.users, other.users)
        return Rollout(self.first_week, self.n, _less(self.runs, other.runs), both)


def rollout(
    env: CohortEnv,
    policy: Policy,
    weeks: int,
    *,
    luck: Luck = "fresh",
    replications: int | None = None,
    seed: int = 0,
    drawn: bool = False,
    per_user: bool = False,
) -> Rollout:
    """The coming `weeks` of this cohort under `policy`; the cohort itself is left as it is.

    luck: `fresh` draws the weeks' luck anew in each of `replications` (16), the same for every policy asked with one
    `seed`; who joins an open cohort and how the calendar drifts stay the world's own. `common` follows the luck that
    the cohort itself will have, once. drawn: book the ledger as drawn instead of its conditional mean. per_user: keep
    every user's totals. Arms are drawn for each unit alone, so head-count limits hold in expectation.
    Raises DecisionError.
    """
    count = _checked(env, weeks, luck, replications)
    runs = {c: np.empty((count, weeks)) for c in COLUMNS}
    users = {c: np.zeros(env.assigned) for c in COLUMNS} if per_user else None
    for r in range(count):
        twin, key = _fork(env), env.key
        if luck == "fresh":
            key = seed_key(seed_key(env.key, seed + 1), r + 1)
            _renew_luck(twin, key)
        for week, ledger in enumerate(_weeks(twin, key, policy, weeks, drawn)):
            for c in COLUMNS:
                runs[c][r, week] = ledger[c].mean(dtype=np.float64)
                if users is not None:
                    users[c] += ledger[c] / count
        vars(twin).clear()  # it refers to itself; emptied, its arrays are freed at once
    return Rollout(env.week, env.assigned, runs, users)


def _weeks(
    twin: CohortEnv, key: int, policy: Policy, weeks: int, drawn: bool
) -> Iterator[Mapping[str, NDArray[np.floating]]]:
    """{column: (n,)} of one week after the other, arms drawn under key; the twin moves on only as far as it is read."""
    twin.is_new = twin.lives.age < 1  # the cohort was observed before it was forked, which is when this is forgotten
    observation = observe(*twin._observe())
    for left in range(weeks, 0, -1):
        probs = check_probs(observation, policy(observation))
        if not drawn:
            mix = probs / probs.sum(axis=1, keepdims=True, dtype=np.float64)
            yield {c: np.einsum("nk,nk->n", mix, mean) for c, mean in twin.truth.mean_outcomes().items()}
            if left == 1:
                return
        luck = Noise(key, person_keys(key, observation.unit), twin.week).uniform64(Draw.ARM)
        obs, _, _, _, info = twin.step(arms_one_by_one(probs, luck))
        if drawn:
            yield twin.truth.ledger()
        observation = observe(obs, info)


def _fork(env: CohortEnv) -> CohortEnv:
    """A cohort in the same state that shares nothing with this one but what is never written to."""
    memo: dict[int, object] = {id(held): held for held in (getattr(env, name) for name in _SHARED)}
    memo |= {id(held): Recycled(np.float32) for held in vars(env).values() if isinstance(held, Recycled)}  # scratch
    return copy.deepcopy(env, memo)


def _renew_luck(twin: CohortEnv, key: int) -> None:
    """Let everybody's weeks be drawn under this key; people to come and the calendar's drift stay the world's own."""

    def luck(rows: slice, week: int) -> Noise:
        return Noise(key, twin.traits.key[rows], week + twin.scenario.burn_in_weeks)

    vars(twin)["luck"] = luck  # shadows the method, for this twin alone


def _checked(env: CohortEnv, weeks: int, luck: str, replications: int | None) -> int:
    """How many replications are meant. Raises DecisionError for what cannot be rolled out."""
    if not hasattr(env, "lives"):
        raise DecisionError("truth.rollout: the cohort has no state yet; call reset() first")
    left = env.scenario.weeks - env.week
    if not 1 <= weeks <= left:
        raise DecisionError(
            f"truth.rollout: weeks must lie between 1 and the {left} left of {env.scenario.weeks}; got {weeks}; "
            "make the environment with more weeks"
        )
    if luck not in get_args(Luck):
        raise DecisionError(f"truth.rollout: luck must be one of {', '.join(get_args(Luck))}; got {luck!r}")
    if luck == "common" and replications not in (None, 1):
        raise DecisionError(
            f"truth.rollout: there is one common luck, so one replication; got {replications}; use luck='fresh'"
        )
    count = (1 if luck == "common" else _REPLICATIONS) if replications is None else replications
    if count < 1:
        raise DecisionError(f"truth.rollout: replications must be 1 or more; got {count}")
    return count


def _stderr(runs: Floats) -> Floats:
    """(weeks,) standard error over the first axis."""
    m = len(runs)
    if m < 2:
        return np.full(runs.shape[1], math.nan)
    spread: Floats = runs.std(axis=0, ddof=1) / math.sqrt(m)
    return spread


def _less(a: Mapping[str, Floats], b: Mapping[str, Floats]) -> dict[str, Floats]:
    return {c: a[c] - b[c] for c in a}
