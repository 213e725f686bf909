"""What agents must show in the shipped worlds: one module per experiment config, found by its file name.

A module holds `measure(seed) -> {claim: figure}`, one seed of configs/experiments/NAME.yaml lived by its agents through
the usual runner, `CLAIMS` with the accepted ranges, and `SMALL`, keywords of `measure` that cost a minute a seed.
`python -m experiments.decisions` writes docs/decision-results.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

from experiments.showcase import Claim, Row

__all__ = ["module", "names", "rows"]


def names() -> tuple[str, ...]:
    """Experiments with decision results, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def module(name: str) -> ModuleType:
    """The results of an experiment."""
    return importlib.import_module(f"{__name__}.{name}")


def rows(
    name: str, seeds: Sequence[int], progress: Callable[[str], None] = lambda _: None, *, small: bool = False
) -> list[Row]:
    """Every claim with its figures over these seeds. Raises KeyError for a claim that nothing measured."""
    shown, measured = module(name), list[Mapping[str, float]]()
    for seed in seeds:
        measured.append(shown.measure(seed, **(shown.SMALL if small else {})))
        progress(f"{name}: seed {seed}")
    claims: Mapping[str, Claim] = shown.CLAIMS
    return [Row(claim, tuple(float(one[key]) for one in measured)) for key, claim in claims.items()]
