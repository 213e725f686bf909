"""The guard: margins that grow with doubt, capped by what arm 0 declares, stakes by stratum, and the quota."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import agents
from agents.policies.safe_exploration import SafeExploration
from agents.safe.guard import SafeGuard
from agents.safety import usage_of, width_of
from rage_env.interface import Observation
from tests.contracts.agent_toy import ARMS, Toy, warmed


def guarded(weeks: int = 2, n: int = 400, **params: float) -> tuple[SafeExploration, SafeGuard, Observation]:
    toy, agent = Toy(n=n, seed=5), agents.load("safe_exploration", **params)
    warmed(agent, toy, weeks)
    assert isinstance(agent, SafeExploration)
    seen = toy.observe()
    guard = agent.guard(seen)
    assert isinstance(guard, SafeGuard)
    return agent, guard, seen


def everybody(guard: SafeGuard, arm: int) -> np.ndarray:
    plan = np.zeros_like(guard.nobody)
    plan[:, arm] = 1.0
    return plan


def test_the_margin_at_a_plan_is_the_width_of_its_whole_doubt() -> None:
    _, guard, _ = guarded(aim=1.0)
    rail = guard.problem.guardrails[0]
    guard.problem = replace(guard.problem, arms=tuple(replace(a, mean_loss_bound_usd=99.0) for a in ARMS))
    for arm in (0, 2, 3):
        plan = everybody(guard, arm)
        parts = [p for c, w in rail.numerator.items() for p in guard._parts(c, w, plan)]
        variance = sum(p.variance for p in parts)
        mean = sum(float((guard.outlook.means[c] * plan).sum()) for c in rail.numerator)
        bare, cautious = (usage_of(guard.rows(plan, [rail], caution=c)[0], plan)[0] for c in (0.0, 2.0))
        assert cautious - bare == pytest.approx(width_of(2.0, mean, variance), rel=1e-6)
        assert cautious - bare > 2.0 * np.sqrt(variance) * 0.999


def test_leaving_everybody_alone_counts_no_more_than_arm_0_declares() -> None:
    _, guard, seen = guarded()
    rail, declared = guard.problem.guardrails[0], ARMS[0].mean_loss_bound_usd * seen.present.sum()
    gmv = rail.limit * guard.outlook.means["gmv"][:, 0].sum()
    assert usage_of(guard.rows(guard.nobody, [rail], caution=9.0)[0], guard.nobody)[0] + gmv <= declared * (1 + 1e-9)
    guard.problem = replace(guard.problem, arms=(replace(ARMS[0], mean_loss_bound_usd=99.0), *ARMS[1:]))
    assert usage_of(guard.rows(guard.nobody, [rail], caution=9.0)[0], guard.nobody)[0] + gmv > declared


def test_offers_stake_no_more_than_a_share_of_the_status_quo_in_every_stratum() -> None:
    _, guard, seen = guarded()
    rail = next(g for g in guard.problem.guardrails if g.relative_to)
    (row,) = guard.rows(guard.nobody, [rail])
    caps = np.array([a.offer_cap_usd for a in ARMS])
    for code in range(4):
        mine = seen.present & (guard.outlook.stratum == code)
        assert np.asarray(row.limit)[code] == pytest.approx(0.6 * 0.2 * 5.0 * mine.sum())
    assert np.allclose(row.coef, seen.present[:, None] * caps)


def test_the_quota_is_half_the_slack_and_doubles_with_each_certificate() -> None:
    agent, guard, seen = guarded(weeks=0)
    rail = guard.problem.guardrails[0]
    spent = rail.limit * float(guard.outlook.means["gmv"][:, 0].sum())
    slack = spent - ARMS[0].mean_loss_bound_usd * float(seen.present.sum())
    row = next(r for r in guard.rows(guard.nobody) if r.name == "open_ended_quota")
    assert slack > 0
    assert row.limit == pytest.approx(0.5 * slack)
    assert (row.coef[seen.present, 3] >= ARMS[3].mean_loss_bound_usd - ARMS[0].mean_loss_bound_usd - 1e-9).all()
    assert not row.coef[:, :3].any()
    agent.certificates[0].enlarged = 2
    later = next(r for r in agent.guard(seen).rows(guard.nobody) if r.name == "open_ended_quota")
    assert later.limit == pytest.approx(4 * float(np.asarray(row.limit)))
