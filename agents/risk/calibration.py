"""From a score to a chance that can be taken at its word, and the table that shows whether it can.

Isotonic regression (Zadrozny and Elkan 2002) where cases are many, Platt's sigmoid with his smoothed targets
(Platt 1999, section 2.2) where they are few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from rage_env.errors import LogError

__all__ = ["Bin", "Calibration", "Method", "calibrate", "reliability"]

Floats = NDArray[np.float64]
Method = Literal["isotonic", "platt"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rising map from scores (log odds) to chances: linear in log odds between its knots, flat beyond them."""

    score: Floats  # (knots,) rising
    chance: Floats  # (knots,) rising, in [0, 1]
    slope: float | None = None  # of Platt's sigmoid; then score and chance are unused
    offset: float = 0.0

    def __call__(self, score: Floats) -> Floats:
        """(n,) chances."""
        if self.slope is not None:
            return np.asarray(expit(self.slope * score + self.offset), dtype=np.float64)
        return np.asarray(np.interp(score, self.score, self.chance), dtype=np.float64)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays; slope is NaN where there is none."""
        sigmoid = np.array([np.nan if self.slope is None else self.slope, self.offset])
        return {"score": self.score, "chance": self.chance, "sigmoid": sigmoid}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Self:
        """Inverse of arrays, from names under `prefix`."""
        slope, offset = np.asarray(arrays[f"{prefix}sigmoid"], dtype=np.float64).tolist()
        score, chance = (np.array(arrays[prefix + f], dtype=np.float64) for f in ("score", "chance"))
        return cls(score, chance, None if np.isnan(slope) else slope, offset)


def calibrate(score: Floats, event: NDArray[np.bool_], method: Method) -> Calibration:
    """The map fitted on scores (n,) of rows that the model was not fitted on. Raises LogError without both outcomes."""
    if event.all() or not event.any():
        raise LogError(
            f"calibration: needs rows with the event and without, got {int(event.sum())} of {len(event)}; "
            "give a longer log"
        )
    return _isotonic(score, event) if method == "isotonic" else _platt(score, event)


@dataclass(frozen=True)
class Bin:
    """One row of a reliability table: rows of like chance, the mean chance told and the share that came true."""

    rows: int
    told: float
    came: float
    stderr: float  # of `came` if `told` is right

    @property
    def z(self) -> float:
        """Standard errors between told and came."""
        return (self.came - self.told) / self.stderr if self.stderr > 0 else 0.0


def reliability(chance: Floats, event: NDArray[np.bool_], bins: int = 10) -> tuple[Bin, ...]:
    """Bins of about equal size, ties together, lowest chance first."""
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, bins + 1)[1:-1])) if len(chance) else np.empty(0)
    place = np.searchsorted(edges, chance, side="left")
    out = []
    for code in np.unique(place):
        mine = place == code
        told, rows = float(chance[mine].mean()), int(mine.sum())
        spread = float(np.sqrt((chance[mine] * (1 - chance[mine])).sum())) / rows
        out.append(Bin(rows, told, float(event[mine].mean()), spread))
    return tuple(out)


def _isotonic(score: Floats, event: NDArray[np.bool_]) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0).fit(score, event.astype(np.float64))
    return Calibration(np.asarray(model.X_thresholds_, np.float64), np.asarray(model.y_thresholds_, np.float64))


def _platt(score: Floats, event: NDArray[np.bool_]) -> Calibration:
    yes, no = float(event.sum()), float((~event).sum())
    target = np.where(event, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(theta: Floats) -> tuple[float, Floats]:
        line = theta[0] * score + theta[1]
        missed = expit(line) - target
        total = float((np.logaddexp(0.0, line) - target * line).mean())
        return total, np.array([float((missed * score).mean()), float(missed.mean())])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    slope, offset = found.x.tolist()
    return Calibration(np.empty(0), np.empty(0), max(slope, 0.0), offset)
