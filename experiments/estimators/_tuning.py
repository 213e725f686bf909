"""Lets the log choose how far weights are bent: `{"kind": name, "lambda": "slope"}` or `"mse"`.

All candidates of an estimator are summed in the same pass; the choice reads their estimates, for the very quantity
that is asked (a value, a ratio, a difference), and their standard errors clustered by user.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Estimator, Floats, Rows
from experiments.estimators._inference import Estimate

__all__ = ["RULES", "Tuned", "mse", "slope", "with_candidates"]

DEVIATION = 1.0
"""Standard errors that stand for the deviation bound of SLOPE, which the paper leaves open; assumed. An interval, twice
that to either side, then has about 95 %."""


def slope(found: Sequence[Estimate]) -> int:
    """Place of the most bent estimate whose interval still meets those of all less bent ones.

    Su, Srinath and Krishnamurthy (2020), "Adaptive estimator selection for off-policy evaluation": intervals are the
    estimate plus and minus twice its deviation, in order of growing bias and shrinking deviation. found: unbent first.
    """
    low, high = -math.inf, math.inf
    for place, one in enumerate(found):
        half = 2 * DEVIATION * one.stderr
        if not (one.value - half <= high and one.value + half >= low):
            return max(place - 1, 0)
        low, high = max(low, one.value - half), min(high, one.value + half)
    return len(found) - 1


def mse(found: Sequence[Estimate]) -> int:
    """Place of the least `variance + (estimate - unbent estimate)^2`.

    The direct estimate of the bias in Su, Dimakopoulou, Krishnamurthy and Dudik (2020), "Doubly robust off-policy
    evaluation with shrinkage"; its square is on average too large, by its variance, so the sum bounds the mean squared
    error from above on average. found: unbent first.
    """
    bound = [one.stderr**2 + (one.value - found[0].value) ** 2 for one in found]
    return int(np.argmin(np.nan_to_num(bound, nan=math.inf, posinf=math.inf)))


RULES: Mapping[str, Callable[[Sequence[Estimate]], int]] = {"slope": slope, "mse": mse}


@dataclass(frozen=True)
class Tuned(Estimator):
    """An estimator whose lambda is left to the log; until that has chosen it is its first, unbent candidate."""

    rule: str  # one of RULES
    candidates: Mapping[float, Estimator]  # by lambda, unbent first, ever more bent

    @property
    def _unbent(self) -> Estimator:
        return next(iter(self.candidates.values()))

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """Those of the unbent candidate."""
        return self._unbent.terms(rows)

    def value(self, means: Floats) -> float:
        """That of the unbent candidate."""
        return self._unbent.value(means)

    def gradient(self, means: Floats) -> Floats:
        """That of the unbent candidate."""
        return self._unbent.gradient(means)

    def labelled(self, name: str) -> dict[str, Estimator]:
        """{label: candidate}; no label is one that a spec can have."""
        return {f"{name} at {at:g}": candidate for at, candidate in self.candidates.items()}

    def choose(self, found: Sequence[Estimate]) -> tuple[int, str]:
        """Place of the candidate to be trusted, and what a reader must know of the choice."""
        place = RULES[self.rule](found)
        at = list(self.candidates)[place]
        return place, f"tuned: lambda = {at:g} by {self.rule}, and the interval leaves out that the log chose it"


def with_candidates(made: Mapping[str, Estimator]) -> dict[str, Estimator]:
    """What the pass has to sum: every estimator, and the candidates of those that are tuned."""
    out: dict[str, Estimator] = {}
    for name, estimator in made.items():
        out |= estimator.labelled(name) if isinstance(estimator, Tuned) else {name: estimator}
    return out
