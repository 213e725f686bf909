"""What each shipped world must show, measured: one module per scenario, found by its file name.

A module holds `measure(seed) -> {claim: figure}`, one cohort of the world, and `CLAIMS`, the accepted ranges of the
means over seeds. `python -m experiments.showcase` lives all of them and writes docs/scenarios.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

__all__ = ["Claim", "Row", "module", "names", "rows"]


@dataclass(frozen=True)
class Claim:
    """What a scenario must show. published: the figure as it stands in its source, in words.

    low, high: the accepted range of the mean over seeds; None where the figure is shown and not judged (`note`: why).
    """

    text: str
    published: str
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A claim beside its measured figures, one a seed."""

    claim: Claim
    figures: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.figures))

    @property
    def holds(self) -> bool | None:
        """Whether the mean lies in the accepted range; None where it is not judged."""
        low, high = self.claim.low, self.claim.high
        if low is None and high is None:
            return None
        return (low is None or self.mean >= low) and (high is None or self.mean <= high)


def names() -> tuple[str, ...]:
    """Scenarios with a showcase, sorted."""
    private = ("page",)
    found = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return tuple(sorted(name for name in found if name not in private))


def module(name: str) -> ModuleType:
    """The showcase of a scenario."""
    return importlib.import_module(f"{__name__}.{name}")


def rows(name: str, seeds: Sequence[int], progress: Callable[[str], None] | None = None) -> list[Row]:
    """Every claim of a scenario with its figures over these seeds. Raises KeyError for a claim nothing measured."""
    shown = module(name)
    measured: list[Mapping[str, float]] = []
    for at, seed in enumerate(seeds, start=1):
        measured.append(shown.measure(seed))
        if progress is not None:
            progress(f"{name}: seed {seed} ({at} of {len(seeds)})")
    claims: Mapping[str, Claim] = shown.CLAIMS
    return [Row(claim, tuple(float(one[key]) for one in measured)) for key, claim in claims.items()]
