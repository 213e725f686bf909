"""What a budget buys: the week's allocation solved again under another one, beside two simpler ways to spend it.

Planned by what the agent believed or by the truth, always judged by the truth: expected value of the very week, net of
what the offers cost. The program holds the budget and, if asked for, a limit on losses per GMV; other guardrails of the
world are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, allocate
from experiments.views.sample import Sample
from experiments.views.view import View

__all__ = [
    "Basis",
    "Bought",
    "budgets",
    "buy",
    "compare",
    "most_that_can_be_spent",
    "next_dollar",
    "solve",
    "spent_by_agent",
    "steps_up_to",
]

Floats = NDArray[np.float64]
Basis = Literal["truth", "beliefs"]


@dataclass(frozen=True)
class Bought:
    """usd per user-week: the budget asked for, expected cost, value gained; price: value of the next dollar."""

    method: str
    budget: float
    spent: float
    gain: float
    offers: float
    price: float = float("nan")

    @property
    def roi(self) -> float:
        """Value gained, net of the offers' cost, for each dollar spent."""
        return self.gain / self.spent if self.spent > 0 else float("nan")


def solve(sample: Sample, budget: float, basis: Basis, loss_limit: float | None = None) -> Allocation:
    """The best allocation of the week within the budget. budget: usd per user; loss_limit: usd per usd of GMV.

    Where doing nothing already loses more than the limit, what doing nothing loses is the limit.
    """
    value = _planned(sample, basis)
    rows = [Linear("budget", sample.cost, budget * sample.n)]
    if loss_limit is not None:
        excess = sample.loss - loss_limit * sample.gmv
        rows.append(Linear("loss_rate", excess, max(0.0, float(excess[:, 0].sum()))))
    return allocate(value, rows, sample.allowed)


def buy(sample: Sample, budget: float, basis: Basis, loss_limit: float | None = None) -> Bought:
    """What `solve` answers, judged by the truth."""
    found = solve(sample, budget, basis, loss_limit)
    return _judged(sample, "uplift", budget, found.probs.astype(np.float64), float(found.prices[0]))


def compare(sample: Sample, budget: float, basis: Basis, loss_limit: float | None = None) -> tuple[Bought, ...]:
    """The same budget spent by uplift, on those most likely to be active, and at random.

    propensity: the offer that makes activity likeliest, to those in whom it is likeliest. random: every allowed offer
    alike, to a random share of the users.
    """
    return (
        buy(sample, budget, basis, loss_limit),
        _judged(sample, "propensity", budget, _by_propensity(sample, budget * sample.n)),
        _judged(sample, "random", budget, _at_random(sample, budget * sample.n)),
    )


def budgets(sample: Sample, steps: Sequence[float], basis: Basis, loss_limit: float | None = None) -> View:
    """method, budget, spent, gain, offers, price, roi: a row a method and budget. steps: budgets, usd per user."""
    bought = [one for budget in steps for one in compare(sample, budget, basis, loss_limit)]
    table = pd.DataFrame([{**vars(one), "roi": one.roi} for one in bought])
    return View(table, "usd per user-week, by true expected value; roi: value gained, net of cost, per dollar spent.")


def next_dollar(sample: Sample, basis: Basis = "truth") -> Bought:
    """What one more dollar would gain if what the agent spends were spent as well as can be."""
    return buy(sample, spent_by_agent(sample), basis)


def spent_by_agent(sample: Sample) -> float:
    """usd per user that the agent's probabilities are expected to cost in the week."""
    return float((sample.prob * sample.cost).sum()) / sample.n


def most_that_can_be_spent(sample: Sample) -> float:
    """usd per user of the costliest allowed offers for everybody."""
    return float(np.where(sample.allowed, sample.cost, 0.0).max(axis=1).sum()) / sample.n


def _planned(sample: Sample, basis: Basis) -> Floats:
    return sample.uplift if basis == "truth" or sample.believed is None else sample.believed


def _judged(sample: Sample, method: str, budget: float, probs: Floats, price: float = float("nan")) -> Bought:
    cost, gain = (float((probs * held).sum()) / sample.n for held in (sample.cost, sample.uplift))
    return Bought(method, budget, cost, gain, float(1 - probs[:, 0].mean()), price)


def _by_propensity(sample: Sample, total: float) -> Floats:
    arm, score = sample.best_offer(sample.active)
    cost = np.where(np.isfinite(score), sample.of_arm(sample.cost, arm), np.inf)
    order = np.argsort(-score, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(cost[order])[:-1]])
    share = np.zeros(sample.n)
    share[order] = np.clip((total - before) / np.maximum(cost[order], 1e-12), 0.0, 1.0)
    share[~np.isfinite(score)] = 0.0
    probs = np.zeros(sample.prob.shape)
    probs[np.arange(sample.n), arm] = share
    probs[:, 0] = 1 - share
    return probs


def _at_random(sample: Sample, total: float) -> Floats:
    offers = sample.allowed.astype(np.float64)
    offers[:, 0] = 0.0
    offers /= np.maximum(offers.sum(axis=1, keepdims=True), 1.0)
    cost = float((offers * sample.cost).sum())
    probs = offers * (min(1.0, total / cost) if cost > 0 else 1.0)
    probs[:, 0] = 1 - probs[:, 1:].sum(axis=1)
    return probs


def steps_up_to(most: float, count: int = 12) -> Iterator[float]:
    """Budgets from little to `most`, denser where they are small."""
    yield from (float(most * (i / count) ** 2) for i in range(1, count + 1))
