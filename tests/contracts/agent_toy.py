"""A small, quick stand-in for a world: enough structure that beliefs have something to learn, nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.interface import Decision, Problem
from rage_env.guardrails import Guardrail
from rage_env.interface import ArmSpec, Feedback, Observation
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED, IMMEDIATE

K, D = 4, 5
SHARE = np.array([0.0, 0.4, 0.8, 1.0])

ARMS = (
    ArmSpec("no_offer", "none", 0.0, 0.0, 500.0, 0.3),
    ArmSpec("nudge", "push", 0.02, 0.0, 500.0, 0.3),
    ArmSpec("bonus", "push", 0.02, 5.0, 510.0, 0.3),
    ArmSpec("loan", "account", 0.1, 0.0, 900.0, 1.5),
)

GUARDRAILS = (
    Guardrail(
        name="loss_rate",
        numerator={"loss_fraud": 1.0, "loss_bonus_abuse": 1.0, "loss_credit": 1.0},
        denominator={"gmv": 1.0},
        limit=0.006,
    ),
    Guardrail(name="bonus_budget", numerator={"bonus_cost": 1.0}, denominator={"present": 1.0}, limit=0.05),
    Guardrail(name="abuse", numerator={"abuse": 1.0}, limit=0.0, relative_to="status_quo"),
    Guardrail(name="contacts", numerator={"contacts": 1.0}, denominator={"present": 1.0}, limit=0.4, hard=True),
    Guardrail(
        name="reactions", numerator={"negative_reaction": 1.0}, denominator={"assigned": 1.0}, limit=0.2, horizon="run"
    ),
)


def problem(floor: float | NDArray[np.float64] = 0.0, guardrails: tuple[Guardrail, ...] = GUARDRAILS) -> Problem:
    return Problem(
        k=K,
        d=D,
        feature_names=("risk", "log_gmv_4w", "churn_signal", "plan", "active_4w"),
        arms=ARMS,
        guardrails=guardrails,
        retention_value_usd=80.0,
        weeks=6,
        burn_in_weeks=4,
        reported_share=dict.fromkeys(DELAYED, SHARE),
        floor=floor,
    )


@dataclass
class Toy:
    """n users. `active_4w` is constant; users leave at a rate that `churn_signal` shows; loans lose by feature 0."""

    n: int = 300
    seed: int = 0
    week: int = -4
    closed_arm: int | None = None  # an arm that nobody may have
    pending: list[tuple[int, Reports]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.fixed = self.rng.normal(size=(self.n, D)).astype(np.float32)
        self.fixed[:, 3] = self.fixed[:, 3] > 0
        self.fixed[:, 4] = 3.0
        self.present = np.ones(self.n, np.bool_)
        self.to_date = np.zeros((2, len(GUARDRAILS)))

    def observe(self) -> Observation:
        mask = np.ones((self.n, K), np.int8)
        mask[~self.present, 1:] = 0
        if self.closed_arm is not None:
            mask[:, self.closed_arm] = 0
        quo = np.tile(np.array([0.8, 0.0, 0.2, 0.0], np.float32), (self.n, 1))
        quo[~self.present] = np.eye(K, dtype=np.float32)[0]
        return Observation(
            week=self.week,
            user_id=np.arange(self.n),
            unit=np.arange(self.n),
            features=self.fixed,
            action_mask=mask,
            is_new=np.zeros(self.n, np.bool_),
            present=self.present,
            segments={},
            status_quo=quo,
            numerator_to_date=self.to_date[0].copy(),
            denominator_to_date=self.to_date[1].copy(),
        )

    def live(self, probs: NDArray[np.float32] | None = None) -> Feedback:
        """One week: arm 0 for all during burn-in, else drawn from `probs` (n, k)."""
        p = np.tile(np.eye(K, dtype=np.float32)[0], (self.n, 1)) if probs is None else probs
        u = self.rng.random((self.n, 1))
        total = p.cumsum(axis=1, dtype=np.float64)
        arm = (u * total[:, -1:] > total).sum(axis=1)
        columns, late = self._outcomes(arm)
        week = WeekLog(
            self.week,
            np.arange(self.n),
            np.arange(self.n),
            self.present,
            arm,
            p[np.arange(self.n), arm],
            self.fixed,
            columns,
            p,
        )
        self.pending += late
        mine = [r for w, r in self.pending if w == self.week]
        self.present = self.present & ((columns["churned"] == 0) | (self.week < 0))
        self.week += 1
        return Feedback(week, Reports.concat(mine))

    def _outcomes(self, arm: NDArray[np.intp]) -> tuple[dict[str, NDArray[np.float32]], list[tuple[int, Reports]]]:
        here, n, rng, x = self.present, self.n, self.rng, self.fixed
        columns = {c: np.zeros(n, np.float32) for c in IMMEDIATE}
        active = here & (rng.random(n) < 0.6)
        gmv = active * np.exp(4.5 + 0.5 * x[:, 1] + 0.5 * rng.normal(size=n))
        leaving = 0.03 * np.exp(0.7 * x[:, 2] - 0.6 * (arm == 2)) * here * (self.week >= 0)
        columns["active"][:] = active
        columns["gmv"][:] = gmv
        columns["transactions"][:] = np.ceil(gmv / 25)
        columns["revenue_gross"][:] = gmv * np.where(arm == 3, 0.02, 0.01)
        columns["contacts"][:] = here & (arm > 0)
        columns["contact_cost"][:] = columns["contacts"] * np.array([0.0, 0.02, 0.02, 0.1])[arm]
        columns["bonus_cost"][:] = 5.0 * (active & (arm == 2) & (rng.random(n) < 0.1))
        columns["abuse"][:] = here & (arm == 2) & (rng.random(n) < 0.02)
        columns["loss_bonus_abuse"][:] = 5.0 * columns["abuse"]
        columns["churned"][:] = rng.random(n) < leaving
        credit = np.where(arm == 3, 0.006 * np.exp(0.3 * x[:, 0]) * gmv, 0.0)
        fraud = 40.0 * (active & (rng.random(n) < 0.002))
        return columns, [*self._reports("loss_credit", credit), *self._reports("loss_fraud", fraud)]

    def _reports(self, column: str, amount: NDArray[np.floating]) -> list[tuple[int, Reports]]:
        rows = np.flatnonzero(amount > 0)
        delay = np.searchsorted(SHARE, self.rng.random(len(rows)))
        out = []
        for d in np.unique(delay).tolist():
            mine = rows[delay == d]
            weeks = np.full(len(mine), self.week, np.int32)
            code = np.full(len(mine), DELAYED.index(column), np.int8)
            out.append((self.week + d, Reports(mine, weeks, weeks + d, code, amount[mine].astype(np.float32))))
        return out


def warmed(agent: object, toy: Toy, weeks: int, floor: float | NDArray[np.float64] = 0.0) -> Decision:
    """Start, burn in, live `weeks` weeks under the agent, and return its next decision."""
    from agents.interface import Agent

    assert isinstance(agent, Agent)
    agent.start(problem(floor))
    while toy.week < 0:
        agent.learn(toy.live())
    for _ in range(weeks):
        agent.learn(toy.live(agent.decide(toy.observe()).probs))
    return agent.decide(toy.observe())
