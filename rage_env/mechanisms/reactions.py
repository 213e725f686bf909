"""Negative reactions to contacts: an unsubscribe, a complaint, a ticket; and how they spread inside an account.

A contact annoys sleeping dogs and admins most. Who was annoyed is likelier to leave in the same week. In the week
after, colleagues react more easily and are likelier to leave, and an angry admin can take the whole account along.
Colleagues meet through last week's state alone; without the mechanism `accounts` nobody has any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.features import Feature
from rage_env.randomness import Draw
from rage_env.ranges import Share
from rage_env.seating import colleagues
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Week

__all__ = [
    "AFTER", "GIVES", "PARENTS", "Params", "advance", "branches", "draw", "features", "joining", "mean", "probability",
]  # fmt: skip

PARENTS = ("contacts",)
AFTER = ("felt",)
GIVES = ("negative_reaction", "annoyance")


class Params(MechanismParams):
    """rates: probability per contact of persuadable, sure thing, lost cause, sleeping dog; admins: times admin_times.

    contagion: by how many times the rate rises if all colleagues reacted last week. log_hazard is added in the week of
    one's own reaction, unrest_log_hazard times the share of colleagues who reacted last week, and admin_log_hazard for
    every seat of an account one of whose admins did.
    """

    rates: tuple[Share, Share, Share, Share]
    highest_rate: float = Field(gt=0, le=1)
    admin_times: float = Field(default=1.0, ge=0)
    contagion: float = Field(default=0.0, ge=0)
    log_hazard: float = Field(default=0.0)
    unrest_log_hazard: float = Field(default=0.0)
    admin_log_hazard: float = Field(default=0.0)


def probability(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) of a negative reaction; 0 without a contact."""
    rate = np.array(params.rates, np.float32).take(week.kind)
    admin, unrest = week.traits.more.get("admin"), week.lives.more.get("unrest")
    if admin is not None:
        rate *= np.where(admin > 0, np.float32(params.admin_times), np.float32(1))
    if unrest is not None:
        rate *= 1 + np.float32(params.contagion) * unrest
    np.clip(rate, np.float32(0), np.float32(params.highest_rate), out=rate)
    return np.multiply(rate, (week.now["contacts"] > 0) & (week.felt > 0), out=rate)


def _spread(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) log hazard that last week's reactions of colleagues leave behind."""
    unrest, angry = (week.lives.more.get(name) for name in ("unrest", "angry_admin"))
    if unrest is None or angry is None:
        return np.zeros(week.n, np.float32)
    out: NDArray[np.float32] = np.float32(params.unrest_log_hazard) * unrest
    out += np.float32(params.admin_log_hazard) * angry
    return out


def draw(week: Week, params: Params) -> Columns:
    """negative_reaction: 0 or 1; annoyance: log hazard of leaving."""
    reacted = week.noise.below64(Draw.REACTION, probability(week, params))
    annoyance = _spread(week, params)
    if params.log_hazard:
        annoyance += np.float32(params.log_hazard) * reacted
    return {"negative_reaction": reacted, "annoyance": annoyance}


def mean(week: Week, params: Params) -> Columns:
    """negative_reaction: its probability; annoyance: its mean, which `branches` refine."""
    chance = probability(week, params).astype(np.float64)
    return {"negative_reaction": chance, "annoyance": _spread(week, params) + params.log_hazard * chance}


def branches(week: Week, params: Params) -> list[tuple[NDArray[np.float64], Columns]]:
    """Calm and annoyed: leaving is not linear in annoyance."""
    if params.log_hazard == 0:
        return [(np.ones(week.n), mean(week, params))]
    chance, spread = probability(week, params).astype(np.float64), _spread(week, params)
    own = np.float32(params.log_hazard)
    calm: Columns = {"negative_reaction": np.zeros(week.n), "annoyance": spread}
    annoyed: Columns = {"negative_reaction": np.ones(week.n), "annoyance": spread + own}
    return [(1 - chance, calm), (chance, annoyed)]


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """Nobody comes angry."""
    if "account" not in traits.more:
        return {}
    nothing = np.zeros(len(traits.user_id), np.float32)
    return {"unrest": nothing, "angry_admin": nothing.copy()}


def advance(week: Week, params: Params) -> Columns:
    """unrest: (n,) share of the colleagues who reacted; angry_admin: 1 where an admin of the account did."""
    account = week.traits.more.get("account")
    if account is None:
        return {}
    reacted = week.now["negative_reaction"]
    there = week.lives.alive.astype(np.float32)
    others = colleagues(account, there) - there
    share = (colleagues(account, reacted) - reacted) / np.maximum(others, 1)
    angry = colleagues(account, reacted * week.traits.more["admin"]) > 0
    return {"unrest": share.astype(np.float32), "angry_admin": angry.astype(np.float32)}


def features(params: Params) -> tuple[Feature, ...]:
    """What the help desk knows, where users have colleagues: last week's tickets around a seat."""
    if params.contagion == params.unrest_log_hazard == params.admin_log_hazard == 0:
        return ()
    return (
        Feature("account_unrest", 0.0, 1.0, lambda t, s: _seen(s, "unrest")),
        Feature("angry_admin", 0.0, 1.0, lambda t, s: _seen(s, "angry_admin")),
    )


def _seen(lives: Lives, name: str) -> NDArray[np.float32]:
    return lives.more.get(name, np.zeros(len(lives.alive), np.float32))
