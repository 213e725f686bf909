"""Lives are a function of seed, person and arm alone: not of chunks, threads, shards or neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.randomness import Draw, keys_of_hashes
from rage_env.trial import Trial, play, refuse
from rage_env.week import When

__all__ = [
    "chunks_make_no_difference",
    "luck_belongs_to_one_person_in_one_week",
    "luck_lies_strictly_between_0_and_1",
    "other_seeds_give_other_lives",
    "other_users_make_no_difference",
    "shards_make_no_difference",
    "the_same_seed_gives_the_same_bits",
    "threads_make_no_difference",
]

_WEEKS = 4
_DRAWS = (Draw.ACTIVITY, Draw.CHURN)
Shown = list[dict[str, NDArray[Any]]]  # Any: arrays of every dtype


def the_same_seed_gives_the_same_bits(trial: Trial) -> None:
    """A cohort with the same seed lives the same weeks, and asking for the truth in between changes none of them."""
    again = _reference(trial)
    lived: Shown = [{"reward": w.reward, "terminated": w.terminated, **w.ledger} for w in trial.weeks[: _weeks(trial)]]
    _compare(again[1:], lived, "the same seed must give the same bits")


def other_seeds_give_other_lives(trial: Trial) -> None:
    """Another seed, and the next episode of the same seed, give other lives."""
    env = trial.env.twin()
    first = env.reset(seed=trial.seed)[0]
    for rule, seed in (("the next episode", None), ("another seed", trial.seed + 1)):
        obs = env.reset(seed=seed)[0]
        same = (obs == first).all(axis=1)
        if same.mean() > 0.5:
            row = int(np.argmax(same))
            raise WorldError(f"user {env.traits.user_id[row]}, week 0: {rule} must give other lives; got the same")


def luck_belongs_to_one_person_in_one_week(trial: Trial) -> None:
    """No uniform of 52 bits comes twice: not to another user, nor in another week, draw, or neighbouring seed."""
    env = trial.env.twin()
    found = []
    for seed in (trial.seed, trial.seed ^ 1, trial.seed + 2):
        env.reset(seed=seed)
        found += [env.luck(slice(None), w).uniform64(draw) for w in range(_WEEKS) for draw in _DRAWS]
    values = np.concatenate(found)
    _, first, times = np.unique(values, return_index=True, return_counts=True)
    if (times > 1).any():
        at, row = divmod(int(first[np.argmax(times > 1)]), env.num_envs)
        raise WorldError(
            f"user {env.traits.user_id[row]}, week {at // len(_DRAWS) % _WEEKS}: this luck also belongs "
            f"to another user, week, draw or seed ({int((times > 1).sum())} of {len(values)})"
        )


def chunks_make_no_difference(trial: Trial) -> None:
    """Living slots in small chunks gives the same bits."""
    env = trial.env.twin()
    env.chunk = _whole(env, env.num_envs // 3 - 1)
    _compare(_play(trial, env), _reference(trial), f"chunks of {env.chunk} slots must give the same bits")


def threads_make_no_difference(trial: Trial) -> None:
    """Living chunks on several threads gives the same bits."""
    env = trial.env.twin(threads=3)
    env.chunk = _whole(env, env.num_envs // 7)
    _compare(_play(trial, env), _reference(trial), "three threads must give the same bits")


def shards_make_no_difference(trial: Trial) -> None:
    """A shard that lives alone, and is told the cohort's sums, shows what its users show in the whole cohort."""
    n = trial.env.num_envs
    grain = hooks.grain(trial.env.scenario.used)
    start = min(_whole(trial.env, n // 3), (n - 1) // grain * grain)
    size = min(_whole(trial.env, n // 4), n - start)
    reference = trial.env.twin()
    sums = _told(reference)
    whole = [{k: v[start : start + size] for k, v in week.items()} for week in _play(trial, reference)]
    shard = _telling(trial.env.twin(size, first_slot=start, n_max=n), sums)
    _compare(_play(trial, shard), whole, f"slots {start} to {start + size - 1} alone must live as in the whole")


def other_users_make_no_difference(trial: Trial) -> None:
    """The first users live the same life in a smaller cohort that is told the sums of the larger one."""
    few = min(_whole(trial.env, trial.env.num_envs // 20), trial.env.num_envs)
    reference = trial.env.twin()
    sums = _told(reference)
    whole = [{k: v[:few] for k, v in week.items()} for week in _play(trial, reference)]
    small = _telling(trial.env.twin(few, n_max=trial.env.num_envs), sums)
    _compare(_play(trial, small), whole, f"{few} users alone must live as among {trial.env.num_envs}")


def luck_lies_strictly_between_0_and_1(trial: Trial) -> None:
    """Uniforms stay inside (0, 1) for the smallest and largest hashes that can occur."""
    luck = trial.env.luck(slice(0, 1), 0)
    extremes = (0, (1 << 64) - 1)
    for draw in Draw:
        edge = type(luck)(luck.key, keys_of_hashes(extremes, luck, draw), luck.week)
        for u in (*edge.pair(draw), edge.uniform(draw), edge.uniform64(draw)):
            if not (u[0] > 0 and u[1] < 1):
                raise WorldError(f"draw {draw.name}: uniforms must lie inside (0, 1); the extremes are {u.tolist()}")


def _whole(env: CohortEnv, slots: int) -> int:
    """As many slots, up to whole grains: no chunk or shard may cut through an account."""
    grain = hooks.grain(env.scenario.used)
    return max(grain, slots // grain * grain)


def _told(env: CohortEnv) -> dict[int, When]:
    """What this cohort will be told of its own last weeks, by week, filled in as it lives."""
    told: dict[int, When] = {}
    usual = env.when

    def when(week: int) -> When:
        told[week] = usual(week)
        return told[week]

    env.__dict__["when"] = when
    return told


def _telling(env: CohortEnv, told: dict[int, When]) -> CohortEnv:
    """The cohort, told of every week what another one was told."""
    usual = env.when
    env.__dict__["when"] = lambda week: replace(usual(week), sums=told[week].sums)
    return env


def _weeks(trial: Trial) -> int:
    return min(_WEEKS, len(trial.weeks))


def _play(trial: Trial, env: CohortEnv) -> Shown:
    return play(env, _weeks(trial), trial.seed)


def _reference(trial: Trial) -> Shown:
    return _play(trial, trial.env.twin())


def _compare(one: Sequence[dict[str, NDArray[Any]]], other: Sequence[dict[str, NDArray[Any]]], rule: str) -> None:
    for week, (a, b) in enumerate(zip(one, other, strict=True)):
        for name in b:
            held = np.asarray(a[name]).reshape(len(a[name]), -1)
            differs = held != np.asarray(b[name]).reshape(held.shape)
            first = np.take_along_axis(held, differs.argmax(axis=1)[:, None], axis=1)[:, 0]
            refuse(differs.any(axis=1), a["user_id"], week, f"{rule}; {name} differs", first)
