"""Oracles: the best that could be done in the week, knowing everything, or knowing all that an agent could.

Yardsticks and, by name in an experiment, agents. `oracle_latent` solves the week's program on the conditional means.
`oracle_observable` ranks by a regression of those means on what is observed; since choosing and judging on one
estimate flatters it, its right-hand sides are tightened until the *true* usage keeps every limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, allocate
from agents.interface import Decision, Problem
from agents.sharing import together
from experiments.observable import ObservableModel
from experiments.week_truth import WeekTruth, rows_of
from rage_env.errors import DecisionError
from rage_env.guardrails import Row
from rage_env.interface import NO_OFFER, Feedback, Observation

__all__ = ["LatentOracle", "ObservableOracle", "Oracle", "share_that_keeps"]

Floats = NDArray[np.float64]
Probs = NDArray[np.float32]
_TIGHTENINGS = 5
_NEAR = 0.997  # once this share of the offers keeps the limits, the rest is given up rather than solved again


class Oracle:
    """An agent that is shown the week's truth by the runner before it decides. Remembers prices to start from."""

    name = ""
    unconstrained = False

    def __init__(self) -> None:
        self.prices: Floats | None = None
        self._truth: WeekTruth | None = None

    def see(self, truth: WeekTruth) -> None:
        """The truth of the week that comes next."""
        self._truth = truth

    def solve(self, truth: WeekTruth) -> tuple[Probs, Allocation]:
        """Probabilities (n, k) that keep the true limits, and the program that made them."""
        raise NotImplementedError

    def start(self, problem: Problem) -> None:
        """Forget last week's prices; an oracle needs no telling of the problem."""
        self.prices, self._truth = None, None

    def decide(self, observation: object) -> Decision:
        """The best of the week that was shown. Raises DecisionError where none was."""
        if self._truth is None or self._truth.observation is not observation:
            raise DecisionError(f"{self.name}: decide came before the week's truth was shown; call see(truth) first")
        probs, allocation = self.solve(self._truth)
        return Decision(probs, allocation)

    def learn(self, feedback: Feedback) -> None:
        """Nothing: it knows already."""

    def describe(self) -> dict[str, object]:
        """Its name."""
        return {"name": self.name}

    def save(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """An oracle keeps nothing that matters."""
        return {}, {"name": self.name}

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save."""

    def _allocate(
        self, value: Floats, rows: Sequence[Row], limits: Sequence[Floats], observation: Observation
    ) -> Allocation:
        program = [
            _stated(f"{row.name}[{i}]" if _repeated(rows, row.name) else row.name, row, limit)
            for i, (row, limit) in enumerate(zip(rows, limits, strict=True))
        ]
        unit = None if together(observation) is None else observation.unit
        expanded = sum(len(limit) for limit in limits)  # accounts come and go
        known = self.prices if self.prices is not None and len(self.prices) == expanded else None
        allocation = allocate(value, program, observation.action_mask, unit, prices0=known)
        self.prices = allocation.prices
        return allocation


class LatentOracle(Oracle):
    """The week's program on the conditional means themselves: nothing can be better in expectation this week."""

    name = "oracle_latent"

    def solve(self, truth: WeekTruth) -> tuple[Probs, Allocation]:
        """The optimum of the true program."""
        rows = truth.flat
        limits = [row.limits + np.maximum(0.0, _none(row)) for row in rows]
        allocation = self._allocate(truth.value, rows, limits, truth.observation)
        return _kept(allocation.probs, rows), allocation


class ObservableOracle(Oracle):
    """The most an agent could know: ranks by E[means | observation], keeps the limits in truth."""

    name = "oracle_observable"

    def __init__(self, model: ObservableModel) -> None:
        super().__init__()
        self.model = model
        self._offsets: list[Floats] | None = None

    def start(self, problem: Problem) -> None:
        """Forget last week's prices and how far limits had to be tightened."""
        super().start(problem)
        self._offsets = None

    def solve(self, truth: WeekTruth) -> tuple[Probs, Allocation]:
        """The optimum of the believed program, its limits moved by as much as beliefs flatter the choice."""
        value, believed = self._believes(truth)
        rows = truth.flat
        nothing = [np.zeros_like(row.limits) for row in rows]
        offsets = nothing if self._offsets is None else self._offsets
        offsets = [o if o.shape == z.shape else z for o, z in zip(offsets, nothing, strict=True)]
        for _ in range(_TIGHTENINGS):
            limits = [b.limits + np.maximum(0.0, _none(b)) + o for b, o in zip(believed, offsets, strict=True)]
            allocation = self._allocate(value, believed, limits, truth.observation)
            probs = allocation.probs
            flattered = [_usage(row, probs) - _usage(b, probs) for row, b in zip(rows, believed, strict=True)]
            offsets = [np.minimum(0.0, -more) for more in flattered]
            if all(share_that_keeps(row, probs) >= _NEAR for row in rows):
                break
        self._offsets = offsets
        return _kept(probs, rows), allocation

    def _believes(self, truth: WeekTruth) -> tuple[Floats, list[Row]]:
        """Expected value (n, k) and the guardrails' rows by the regression; what is known for sure is not guessed."""
        observation = truth.observation
        value, means = self.model.predict(observation)
        rows = [judged.row for g in self.model.guardrails for judged in rows_of(g, means, observation)]
        return value, rows


def share_that_keeps(row: Row, probs: NDArray[np.floating]) -> float:
    """The largest share of `probs`, mixed with doing nothing, that keeps the row; usage is linear in it."""
    excess, none = _excess(row, probs), np.minimum(0.0, _none(row))
    over = excess > 0
    return max(0.0, float((-none[over] / (excess - none)[over]).min(initial=1.0)))


def _kept(probs: Probs, rows: Sequence[Row]) -> Probs:
    """`probs`, mixed with doing nothing just as far as the true rows need it."""
    share = min((share_that_keeps(row, probs) for row in rows), default=1.0)
    if share == 1.0:
        return probs
    mixed = (share * probs.astype(np.float64)).astype(np.float32)
    mixed[:, NO_OFFER] = np.float32(1) - mixed[:, NO_OFFER + 1 :].sum(axis=1)
    return np.clip(mixed, np.float32(0), np.float32(1))


def _none(row: Row) -> Floats:
    """(1,) or (a,) usage beyond the limits when nobody gets anything."""
    return row.sums(row.coef[:, NO_OFFER]) - row.limits


def _usage(row: Row, probs: NDArray[np.floating]) -> Floats:
    """(1,) or (a,) usage beyond the limits."""
    return row.sums(np.einsum("nk,nk->n", row.coef, probs.astype(np.float64))) - row.limits


def _excess(row: Row, probs: NDArray[np.floating]) -> Floats:
    """Usage beyond what counts as kept (the limit, or doing nothing); half the rounding allowance is let pass."""
    excess = _usage(row, probs) - np.maximum(0.0, _none(row))
    return np.where(excess <= 0.5e-6 * row.spreads, 0.0, excess)


def _stated(name: str, row: Row, limit: Floats) -> Linear:
    """The row as the program takes it, with its own limit for each account where there is one."""
    if row.accounts is None:
        return Linear(name, row.coef, float(limit[0]))
    return Linear(name, row.coef, limit, segment=row.accounts.at)


def _repeated(rows: Sequence[Row], name: str) -> bool:
    return sum(row.name == name for row in rows) > 1
