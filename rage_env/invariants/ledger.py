"""What a row of the ledger may hold."""

from __future__ import annotations

import numpy as np

from rage_env.errors import WorldError
from rage_env.interface import NO_OFFER
from rage_env.log import Reports
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE, LEDGER, LOSSES
from rage_env.trial import Lived, Trial, refuse

__all__ = [
    "amounts_are_finite_and_not_negative",
    "bounds_of_the_arms_hold",
    "contacts_are_made_and_paid_as_the_arm_says",
    "counts_are_whole_and_flags_are_flags",
    "inactive_users_spend_nothing",
    "mean_losses_lie_within_a_third_of_their_bound",
    "net_revenue_is_an_identity",
]

_SPENDING = ("transactions", "gmv", "revenue_gross", "redeemed", "bonus_cost", "loss_fraud", "abuse")
_CERTAINTY = 4.0  # standard errors
_ROUNDING = 1e-6  # of a price that is shared; an unshared one is exact


def amounts_are_finite_and_not_negative(trial: Trial) -> None:
    """Every column of every row is a finite number >= 0."""
    for week in trial.weeks:
        for column in COLUMNS:
            held = week.ledger[column]
            refuse(~(np.isfinite(held) & (held >= 0)), week.user_id, week.week, f"{column} must be finite, >= 0", held)


def counts_are_whole_and_flags_are_flags(trial: Trial) -> None:
    """Columns of unit `count` hold whole numbers, columns of unit `0/1` hold 0 or 1."""
    for week in trial.weeks:
        for column in (c for c in LEDGER if c.unit != "usd"):
            held = week.ledger[column.name]
            bad = held != np.floor(held) if column.unit == "count" else (held != 0) & (held != 1)
            refuse(bad, week.user_id, week.week, f"{column.name} is a {column.unit}", held)


def inactive_users_spend_nothing(trial: Trial) -> None:
    """Who is not active neither spends nor redeems nor defrauds."""
    for week in trial.weeks:
        for column in _SPENDING:
            held = week.ledger[column]
            bad = (week.ledger["active"] == 0) & (held != 0)
            refuse(bad, week.user_id, week.week, f"{column} of an inactive user must be 0", held)


def contacts_are_made_and_paid_as_the_arm_says(trial: Trial) -> None:
    """Every arm but no_offer is one contact with a user who is there, at the week's price shared by the user's unit."""
    for week in trial.weeks:
        price = trial.env.world.parts(week.when).arms.contact_cost
        made = (week.arm != NO_OFFER) & week.present
        held = week.ledger["contacts"]
        refuse((held == 1) != made, week.user_id, week.week, "contacts must be 1 exactly where an offer was made", held)
        held, due = week.ledger["contact_cost"], made * price[week.arm]
        wrong = np.abs(held - due / _sharing(week)) > _ROUNDING * due
        refuse(wrong, week.user_id, week.week, "contact_cost must be the arm's price, shared by the unit", held)


def _sharing(week: Lived) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """(n,) present users of each row's unit; 1 where users are decided one by one."""
    _, unit = np.unique(week.info["unit"], return_inverse=True)
    members = np.bincount(unit, weights=week.present)[unit]
    return np.maximum(members, 1).astype(np.float32)


def net_revenue_is_an_identity(trial: Trial) -> None:
    """A week's cash is gross revenue less the losses reported in it, the bonuses and the contacts, to the last bit."""
    for week in trial.weeks:
        books = {c: week.ledger[c] for c in IMMEDIATE}
        fraud, credit = (_reported(week, c) for c in ("loss_fraud", "loss_credit"))
        cash = books["revenue_gross"] - fraud
        cash = cash - books["loss_bonus_abuse"]
        cash = cash - credit
        cash = cash - books["bonus_cost"]
        cash = cash - books["contact_cost"]
        rule = "the reward must be revenue_gross less reported losses, bonus and contact costs"
        refuse(week.reward != cash, week.user_id, week.week, rule, week.reward)


def _reported(week: Lived, column: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    mine: Reports = week.reports.where(week.reports.column == DELAYED.index(column))
    out = np.zeros(len(week.user_id), np.float32)
    np.add.at(out, np.searchsorted(week.user_id, mine.user_id), mine.amount)
    return out


def bounds_of_the_arms_hold(trial: Trial) -> None:
    """No user-week loses more than its arm's max_loss_usd, and no offer costs more than its offer_cap_usd."""
    most = np.array([a.max_loss_usd for a in trial.env.scenario.arms], np.float32)
    cap = np.array([a.offer_cap_usd for a in trial.env.scenario.arms], np.float32)
    for week in trial.weeks:
        every_arm = np.sum([week.potential[c] for c in LOSSES], axis=0)
        lost = np.max(every_arm - most, axis=1)
        refuse(lost > 0, week.user_id, week.week, "dollars lost beyond max_loss_usd of an arm", lost)
        paid = np.max(week.potential["bonus_cost"] - cap, axis=1)
        refuse(paid > 0, week.user_id, week.week, "dollars paid beyond offer_cap_usd of an arm", paid)


def mean_losses_lie_within_a_third_of_their_bound(trial: Trial) -> None:
    """mean_loss_bound_usd is at least the mean loss of a present user-week under the arm, and at most 3 times it."""
    rows = [np.sum([w.means[c] for c in LOSSES], axis=0)[w.present] for w in trial.weeks]
    by_user = np.concatenate(rows)
    mean = by_user.mean(axis=0)
    allowance = _CERTAINTY * by_user.std(axis=0) / np.sqrt(len(rows[0]))
    for arm, true, error in zip(trial.env.scenario.arms, mean, allowance, strict=True):
        bound = arm.mean_loss_bound_usd
        if not true - error <= bound <= 3 * (true + error):
            raise WorldError(
                f"arm {arm.name}: mean_loss_bound_usd must lie between 1 and 3 times the mean loss of a user-week, "
                f"{true:.4f} +- {error:.4f}; got {bound:g}. Set it to about {2 * true:.2g}."
            )
