"""What a shard of the cohort answers to prices: sums by chunk, and in the end its undecided people.

Nothing else leaves it. Chunks hold 16,384 people, as everywhere in allocation; a chunk's sums are the same wherever
it lies, so sums added in chunk order do not depend on how the cohort is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.oracle import CHUNK, scan
from agents.allocation.rows import Floats, Linear
from agents.allocation.stack import Stack, build
from agents.allocation.units import group_units
from rage_env.errors import GuardrailError, InputError

__all__ = ["EDGES", "Arms", "Shard", "Sizes"]

EDGES = np.append(np.geomspace(1e-6, 8.0, 256), np.inf)
"""Widths of boxes at which undecided people are counted; in each pass 257 whole numbers beside the sums."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sums by chunk, unscaled: (chunks,) or (chunks, g)."""

    value_spread: Floats  # (chunks,)
    spread: Floats  # (chunks, g)
    size: Floats  # (chunks, g)
    least: Floats  # (chunks, g)
    first_arm: Floats  # (chunks, g) usage if everybody took their first allowed arm
    stack: Stack  # names and senses of the rows; of one person


@dataclass(frozen=True, eq=False)
class Arms:
    """People sent elsewhere: value (k, u) and scaled coefficients (g, k, u), what they use now, who they are."""

    value: Floats  # (k, u)
    coef: Floats  # (g, k, u)
    best: NDArray[np.intp]  # (u,)
    at: NDArray[np.intp]  # (u,) place in the shard


