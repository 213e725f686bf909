"""Why limits of units, or shared rows beside them, cannot all be kept: Farkas weights for every expanded row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agents.allocation.infeasible import explain
from agents.allocation.outcome import Outcome
from agents.allocation.own_program import Asked, own_priced, sides, sizes_of
from agents.allocation.own_rows import Vertices, extended
from agents.allocation.result import Infeasibility
from agents.allocation.rows import Floats

__all__ = ["WAY", "own_proof", "shared_proof"]

WAY = "Raise the limit or drop a guardrail."
"""The way out of a refusal, as `explain` words it."""


def own_proof(asked: Asked, over: Floats) -> Infeasibility:
    """A unit that cannot keep its own limit is a proof by itself."""
    g, at = len(asked.names), int(np.argmax(over))
    place = int(np.flatnonzero(asked.is_own)[at])
    weights, violation = np.zeros(g), np.zeros(g)
    weights[place] = 1.0
    violation[asked.is_own] = np.maximum(over, 0.0)
    _, stated = sides(asked.program.rows)
    flip, name = asked.own.flip, asked.names[place]
    least = np.full(g, np.nan)
    least[place] = stated[place] + flip * over[at]
    words = (
        f"{name}: limit {stated[place]:.6g} cannot be met: the {'least' if flip > 0 else 'most'} usage any choice of "
        f"arms allows is {least[place]:.6g} (proof of infeasibility: {name} 1). {WAY}"
    )
    return Infeasibility(weights, weights, violation, least, words)


def shared_proof(asked: Asked, vertices: Vertices, outcome: Outcome) -> Infeasibility:
    """Shared rows that contradict each other where everybody keeps their own limit."""
    assert outcome.farkas is not None
    proof = explain(extended(asked.stack, vertices), outcome.farkas, outcome.box)
    bare = replace(asked, stack=replace(asked.stack, value=np.where(np.isfinite(asked.stack.value), 0.0, -np.inf)))
    mine, _ = own_priced(bare, outcome.farkas)
    _, stated = sides(asked.program.rows)

    def whole(shared: Floats, own: Floats) -> Floats:
        out = np.empty(len(asked.names))
        out[~asked.is_own], out[asked.is_own] = shared, own
        return out

    nothing = np.zeros(len(mine))
    weights = whole(proof.multipliers, mine)
    played = weights * sizes_of(asked, stated)
    under = f" while every {asked.own.row.name} is kept" if mine.any() else ""
    return Infeasibility(
        multipliers=weights,
        share=played / played.sum(),
        violation=whole(proof.violation, nothing),
        least_usage=whole(proof.least_usage, nothing + np.nan),
        words=proof.words.replace(" cannot be met", f" cannot be met{under}", 1),
    )
