"""What follows from a cohort as it stands after a week, worked out once for all monitors fed the same batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.contrast import Comparison, Contrast

__all__ = ["Shared", "Standing"]

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Standing:
    """Remembers figures of one state of a cohort; None until somebody asked. Never changed once worked out.

    read: what the cohort's outcome is read from; x: (n,) outcomes; skewed: refusals by users asked for per skewness^2.
    """

    who: Comparison | None = None
    read: Floats | None = None
    x: Floats | None = None
    now: Contrast | None = None
    skewed: dict[float, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Shared:
    """What a batch turned a cohort into. before: how it stood, kept so that nothing else can have its identity."""

    before: Standing
    totals: Mapping[str, object]
