"""Who acts, who leaves, who arrives."""

from __future__ import annotations

import numpy as np

from rage_env.errors import WorldError
from rage_env.interface import NO_OFFER
from rage_env.outcomes import COLUMNS
from rage_env.trial import Trial, arms, permitted, refuse

__all__ = ["departed_users_do_nothing", "newcomers_are_new_people", "units_act_as_one", "users_leave_once"]


def departed_users_do_nothing(trial: Trial) -> None:
    """Who has left is masked to arm 0, lives arm 0 whatever was asked, and has only zeros in the ledger."""
    for week in trial.weeks:
        gone = ~week.present
        mask = week.info["action_mask"]
        offered = gone & (mask.sum(axis=1) != 1)
        refuse(offered, week.user_id, week.week, "a departed user must be masked to arm 0", mask.sum(axis=1))
        refuse(gone & (week.arm != NO_OFFER), week.user_id, week.week, "a departed user must be at arm 0", week.arm)
        allowed = np.take_along_axis(mask, week.arm[:, None].astype(np.int64), axis=1)[:, 0]
        refuse(allowed == 0, week.user_id, week.week, "a masked arm must never act", week.arm)
        for column in COLUMNS:
            held = week.ledger[column]
            refuse(gone & (held != 0), week.user_id, week.week, f"{column} of a departed user must be 0", held)


def users_leave_once(trial: Trial) -> None:
    """`terminated` comes once, in the week of `churned`; nobody who left is truncated or present again."""
    left = ~trial.weeks[0].present  # empty slots hold nobody who could leave
    for week in trial.weeks:
        churned = week.ledger["churned"] == 1
        refuse(week.terminated & left, week.user_id, week.week, "terminated a second time", week.terminated)
        refuse(week.terminated != churned, week.user_id, week.week, "terminated must equal churned", week.terminated)
        left |= week.terminated
        refuse(week.truncated & left, week.user_id, week.week, "a departed user was truncated", week.truncated)
        present = np.asarray(week.after["present"])
        refuse(present == left, week.user_id, week.week, "present must be true until the user leaves", present)
    last = trial.weeks[-1]
    refuse(
        ~(left | last.truncated), last.user_id, last.week, "the last week must truncate who is there", last.truncated
    )


def newcomers_are_new_people(trial: Trial) -> None:
    """In an open population a slot that is left, or opens, goes to somebody never seen before, marked as new."""
    env = trial.env.twin(population="open")
    _, info = env.reset(seed=trial.seed)
    seen = set(info["user_id"].tolist())
    for week, wished in enumerate(arms(env, env.scenario.weeks - 1)):
        before, empty = info["user_id"], ~info["present"]
        _, _, terminated, _, info = env.step(permitted(wished, info))
        now, joined = info["user_id"], terminated | (empty & info["present"])
        rule = "a slot changes hands exactly when its user leaves or it opens"
        refuse((now != before) != joined, before, week, rule, now)
        refuse(joined & ~info["is_new"], now, week, "a newcomer must be marked is_new", info["is_new"])
        fresh = now[joined].tolist()
        if seen.intersection(fresh):
            raise WorldError(f"user {min(seen.intersection(fresh))}, week {week}: an id came a second time")
        seen.update(fresh)


def units_act_as_one(trial: Trial) -> None:
    """Users of one unit who are there live the one arm that was asked for the unit."""
    for week in trial.weeks:
        _, first, unit = np.unique(week.info["unit"], return_index=True, return_inverse=True)
        alike = week.asked == week.asked[first[unit]]
        rows = np.flatnonzero(week.present & alike)
        lived = np.full(len(first), NO_OFFER, week.arm.dtype)
        lived[unit[rows]] = week.arm[rows]
        apart = week.present & alike & (week.arm != lived[unit])
        refuse(apart, week.user_id, week.week, "users who are decided together must live one arm", week.arm)
