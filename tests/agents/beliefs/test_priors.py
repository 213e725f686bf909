from __future__ import annotations

from dataclasses import replace

import numpy as np

from agents.beliefs.priors import prior_of
from agents.beliefs.rates import Rates
from agents.interface import Problem
from tests.contracts.agent_toy import ARMS, problem


def _equal_bounds() -> Problem:
    """A lender: every arm, arm 0 too, may lose as much."""
    return replace(problem(), arms=tuple(replace(a, offer_cap_usd=0.0, mean_loss_bound_usd=8.0) for a in ARMS))


def _believed(world: Problem) -> tuple[float, float]:
    """Credit loss of a user-week under arms 0 and 1, after 5,000 left alone of whom one in 500 lost 1,000 dollars."""
    rates = Rates(1, prior_of("loss_credit", world, 1.0), np.ones(1))
    rates.expose(0, np.zeros(5_000, np.intp), np.ones(5_000))
    rates.observe(np.zeros(10, np.intp), np.full(10, 1_000.0))
    mean, _ = rates.posterior(0)
    return float(mean[0, 0]), float(mean[1, 0])


def test_an_offer_that_adds_no_credit_loss_is_not_thought_to_take_away_what_users_lose_anyway() -> None:
    alone, offered = _believed(_equal_bounds())
    assert 1.5 < alone < 3.0  # two dollars were seen
    assert abs(offered - alone) < 0.5
    assert sum(_believed(problem())) < 2 * alone  # where arms declare losses of their own, arm 0's say nothing of them
