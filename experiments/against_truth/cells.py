"""The cells of the report: a world, the policy that made its log, and how much of it is lived.

Targets to be valued: the world's offer for nobody, for everybody who may have it, for the half most at risk of leaving
and for the other half. Uniform logs know more arms; these four have a chance in every log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rage_env.errors import UnknownNameError
from rage_env.scenario import load

__all__ = ["FULL_SEEDS", "LOGGING", "SEEDS", "SIGNALS", "TARGETS", "Cell", "Limit", "World", "cells", "world"]

Logging = Literal["uniform", "risk_biased", "agent"]
LOGGING: tuple[Logging, ...] = ("uniform", "risk_biased", "agent")
TARGETS = ("nobody", "everybody", "riskier half", "safer half")
SIGNALS: Mapping[str, float] = {"churn_signal": 1.0, "active_4w": -0.5}
"""Who counts as at risk, for targets and for the biased log alike; features that every world shows."""


@dataclass(frozen=True)
class Limit:
    """A limit to be certified for `nobody` and `everybody`. most: bound of the numerator in a row, declared."""

    metric: str
    limit: float
    most: float


@dataclass(frozen=True)
class World:
    """How a scenario is lived here. offer: the arm in question. floor: least propensity that the agent's log keeps.

    floor is what the world's guardrails leave room for. limits: some that every target keeps, some that are broken.
    """

    scenario: str
    offer: str
    floor: float
    limits: tuple[Limit, ...]
    users: int = 3_000
    weeks: int = 4


CHURN = (Limit("churned/present", 0.004, 1.0), Limit("churned/present", 0.03, 1.0))
WORLDS = (
    World(
        "fintech",
        "credit_line",
        0.0075,
        (
            Limit("loss/gmv", 0.0025, 2504.0),
            Limit("loss/gmv", 0.0075, 2504.0),
            Limit("negative_reaction/present", 0.0045, 1.0),
            Limit("churned/present", 0.006, 1.0),
            Limit("churned/present", 0.03, 1.0),
        ),
        users=4_000,
    ),
    World("b2b_nudge", "nudge", 0.03, (*CHURN, Limit("negative_reaction/present", 0.025, 1.0))),
    World(
        "commerce_churn",
        "coupon_10",
        0.02,
        (
            Limit("bonus_cost/present", 2.1, 25.0),
            Limit("bonus_cost/present", 4.0, 25.0),
            Limit("negative_reaction/present", 0.0065, 1.0),
            Limit("negative_reaction/present", 0.02, 1.0),
        ),
    ),
    World("marketing", "contact", 0.02, CHURN, weeks=1),
    World(
        "pre_delinquency",
        "soft_reminder",
        0.003,
        (Limit("loss/gmv", 0.02, 52_000.0), Limit("negative_reaction/present", 0.007, 1.0), *CHURN[1:]),
    ),
)
SEEDS: Mapping[Logging, int] = {"uniform": 20, "risk_biased": 40, "agent": 10}
RISK_BIASED_SEEDS = {"fintech": 200}
"""Where a sharper answer is worth its minutes: the claim on the campaign that makes a good offer look harmful."""

AGENT_USERS = 3_000
"""An agent decides for no more, which keeps the report within its minutes."""

FULL_SEEDS = 20
"""The first cohorts of a cell, whose paths are rolled out and all targets valued; the rest tell of the effect."""


@dataclass(frozen=True)
class Cell:
    """One row of the report."""

    world: World
    logging: Logging

    @property
    def seeds(self) -> int:
        """How many fresh cohorts live it."""
        more = RISK_BIASED_SEEDS if self.logging == "risk_biased" else {}
        return more.get(self.world.scenario, SEEDS[self.logging])

    @property
    def users(self) -> int:
        """Slots of each cohort."""
        return min(self.world.users, AGENT_USERS) if self.logging == "agent" else self.world.users

    @property
    def floor(self) -> float:
        """The least propensity its log was designed with, as a certificate is told."""
        world = load(self.world.scenario)
        return {"uniform": 1 / len(world.arms), "risk_biased": 0.1, "agent": self.world.floor}[self.logging]

    @property
    def name(self) -> str:
        """`scenario-logging`: also its folder."""
        return f"{self.world.scenario}-{self.logging}"


def world(scenario: str) -> World:
    """The world of a scenario. Raises UnknownNameError."""
    for one in WORLDS:
        if one.scenario == scenario:
            return one
    raise UnknownNameError("world of the report", scenario, [w.scenario for w in WORLDS])


def cells(scenario: str | None = None) -> tuple[Cell, ...]:
    """All cells, or those of one scenario."""
    worlds = WORLDS if scenario is None else (world(scenario),)
    return tuple(Cell(w, logging) for w in worlds for logging in LOGGING)
