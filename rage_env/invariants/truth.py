"""The truth agrees with what is lived: potential outcomes bit for bit, means within their error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.outcomes import COLUMNS, LOSSES
from rage_env.randomness import person_keys, seed_key
from rage_env.state import FraudType, Lives, Traits
from rage_env.trial import Trial, refuse
from rage_env.week import START, When
from rage_env.world import ledger_of

__all__ = ["means_agree_with_redraws", "others_meet_through_last_week_alone", "potential_outcomes_equal_the_ledger"]

USERS = 400
_REDRAWS = 2_000
_AT_ONCE = 40  # copies of the users in one chunk
_CERTAINTY = 5.0  # standard errors; with 17 columns and 6 arms luck fails this once in 17,000 worlds
_FEW = 25  # redraws that hold an event; fewer say too little of its size for a standard error
_UNSEEN = 15.0  # events that 2,000 redraws may lack: luck hides more once in e^15, some 3 million columns
_ROUNDING = 1e-5
_SCATTER = 7_919  # a prime: neighbours get different arms


def potential_outcomes_equal_the_ledger(trial: Trial) -> None:
    """What truth said of the arm that was then lived is what came, in every column, to the last bit."""
    for week in trial.weeks:
        for column in COLUMNS:
            said = np.take_along_axis(week.potential[column], week.arm[:, None], axis=1)[:, 0]
            rule = f"{column} of the ledger must equal the potential outcome"
            refuse(said != week.ledger[column], week.user_id, week.week, rule, week.ledger[column])


def means_agree_with_redraws(trial: Trial) -> None:
    """Conditional means, summed over 400 users, agree with fresh draws from the same state, by column and arm."""
    week = trial.weeks[len(trial.weeks) // 2]
    rows = sample(week.traits, week.lives)
    for arm, name in enumerate(trial.env.arm_names):
        drawn = redraws(trial.env, week.traits.rows(rows), week.lives.rows(rows), arm, _REDRAWS, when=week.when)
        for column, sums in drawn.items():
            told = float(week.means[column][rows, arm].sum())
            error = float(sums.std(ddof=1)) / np.sqrt(len(sums))
            allowed = _CERTAINTY * error + _ROUNDING * abs(told)
            if np.count_nonzero(sums) < _FEW:
                allowed += _UNSEEN * _largest(trial, column, arm) / len(sums)
            if abs(sums.mean() - told) > allowed:
                raise WorldError(
                    f"week {week.week}, arm {name}, {column} of {len(rows)} users (as {week.user_id[rows[0]]}): "
                    f"mean_outcomes says {told:.6g}, {len(sums)} redraws give {sums.mean():.6g} +- {error:.2g}"
                )


def _largest(trial: Trial, column: str, arm: int) -> float:
    """The most that one event can put into a column: of money the arm's declared bound, of counts what was lived."""
    if column in LOSSES:
        return trial.env.scenario.arms[arm].max_loss_usd
    return max(1.0, *(float(w.potential[column].max()) for w in trial.weeks))


def others_meet_through_last_week_alone(trial: Trial) -> None:
    """A user's week under an arm is the same whichever arms everybody else gets in it, even in the same unit."""
    env = trial.env
    for week in trial.weeks:
        mixed = (week.user_id * _SCATTER % env.world.arms.k * week.present).astype(np.intp)
        for start in range(0, len(mixed), env.chunk):
            rows = slice(start, start + env.chunk)
            traits, arm = week.traits.rows(rows), mixed[rows]
            now = env.world.outcomes(traits, week.lives.rows(rows), arm, env.luck(rows, week.week), when=week.when)
            for column in COLUMNS:
                said = np.take_along_axis(week.potential[column][rows], arm[:, None], axis=1)[:, 0]
                rule = f"{column} must not depend on the arms of others in the same week"
                refuse(said != now[column], traits.user_id, week.week, rule, now[column])


def sample(traits: Traits, lives: Lives, users: int = USERS) -> NDArray[np.intp]:
    """Rows of present users, cheats first up to half of them, so that rare losses are drawn often enough."""
    present = np.flatnonzero(lives.alive & (lives.age >= 0))
    cheats = traits.fraud_type[present] != FraudType.HONEST
    rare, usual = present[cheats][: users // 2], present[~cheats]
    return np.concatenate([rare, usual[: users - len(rare)]])


def redraws(
    env: CohortEnv, traits: Traits, lives: Lives, arm: int, times: int, seed: int = 1, *, when: When = START
) -> dict[str, NDArray[np.float64]]:
    """{column: (times,)} sums over these users of ledgers that start from the same state with fresh luck."""
    m = len(traits.user_id)
    copies = np.tile(np.arange(m), _AT_ONCE)
    many, lived = traits.rows(copies), lives.rows(copies)
    arms = np.full(len(copies), arm, np.intp)
    kind = type(env.luck(slice(0, 1), 0))
    out: dict[str, list[NDArray[np.float64]]] = {c: [] for c in COLUMNS}
    for batch in range(-(-times // _AT_ONCE)):
        key = seed_key(seed, batch)
        luck = kind(key, person_keys(key, np.arange(len(copies))), env.week)
        now, _ = env.world.live(many, lived, arms, luck, when=when)
        for column, drawn in ledger_of(now, len(copies)).items():
            out[column].append(drawn.reshape(_AT_ONCE, m).sum(axis=1, dtype=np.float64))
    return {c: np.concatenate(parts)[:times] for c, parts in out.items()}
