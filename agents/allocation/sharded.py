"""One allocation for a cohort whose people lie in shards: prices go out, sums come back, people stay where they are.

Sums are taken chunk by chunk and added in chunk order, so any shards that begin at whole chunks decide the same, bit
for bit. A pass brings back g + 1 numbers a chunk; once a sample crosses, and at the end the undecided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.answer import Proved, Stored, answered
from agents.allocation.focus import exact_prices, focused
from agents.allocation.oracle import CHUNK, radius_of
from agents.allocation.outcome import Outcome, solved
from agents.allocation.result import Allocation
from agents.allocation.rounding import round_to_grid
from agents.allocation.rows import Floats
from agents.allocation.search import Reach
from agents.allocation.shard import EDGES, Arms, Shard, Sizes
from agents.allocation.stack import Stack
from agents.allocation.start import first_prices, sampled_prices
from agents.allocation.units import group_units
from rage_env.errors import GuardrailError, InputError

__all__ = ["allocate_sharded"]

_SAMPLE = 8_192
_SHARE, _LEAST = 0.2, 4_096  # of the people are gathered, or that many
_TURNS = 3


@dataclass(frozen=True, eq=False)
class _Gathered:
    """The undecided of all shards as a program of their own, and its answer."""

    few: Stack
    parts: list[Arms]
    outcome: Outcome
    passes: int


def allocate_sharded(
    shards: Sequence[Shard], rows: Sequence[tuple[str, float]], *, tol: float = 1e-9, seed: int = 0
) -> Allocation:
    """The best probabilities that keep `sum(coef * probs) <= limit` over all shards; probs in the order of shards.

    rows: name and limit of each row, in the order of the shards' coefficients. All shards but the last hold a multiple
    of 16,384 people. Raises InputError for other cuts, GuardrailError where limits contradict each other.
    """
    began = time.perf_counter()
    _refuse_cut_chunks(shards, len(rows))
    sizes = [shard.sizes() for shard in shards]
    whole = _whole(sizes, rows)
    for shard in shards:
        shard.rescale(whole)
    small = _sampled(whole, shards, sizes, seed)
    prices = sampled_prices(small, first_prices(small, seed), seed)
    gathered = _narrowed(whole, shards, small, prices, tol, seed)
    if gathered.outcome.found is None:
        names = ", ".join(name for name, _ in rows)
        raise GuardrailError(f"{names}: limits contradict each other over all shards. Raise a limit or drop a row.")
    return _answer(whole, shards, gathered, tol, began)


def _refuse_cut_chunks(shards: Sequence[Shard], g: int) -> None:
    if not shards or not g:
        raise InputError(f"allocate_sharded: got {len(shards)} shards and {g} rows. Give at least one of each.")
    for i, shard in enumerate(shards[:-1]):
        if shard.n % CHUNK:
            raise InputError(
                f"shard {i}: holds {shard.n} people, but all shards except the last hold a multiple of {CHUNK}, so "
                "that sums are the same however the cohort is cut. Move its end to a whole chunk."
            )


def _in_order(parts: Sequence[Floats]) -> Floats:
    """Sums of all chunks of all shards, added one after the other. parts: (chunks, ...) of each shard."""
    rows = np.concatenate(parts)
    total = np.zeros_like(rows[0])
    for row in rows:
        total = total + row
    return np.asarray(total)


def _whole(sizes: Sequence[Sizes], rows: Sequence[tuple[str, float]]) -> Stack:
    """The whole program's limits and sizes; its arrays hold one person only."""
    limit = np.array([stated for _, stated in rows], dtype=np.float64)
    value_spread = float(_in_order([s.value_spread for s in sizes])) or 1.0
    spread = _in_order([s.spread for s in sizes])
    scale = np.exp2(np.round(np.log2(value_spread / np.where(spread > 0, spread, value_spread))))
    return replace(
        sizes[0].stack,
        limit=limit * scale,
        least=_in_order([s.least for s in sizes]) * scale,
        scale=scale,
        names=tuple(name for name, _ in rows),
        value_spread=value_spread,
        row_spread=spread * scale,
        row_size=_in_order([s.size for s in sizes]) * scale,
        stated=limit,
        constant=0.0,
    )


def _sampled(whole: Stack, shards: Sequence[Shard], sizes: Sequence[Sizes], seed: int) -> Stack:
    """The program of a systematic sample of the whole cohort, weighted by spread of value."""
    m = sum(shard.n for shard in shards)
    weights = [shard.weights(m, whole.value_spread) for shard in shards]
    ends = np.cumsum(np.concatenate(weights))
    starts = np.append(0.0, ends[:-1])
    size = min(_SAMPLE, m)
    at = (np.arange(size) + np.random.default_rng(seed).random()) / size * ends[-1]
    cuts = np.cumsum([len(w) for w in weights])[:-1]
    mine = np.split(starts, cuts)
    parts = [shard.sample(at, s, m, whole.value_spread) for shard, s in zip(shards, mine, strict=True)]
    factor = ends[-1] / size
    small = replace(
        whole,
        value=np.concatenate([p.value for p in parts], axis=1) * factor,
        coef=np.concatenate([p.coef for p in parts], axis=2) * factor,
    )
    arm = np.isfinite(small.value).argmax(axis=0)
    sampled = np.array([c[arm, np.arange(small.m)].sum() for c in small.coef])
    return replace(small, limit=whole.limit - _in_order([s.first_arm for s in sizes]) * whole.scale + sampled)


