"""Inverse-gap weights under guardrails: the least price at which what is drawn, not what is best, keeps the limits.

Each unit's probabilities maximise sum_a p_a s_a + (1 / gamma) sum_a ln p_a, so p_a = 1 / (gamma (mu - s_a)): inverse
gaps to a level mu that makes them sum to 1 (SquareCB, Foster and Rakhlin 2020; as a log barrier, Foster, Gentile,
Mohri and Zimmert 2020). With scores s = value - prices x usage, the prices minimise a smooth convex dual whose gradient
is the slack of the *randomised* usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agents.sharing import together
from rage_env.interface import Observation

if TYPE_CHECKING:
    from agents.allocation import Linear

__all__ = ["Barrier", "inverse_gaps"]

Floats = NDArray[np.float64]
_NEWTON, _STEPS = 12, 60
_FAR = 1e4  # the highest price, in units of what moves a typical score as much as its value does


def inverse_gaps(score: Floats, mask: NDArray[np.integer], gamma: float) -> tuple[Floats, Floats]:
    """Probabilities (m, k) and levels mu (m,) at scores (m, k); 0 where masked. Newton's method from the left."""
    open_score = np.where(mask > 0, score, -np.inf)
    level = open_score.max(axis=1) + 1.0 / gamma
    for _ in range(_NEWTON):
        weight = 1.0 / (gamma * (level[:, None] - open_score))
        beyond = weight.sum(axis=1) - 1.0
        level = level + beyond / (gamma * (weight**2).sum(axis=1))
        if beyond.max(initial=0.0) < 1e-12:
            break
    probs = 1.0 / (gamma * (level[:, None] - open_score))
    return probs / probs.sum(axis=1, keepdims=True), level


@dataclass(frozen=True, eq=False)
class _Unit:
    """Rows summed by unit: one row of scores, and of each guardrail's usage, for each decision."""

    value: Floats  # (m, k)
    usage: tuple[Floats, ...]  # (m, k) of each price
    limit: Floats  # (prices,)
    mask: NDArray[np.int8]  # (m, k)
    code: NDArray[np.intp]  # (n,)


class Barrier:
    """The week's problem. value: (n, k). rows: to be kept. least: (n, k) probability under every arm, spent first."""

    def __init__(self, value: Floats, rows: Sequence[Linear], observation: Observation, least: Floats) -> None:
        self.rows = rows
        shared = together(observation)
        code = np.arange(observation.n) if shared is None else shared
        self.least, self.left = least, 1.0 - least.sum(axis=1, keepdims=True)
        coefs, limits = zip(*_parts(rows), strict=True) if rows else ((), ())
        room = [limit - float((coef * least).sum()) for coef, limit in zip(coefs, limits, strict=True)]
        size = int(code.max(initial=-1)) + 1
        summed = [_summed(coef * self.left, code, size) for coef in (value, *coefs)]
        mask = np.ones((size, observation.k), np.int8)
        np.minimum.at(mask, code, observation.action_mask)
        gain = float(np.abs(summed[0] - summed[0][:, :1]).mean()) or 1.0
        spread = [float(np.abs(u - u[:, :1]).mean()) for u in summed[1:]]
        self.scale = np.array([gain / s if s > 0 else 0.0 for s in spread])
        self.unit = _Unit(summed[0], tuple(summed[1:]), np.array(room), mask, code)
        self.gain = gain

    def solve(self, gamma: float) -> tuple[Floats, Floats]:
        """Probabilities (n, k), `least` included, and prices (one for each row or segment) at this gamma."""
        unit = self.unit
        if not len(unit.limit):
            probs, _ = inverse_gaps(unit.value, unit.mask, gamma)
            return self._spread(probs), np.empty(0)
        found = minimize(
            lambda scaled: self._dual(scaled, gamma),
            np.zeros(len(unit.limit)),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, _FAR)] * len(unit.limit),
            options={"maxiter": _STEPS, "ftol": 1e-14, "gtol": 1e-10},
        )
        prices = np.asarray(found.x * self.scale, dtype=np.float64)
        return self._spread(inverse_gaps(self._scores(prices), unit.mask, gamma)[0]), prices

    def charge(self, prices: Floats) -> Floats:
        """(n, k) what usage beyond arm 0's costs at these prices."""
        total = np.zeros_like(self.least)
        for price, (coef, _) in zip(prices, _parts(self.rows), strict=True):
            total += price * (coef - coef[:, :1])
        return total

    def _dual(self, scaled: Floats, gamma: float) -> tuple[float, Floats]:
        """The dual and its gradient, both per unit and in units of a typical gain."""
        unit, prices = self.unit, scaled * self.scale
        score = self._scores(prices)
        probs, _ = inverse_gaps(score, unit.mask, gamma)
        opened = unit.mask > 0
        barrier = float(np.log(probs[opened]).sum()) / gamma
        each = 1.0 / (self.gain * max(len(score), 1))
        slack = unit.limit - np.array([float((u * probs).sum()) for u in unit.usage])
        total = float((score * probs).sum()) + barrier + float(prices @ unit.limit)
        return total * each, slack * self.scale * each

    def _scores(self, prices: Floats) -> Floats:
        score = self.unit.value.copy()
        for price, usage in zip(prices, self.unit.usage, strict=True):
            if price:
                score -= price * usage
        return score

    def _spread(self, probs: Floats) -> Floats:
        return np.asarray(self.least + self.left * probs[self.unit.code], dtype=np.float64)


def _parts(rows: Sequence[Linear]) -> list[tuple[Floats, float]]:
    """Usage (n, k) and limit of each price, `>=` turned round; one for each segment of a segmented row."""
    out = []
    for row in rows:
        sign = 1.0 if row.sense == "<=" else -1.0
        coef = sign * np.asarray(row.coef, dtype=np.float64)
        if row.segment is None:
            out.append((coef, sign * float(np.asarray(row.limit))))
            continue
        limits = sign * np.asarray(row.limit, dtype=np.float64)
        for code in np.unique(row.segment[row.segment >= 0]).tolist():
            limit = float(limits) if limits.ndim == 0 else float(limits[code])
            out.append((coef * (row.segment == code)[:, None], limit))
    return out


def _summed(amount: Floats, code: NDArray[np.intp], size: int) -> Floats:
    """(m, k) sums by unit."""
    if size == len(code):
        order = np.empty_like(amount)
        order[code] = amount
        return order
    return np.stack([np.bincount(code, weights=column, minlength=size) for column in amount.T], axis=1)
