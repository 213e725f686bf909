"""Accounts: users are seats of a firm, some of them admins; the account gets one decision and shares its price.

What seats of an account have in common: size class (with its rate of leaving), health (part of everybody's activity)
and whether the firm belongs to the global control, which no arm but 0 may reach.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rage_env.arms import ArmTable
from rage_env.features import Feature
from rage_env.randomness import Draw, Noise, person_keys
from rage_env.seating import BLOCK, Seating, SizeClass, colleagues, seating
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = [
    "DRIVERS", "GIVES", "GRAIN", "PARENTS", "REVISES", "Params", "advance", "draw", "drivers", "features", "joining",
    "mask", "mean", "newcomers", "segments", "unit",
]  # fmt: skip

PARENTS: tuple[str, ...] = ()
GIVES: tuple[str, ...] = ()
REVISES = ("contact_cost",)
GRAIN = BLOCK
DRIVERS = ("activity", "role")


class Params(MechanismParams):
    """classes: of accounts by size. admin_share: of the seats beside the first, which is always an admin's.

    health_share: part of the variance of activity that seats of an account have in common; admin_activity: by how many
    standard deviations admins are more active. health_noise_sd: of the health that is seen. control_share: of accounts
    that are never offered anything.
    """

    classes: tuple[SizeClass, ...] = Field(min_length=1, max_length=8)
    admin_share: float = Field(ge=0, le=1)
    health_share: float = Field(ge=0, le=1)
    admin_activity: float
    health_noise_sd: float = Field(ge=0)
    control_share: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _classes_are_a_mix(self) -> Self:
        total = sum(c.share for c in self.classes)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"classes: shares must sum to 1; they sum to {total:g}")
        names = [c.name for c in self.classes]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"classes: two are called {twice[0]!r}; rename one")
        for i, size in enumerate(self.classes):
            if size.most < size.fewest:
                raise ValueError(f"classes.{i}.most: {size.most} lies below fewest, {size.fewest}")
        return self


def drivers(
    key: int, slot: NDArray[np.int64], own: Mapping[str, NDArray[np.floating]], params: Params
) -> dict[str, NDArray[np.float64]]:
    """activity: (n,) with the account's part in it; role: (n,) 1 for admins: what archetypes are drawn from."""
    seats = seating(key, slot, params.classes)
    admin = _admin(key, slot, seats, params)
    shared = math.sqrt(params.health_share) * _health(seats)
    alone = math.sqrt(1 - params.health_share) * own["activity"].astype(np.float64)
    return {"activity": shared + alone + params.admin_activity * admin, "role": admin}


def newcomers(people: Newcomers, params: Params) -> Columns:
    """What a seat brings: its account, role, and what the account is like; the rate of leaving of its size class."""
    key = people.luck.key
    seats = seating(key, people.slot, params.classes, people.slots)
    admin = _admin(key, people.slot, seats, params)
    times = np.array([c.churn_times for c in params.classes], np.float32).take(seats.size_class)
    noise = seats.luck.normals(Draw.HEALTH)[1]
    return {
        "account": seats.account,
        "occupied": seats.occupied,
        "seats": seats.seats.astype(np.float32),
        "size_class": seats.size_class,
        "admin": admin.astype(np.float32),
        "admins": _admins(key, seats, params),
        "control": seats.luck.uniform(Draw.CONTROL) < np.float32(params.control_share),
        "health_seen": (_health(seats) + params.health_noise_sd * noise).astype(np.float32),
        "churn_rate": people.traits.churn_rate * times,
    }


def _health(seats: Seating) -> NDArray[np.float64]:
    return seats.luck.normals(Draw.HEALTH)[0].astype(np.float64)


def _admin(key: int, slot: NDArray[np.int64], seats: Seating, params: Params) -> NDArray[np.float64]:
    """(n,) 1 for admins; a seat keeps its role whoever holds it."""
    chance = Noise(key, person_keys(key, slot), 0).uniform(Draw.ROLE)
    admin: NDArray[np.bool_] = (seats.place == 0) | (chance < np.float32(params.admin_share))
    return admin.astype(np.float64)


def _admins(key: int, seats: Seating, params: Params) -> NDArray[np.float32]:
    """(n,) admins of the whole account, whoever else of it was asked for."""
    accounts, at = np.unique(seats.account, return_inverse=True)
    sizes = np.zeros(len(accounts), np.int64)
    sizes[at] = seats.seats
    slot = np.repeat(accounts, sizes) + np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    every = seating(key, slot, params.classes)
    total = np.bincount(np.repeat(np.arange(len(accounts)), sizes), weights=_admin(key, slot, every, params))
    return total[at].astype(np.float32)


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """Empty slots are never alive; an account starts with all its seats taken."""
    return {"alive": lives.alive & traits.more["occupied"], "seats_here": traits.more["seats"].copy()}


def advance(week: Week, params: Params) -> Columns:
    """How many of the account are still there."""
    there = week.lives.alive & (week.now["churned"] == 0)
    return {"seats_here": colleagues(week.traits.more["account"], there.astype(np.float32)).astype(np.float32)}


def draw(week: Week, params: Params) -> Columns:
    """contact_cost: the price of reaching the account, shared by the seats that are there."""
    share = 1 / np.maximum(week.lives.more["seats_here"], np.float32(1))
    return {"contact_cost": week.now["contact_cost"] * share}


def mean(week: Week, params: Params) -> Columns:
    """The same: nothing here is random."""
    return draw(week, params)


def unit(traits: Traits, params: Params) -> NDArray[np.int64]:
    """The account."""
    account: NDArray[np.int64] = traits.more["account"]
    return account


def segments(traits: Traits, lives: Lives, params: Params) -> dict[str, NDArray[np.integer[Any]]]:
    """size_class; role: 1 for admins; control: 1 for accounts that are never offered anything."""
    more = traits.more
    return {
        "size_class": more["size_class"],
        "role": more["admin"].astype(np.int8),
        "control": more["control"].astype(np.int8),
    }


def mask(traits: Traits, lives: Lives, arms: ArmTable, params: Params) -> NDArray[np.int8]:
    """Nobody may reach the global control."""
    allowed = np.ones((len(traits.user_id), arms.k), np.int8)
    allowed[traits.more["control"], 1:] = 0
    return allowed


def features(params: Params) -> tuple[Feature, ...]:
    """Role, seats left, admins, noisy health, and a flag for each size class but the first."""
    flags = tuple(_class_flag(code, size.name) for code, size in enumerate(params.classes) if code)
    return (
        Feature("admin", 0.0, 1.0, lambda t, s: t.more["admin"]),
        Feature("account_seats", 0.0, float(BLOCK), lambda t, s: s.more["seats_here"]),
        Feature("account_admins", 0.0, float(BLOCK), lambda t, s: t.more["admins"]),
        Feature("account_health", -64.0, 64.0, lambda t, s: t.more["health_seen"], cut=True),
        *flags,
    )


def _class_flag(code: int, name: str) -> Feature:
    return Feature(f"class_{name}", 0.0, 1.0, lambda t, s: (t.more["size_class"] == code).astype(np.float32))
