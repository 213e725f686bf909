"""A batch of users as a table, turned into what an agent observes; what is wrong is said by column, row and rule.

One row a user: `user_id`, `x_<feature>` for every feature, `allowed` (names of the arms the user may get), `segment_*`
codes and, where the policy asks for it, `status_quo_<arm>` probabilities of today's campaign. `unit` (rows of one unit
get one decision) and `present` (0 for users who have left but count in a limit's denominator) may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.serving.frozen import Frozen
from experiments.serving.table import number, numbers, refuse, wholes
from rage_env.errors import LogError, did_you_mean
from rage_env.interface import NO_OFFER, Observation
from rage_env.log_tables import FEATURE_PREFIX

__all__ = ["ALLOWED", "LATEST_WEEK", "SEGMENT_PREFIX", "STATUS_QUO_PREFIX", "Asked", "observation_of", "required"]

ALLOWED, UNIT, PRESENT = "allowed", "unit", "present"
SEGMENT_PREFIX, STATUS_QUO_PREFIX = "segment_", "status_quo_"
LATEST_WEEK = 1_000_000
_SUMS = ("numerator_to_date", "denominator_to_date", "denominator_last_week")


@dataclass(frozen=True)
class Asked:
    """What a request says beside its rows: the week to decide, the seed of the draw, and sums reported to date."""

    week: int
    seed: int
    sums: Mapping[str, NDArray[np.float64]]  # {one of _SUMS: (g,)}

    @classmethod
    def of(cls, policy: Frozen, params: Mapping[str, object]) -> Asked:
        """What was given, and for the rest what the run had come to. Raises LogError naming the parameter."""
        known = ("week", "seed", *_SUMS)
        strange = [name for name in params if name not in known]
        if strange:
            raise LogError(
                f"params: {strange[0]!r} is none{did_you_mean(strange[0], known)} There are {', '.join(known)}."
            )
        now = policy.standing.week
        week = _whole("week", params.get("week", now), now, LATEST_WEEK, f"the run decided weeks before {now}")
        seed = _whole("seed", params.get("seed", policy.seed), 0, 2**63 - 1, "the draw's luck has no negative seed")
        sums = {name: _sums(policy, name, params.get(name)) for name in _SUMS}
        return cls(week, seed, sums)


def required(policy: Frozen) -> tuple[str, ...]:
    """Columns that every request has, in order."""
    today = [STATUS_QUO_PREFIX + arm for arm in policy.arms] if policy.asks_status_quo else []
    features = [FEATURE_PREFIX + name for name in policy.problem.feature_names]
    return ("user_id", *features, ALLOWED, *(SEGMENT_PREFIX + name for name in policy.segments), *today)


def observation_of(policy: Frozen, table: pd.DataFrame, asked: Asked) -> Observation:
    """What the agent sees of these users. Raises LogError naming column, row, rule and value."""
    _refuse_columns(policy, table)
    user_id = wholes(table, "user_id")
    _refuse_twice(user_id)
    present = _flags(table, PRESENT)
    mask = _mask(policy, table)
    mask[~present] = np.eye(policy.problem.k, dtype=np.int8)[NO_OFFER]
    names = policy.problem.feature_names
    return Observation(
        week=asked.week,
        user_id=user_id,
        unit=wholes(table, UNIT) if UNIT in table else user_id,
        features=np.stack(
            [numbers(table, FEATURE_PREFIX + n).astype(np.float32) for n in names]
        ).T,  # laid out as the world's
        action_mask=mask,
        is_new=np.zeros(len(table), np.bool_),
        present=present,
        segments={name: _codes(table, SEGMENT_PREFIX + name, codes) for name, codes in policy.segments.items()},
        status_quo=_status_quo(policy, table),
        **asked.sums,
    )


def _refuse_columns(policy: Frozen, table: pd.DataFrame) -> None:
    if not len(table):
        raise LogError("request: holds no rows; send one row for each user to be decided about")
    wanted, may = required(policy), (UNIT, PRESENT)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise LogError(f"request: column {twice[0]!r} stands twice; send it once")
    missing = [c for c in wanted if c not in table]
    if missing:
        others = [c for c in map(str, table.columns) if c not in wanted]
        raise LogError(f"request: column {missing[0]!r} is missing{did_you_mean(missing[0], others)} {_needs(wanted)}")
    status_quo = [STATUS_QUO_PREFIX + arm for arm in policy.arms]  # sent in vain where nothing asks for them
    strange = [str(c) for c in table.columns if c not in (*wanted, *may, *status_quo)]
    if strange:
        raise LogError(
            f"request: column {strange[0]!r} is unknown{did_you_mean(strange[0], (*wanted, *may))} {_needs(wanted)}"
        )


def _needs(wanted: Sequence[str]) -> str:
    return f"Every request has {', '.join(wanted)}; it may have {UNIT}, {PRESENT}."


def _refuse_twice(user_id: NDArray[np.int64]) -> None:
    _, first, count = np.unique(user_id, return_index=True, return_counts=True)
    if (count > 1).any():
        at = int(first[count > 1].min())
        again = int(np.flatnonzero(user_id == user_id[at])[1])
        raise LogError(f"request: user_id {user_id[at]} stands in rows {at} and {again}; send each user once")


def _codes(table: pd.DataFrame, name: str, met: Sequence[int]) -> NDArray[np.int64]:
    found = wholes(table, name)
    rule = f"must be a code that the policy's run met ({', '.join(map(str, met))})"
    refuse(table, name, ~np.isin(found, met), rule)
    return found


def _flags(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in table:
        return np.ones(len(table), np.bool_)
    found = numbers(table, name)
    refuse(table, name, ~np.isin(found, (0.0, 1.0)), "must be 0 or 1")
    return np.asarray(found == 1.0)


def _mask(policy: Frozen, table: pd.DataFrame) -> NDArray[np.int8]:
    """(n, k) 1 for arms that are named, and for arm 0."""
    place = {arm: j for j, arm in enumerate(policy.arms)}
    mask = np.zeros((len(table), len(place)), np.int8)
    mask[:, NO_OFFER] = 1
    for row, held in enumerate(table[ALLOWED].tolist()):
        names = held.split() if isinstance(held, str) else held
        if not isinstance(names, list | tuple | np.ndarray):
            known = np.arange(len(table)) == row
            refuse(table, ALLOWED, known, f"must name arms, such as {' '.join(policy.arms[1:3])!r}, or be ''")
        for name in names:
            if name not in place:
                near = did_you_mean(str(name), policy.arms)
                raise LogError(
                    f"request: column {ALLOWED!r}, row {row}: no arm is called {name!r}{near} "
                    f"Arms: {', '.join(policy.arms)}."
                )
            mask[row, place[name]] = 1
    return mask


def _status_quo(policy: Frozen, table: pd.DataFrame) -> NDArray[np.float32]:
    """(n, k) what happens today; where nothing asks for it, everybody left alone."""
    if not policy.asks_status_quo:
        return np.tile(np.eye(policy.problem.k, dtype=np.float32)[NO_OFFER], (len(table), 1))
    names = [STATUS_QUO_PREFIX + arm for arm in policy.arms]
    found = np.stack([numbers(table, name) for name in names], axis=1)
    for j, name in enumerate(names):
        refuse(table, name, ~((found[:, j] >= 0) & (found[:, j] <= 1)), "must be a probability from 0 to 1")
    off = np.abs(found.sum(axis=1) - 1) > 1e-5
    if off.any():
        row = int(np.argmax(off))
        raise LogError(
            f"request: columns {STATUS_QUO_PREFIX}*, row {row}: must sum to 1, sum to {found[row].sum():.6g}; "
            "send what each arm's chance is today, no_offer with the rest"
        )
    return found.astype(np.float32)


def _whole(name: str, given: object, least: int, most: int, why: str) -> int:
    value = number(given)
    if value is None or value != int(value) or not least <= value <= most:
        raise LogError(f"params: {name}: must be a whole number from {least} to {most} ({why}); got {given!r}")
    return int(str(given)) if isinstance(given, int) else int(value)


def _sums(policy: Frozen, name: str, given: object) -> NDArray[np.float64]:
    """(g,) one for each guardrail, in their order."""
    held = getattr(policy.standing, name)
    found = np.asarray(held if given is None else given)
    guardrails = [g.name for g in policy.problem.guardrails]
    wrong = found.ndim != 1 or (len(found) and (found.dtype.kind not in "iuf" or not np.isfinite(found).all()))
    if wrong or len(found) != len(held):
        raise LogError(
            f"params: {name}: must be {len(held)} finite numbers, one for each of {', '.join(guardrails)}; "
            f"got {given!r}"
        )
    return found.astype(np.float64)
