"""Robust rows by outer approximation: the tangent of the norm at each answer, until no tangent is left to add.

`radius * |w|` is the largest of `radius * z.w` over unit vectors z, so each z gives a linear row that the robust
row implies (Kelley 1960). The price of a robust row is the sum over its tangents, its direction their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.allocation.conic import pull_of, size_of
from agents.allocation.result import Allocation
from agents.allocation.rows import Floats, Linear, Robust

__all__ = ["by_tangents"]

_MOST_TANGENTS = 80
_HAIR = 3e-10  # of a row's size: limits are lowered by this, so that the last tangent errs on the safe side

Solve = Callable[[Sequence[Linear], Floats | None], Allocation]


def by_tangents(rows: Sequence[Linear | Robust], solve: Solve, prices0: Floats | None) -> Allocation:
    """The allocation under robust rows, each solved as the linear rows it implies. solve: linear rows, prices."""
    tangents = {i: [np.zeros(row.factor.shape[2])] for i, row in enumerate(rows) if isinstance(row, Robust)}
    passes = 0
    for turn in range(_MOST_TANGENTS):
        answer = solve(_linear(rows, tangents), prices0)
        passes += answer.passes
        found = {i: pull_of(row, answer.probs) for i, row in enumerate(rows) if isinstance(row, Robust)}
        missed = [i for i, (used, _) in found.items() if used > _limit(rows[i])]
        if answer.infeasibility is not None or not missed or turn == _MOST_TANGENTS - 1:
            break
        places = _places(rows, tangents)
        prices0 = np.concatenate([_next(answer.prices[p.mine], p.row in missed) for p in places])
        for i in missed:
            tangents[i].append(found[i][1])
    used = {i: used for i, (used, _) in found.items()}
    return replace(_merged(rows, tangents, answer, used), passes=passes)


def _next(prices: Floats, grows: bool) -> Floats:
    """Starting prices of a row's tangents; a new one starts with all that its row has paid so far."""
    return np.append(0 * prices, prices.sum()) if grows else prices


def _limit(row: Linear | Robust) -> float:
    return float(np.asarray(row.limit))


def _linear(rows: Sequence[Linear | Robust], tangents: dict[int, list[Floats]]) -> list[Linear]:
    """The rows with each robust one replaced by its tangents."""
    linear: list[Linear] = []
    for i, row in enumerate(rows):
        if isinstance(row, Linear):
            linear.append(row)
        else:
            limit = row.limit - _HAIR * size_of(row)
            linear += [replace(row.cut(direction), limit=limit) for direction in tangents[i]]
    return linear


@dataclass(frozen=True)
class _Place:
    """Where a reported row stands among the solver's expanded rows: one place, or one for each tangent."""

    row: int
    mine: slice


def _places(rows: Sequence[Linear | Robust], tangents: dict[int, list[Floats]]) -> list[_Place]:
    out: list[_Place] = []
    at = 0
    for i, row in enumerate(rows):
        if isinstance(row, Robust):
            out.append(_Place(i, slice(at, at + len(tangents[i]))))
        else:
            codes = 1 if row.segment is None else len(np.unique(row.segment[row.segment >= 0]))
            out += [_Place(i, slice(at + j, at + j + 1)) for j in range(codes)]
        at = out[-1].mine.stop if out else 0
    return out


def _summed(places: list[_Place], amounts: Floats) -> Floats:
    return np.array([amounts[p.mine].sum() for p in places])


def _merged(
    rows: Sequence[Linear | Robust], tangents: dict[int, list[Floats]], answer: Allocation, used: dict[int, float]
) -> Allocation:
    """The answer with one entry for each robust row in place of one for each tangent."""
    places = _places(rows, tangents)
    first = np.array([p.mine.start for p in places], dtype=np.intp)
    usage, slack = answer.usage[first], answer.slack[first]
    names = [answer.row_names[at] for at in first]
    proof = answer.infeasibility
    weights = answer.prices if proof is None else proof.multipliers
    worst, directions = answer.max_violation, {}
    for at, place in enumerate(places):
        row = rows[place.row]
        if isinstance(row, Robust):
            usage[at], slack[at], names[at] = used[place.row], row.limit - used[place.row], row.name
            worst = max(worst, -slack[at] / size_of(row))
            mine = weights[place.mine]
            directions[row.name] = (mine @ np.array(tangents[place.row])) / max(float(mine.sum()), 1e-300)
    if proof is not None:
        proof = replace(
            proof,
            multipliers=_summed(places, proof.multipliers),
            share=_summed(places, proof.share),
            violation=np.maximum(-slack, 0.0),
            least_usage=proof.least_usage[first],
        )
    return replace(
        answer,
        row_names=tuple(names),
        prices=_summed(places, answer.prices),
        usage=usage,
        slack=slack,
        max_violation=worst,
        status="inaccurate" if worst > 1e-9 and proof is None else answer.status,
        infeasibility=proof,
        directions=directions,
    )