class Shard:
    """Some people of the cohort: value (n, k), coefficients of every row (g, n, k), mask (n, k), 0 forbids an arm.

    Remembers its people's best arms and how near each is to changing, from the last pass.
    """

    def __init__(
        self, value: Floats, coef: Floats, mask: NDArray[np.integer] | NDArray[np.bool_] | None = None
    ) -> None:
        self.n, self.k = value.shape
        if coef.ndim != 3 or coef.shape[1:] != value.shape:
            raise GuardrailError(f"shard: coefficients have shape {coef.shape}, expected (g, {self.n}, {self.k}).")
        if not np.isfinite(value).all():
            user, arm = (int(i) for i in np.argwhere(~np.isfinite(value))[0])
            raise InputError(f"shard: value of user {user}, arm {arm} is {value[user, arm]}. Mask arms instead.")
        self._chunks = [
            _chunk(value[a : a + CHUNK], coef[:, a : a + CHUNK], None if mask is None else mask[a : a + CHUNK] != 0)
            for a in range(0, self.n, CHUNK)
        ]
        self._sizes = _sizes(self._chunks)
        self._best, self._distance = np.zeros(self.n, np.intp), np.zeros(self.n)
        self._probs = np.zeros((0, self.k), np.float32)

    def sizes(self) -> Sizes:
        """How large value and rows are, for scaling."""
        return self._sizes

    def rescale(self, whole: Stack) -> None:
        """Coefficients by the whole program's powers of two, which rounds nothing."""
        self._chunks = [
            replace(
                whole,
                value=c.value,
                coef=c.coef * (whole.scale / c.scale)[:, None, None],
                limit=np.zeros_like(whole.limit),
            )
            for c in self._chunks
        ]

    def sample(self, at: Floats, starts: Floats, m: int, spread: float) -> Arms:
        """Those on whom the points `at` of the whole cohort's weight fall. starts: (chunks,) weight before each."""
        found: list[Arms] = []
        for i, (chunk, start) in enumerate(zip(self._chunks, starts, strict=True)):
            along = np.cumsum(_chance(chunk, m, spread))
            who = np.searchsorted(along, at[(at >= start) & (at < start + along[-1])] - start)
            who = np.minimum(who, chunk.m - 1)
            weight = 1.0 / _chance(chunk, m, spread)[who]
            found.append(Arms(chunk.value[:, who] * weight, chunk.coef[:, :, who] * weight, who, who + CHUNK * i))
        return _joined(found)

    def weights(self, m: int, spread: float) -> Floats:
        """(chunks,) weight of each chunk in the sample."""
        return np.array([float(np.cumsum(_chance(c, m, spread))[-1]) for c in self._chunks])

    def answer(self, prices: Floats, radius: Floats | None) -> tuple[Floats, NDArray[np.int64]]:
        """(chunks, g + 1) bound before limits and usage at these prices, and people undecided at each width."""
        seen = [scan(c, prices, radius) for c in self._chunks]
        self._best = np.concatenate([s.best for s in seen])
        self._distance = np.concatenate([s.distance for s in seen])
        sums = np.array([np.append(s.bound, s.usage) for s in seen])
        return sums, np.searchsorted(np.sort(self._distance), EDGES).astype(np.int64)

    def undecided(self, width: float) -> Arms:
        """Those who could change inside a box of this width; everybody where it is infinite."""
        at = np.flatnonzero((self._distance < width) | np.isinf(width))
        parts = []
        for i, chunk in enumerate(self._chunks):
            who = at[(at >= CHUNK * i) & (at < CHUNK * (i + 1))] - CHUNK * i
            parts.append(Arms(chunk.value[:, who], chunk.coef[:, :, who], self._best[who + CHUNK * i], who + CHUNK * i))
        return _joined(parts)

    def decide(self, at: NDArray[np.intp], probs: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, k) probabilities: what was settled for those `at`, the best arm for all others."""
        out = np.zeros((self.n, self.k), dtype=np.float32)
        out[np.arange(self.n), self._best] = 1.0
        out[at] = probs
        self._probs = out
        return out

    def worth(self, at: NDArray[np.intp], instead: Floats) -> Floats:
        """(chunks, 1 + g) value and scaled usage of the probabilities, with others `instead` (u, k) for those `at`."""
        probs = self._probs.astype(np.float64)
        probs[at] = instead
        out = []
        for i, chunk in enumerate(self._chunks):
            p = np.ascontiguousarray(probs[CHUNK * i : CHUNK * (i + 1)].T)
            gained = float((np.where(p > 0, chunk.value, 0.0) * p).sum())
            out.append(np.append(gained, [(c * p).sum() for c in chunk.coef]))
        return np.array(out)


def _chunk(value: Floats, coef: Floats, mask: NDArray[np.bool_] | None) -> Stack:
    allowed = np.ones(value.shape, np.bool_) if mask is None else mask
    return build(value, [Linear(f"row{g}", c, 0.0) for g, c in enumerate(coef)], group_units(allowed, None, 0.0))


def _sizes(chunks: Sequence[Stack]) -> Sizes:
    return Sizes(
        np.array([c.value_spread for c in chunks]),
        np.array([c.row_spread / c.scale for c in chunks]),
        np.array([c.row_size / c.scale for c in chunks]),
        np.array([c.least / c.scale for c in chunks]),
        np.array([_first_arm(c) for c in chunks]),
        replace(chunks[0], value=chunks[0].value[:, :1], coef=chunks[0].coef[:, :, :1]),
    )


def _joined(parts: Sequence[Arms]) -> Arms:
    return Arms(
        np.concatenate([p.value for p in parts], axis=1),
        np.concatenate([p.coef for p in parts], axis=2),
        np.concatenate([p.best for p in parts]),
        np.concatenate([p.at for p in parts]),
    )


def _chance(chunk: Stack, m: int, spread: float) -> Floats:
    """(units,) weight in the sample, as the cold start of `allocate` weighs."""
    lowest = np.where(np.isfinite(chunk.value), chunk.value, np.inf).min(axis=0)
    return np.asarray(0.5 / m + 0.5 * (chunk.value.max(axis=0) - lowest) / max(spread, 1e-300))


def _first_arm(stack: Stack) -> Floats:
    arm = np.isfinite(stack.value).argmax(axis=0)
    return np.array([c[arm, np.arange(stack.m)].sum() for c in stack.coef]) / stack.scale