def _narrowed(whole: Stack, shards: Sequence[Shard], small: Stack, prices: Floats, tol: float, seed: int) -> _Gathered:
    """The undecided near the prices, solved as one program; everybody, where that is not enough three times."""
    m = sum(shard.n for shard in shards)
    for turn in range(_TURNS):
        prices = exact_prices(small, prices) if turn == 1 else prices
        radius = radius_of(small, prices)
        answers = [shard.answer(prices, radius) for shard in shards]
        counts = np.sum([count for _, count in answers], axis=0)
        enough = np.flatnonzero((counts > 0) & (counts <= max(_SHARE * m, _LEAST)) & np.isfinite(EDGES))
        if not len(enough):
            break
        width = float(EDGES[enough[-1]])
        few, parts = _few(whole, shards, answers, width)
        reach = Reach(prices, width * radius)
        found = focused(few, prices, tol, reach, turn == 0)
        if found.box is not None and reach.holds(found.lowest.prices):
            return _Gathered(few, parts, Outcome(found.box, found, None, found.passes), turn + 2)
        prices = reach.nearest(found.lowest.prices)
    answers = [shard.answer(prices, None) for shard in shards]
    few, parts = _few(whole, shards, answers, np.inf)
    return _Gathered(few, parts, solved(few, prices, tol, seed), _TURNS + 2)


def _few(
    whole: Stack, shards: Sequence[Shard], answers: Sequence[tuple[Floats, NDArray[np.int64]]], width: float
) -> tuple[Stack, list[Arms]]:
    """The program of the undecided, all others at their best arm."""
    parts = [shard.undecided(width) for shard in shards]
    value = np.concatenate([p.value for p in parts], axis=1)
    coef = np.concatenate([p.coef for p in parts], axis=2)
    best = np.concatenate([p.best for p in parts])
    own = np.array([c[best, np.arange(len(best))].sum() for c in coef])
    usage = _in_order([sums[:, 1:] for sums, _ in answers])
    few = replace(whole, value=value, coef=coef, limit=whole.limit - (usage - own))
    if np.isinf(width):
        return replace(few, limit=whole.limit), parts
    lowest = np.array([np.where(np.isfinite(value), c, np.inf).min(axis=0).sum() for c in coef])
    return replace(few, least=lowest), parts


def _answer(whole: Stack, shards: Sequence[Shard], gathered: _Gathered, tol: float, began: float) -> Allocation:
    """Probabilities of all shards, their bound by one more pass, and value and usage of what is stored."""
    assert gathered.outcome.found is not None
    prices = gathered.outcome.found.lowest.prices
    units = group_units(np.isfinite(gathered.few.value).T, None, 0.0)
    rounded = round_to_grid(gathered.few, units, gathered.outcome.box)
    ends = np.cumsum([len(p.at) for p in gathered.parts])[:-1]
    settled = np.split(rounded.probs(units), ends)
    probs = [s.decide(p.at, own) for s, p, own in zip(shards, gathered.parts, settled, strict=True)]
    nobody = (np.empty(0, np.intp), np.empty((0, shards[0].k)))
    totals = _in_order([s.worth(*nobody) for s in shards])
    who, exact = rounded.exact(units)
    place = np.concatenate([np.full(len(p.at), i) for i, p in enumerate(gathered.parts)])[who]
    at = np.concatenate([p.at for p in gathered.parts])[who]
    worth = float(_in_order([s.worth(at[place == i], exact[place == i]) for i, s in enumerate(shards)])[0])
    bound = float(_in_order([s.answer(prices, None)[0] for s in shards])[0] + prices @ whole.limit)
    usage = totals[1:] / whole.scale
    slack = whole.stated - usage
    size = np.maximum(np.abs(whole.stated), np.maximum(whole.row_spread / whole.scale, 1e-300))
    violation = float((np.maximum(-slack, 0.0) / size).max(initial=0.0))
    starts = np.append(0, np.cumsum([s.n for s in shards])[:-1])
    proof = Proved(
        whole.names,
        prices * whole.scale,
        bound,
        worth,
        whole.value_spread,
        (at + starts[place], exact),
        rounded.n_randomised,
    )
    held = Stored(np.concatenate(probs), float(totals[0]), usage, slack, violation)
    return answered(held, proof, tol, gathered.passes, began)
