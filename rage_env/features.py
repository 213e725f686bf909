"""What is observed of a user at the start of a week: names, finite bounds, and how each is read from the state.

Latent columns never enter; the test of that is in checks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rage_env.state import Lives, Traits

if TYPE_CHECKING:
    from rage_env.population import PopulationParams

__all__ = ["Feature", "FeatureTable"]

Floats = NDArray[np.float32]
_MOMENTUM = np.array([1.0 if b == 0 else (b & 1) * 4 / bin(b).count("1") for b in range(16)], dtype=np.float32)
_FAR = 64.0
_LOG_USD = 40.0


@dataclass(frozen=True)
class Feature:
    """One observed number: read(traits, lives) -> (n,) of any real dtype; `cut` where it could lie out of bounds."""

    name: str
    low: float
    high: float
    read: Callable[[Traits, Lives], NDArray[Any]]
    cut: bool = False


def _bits(table: Floats, bits: NDArray[np.uint8]) -> Floats:
    return table.take(bits.astype(np.intp))  # takes by bytes are three times slower


def _log_usd(amount: Floats) -> Floats:
    out: Floats = amount + np.float32(1)
    return np.log(out, out=out)


def _recent_gmv(lives: Lives) -> Floats:
    total: Floats = lives.gmv[0] + lives.gmv[1]
    total += lives.gmv[2]
    total += lives.gmv[3]
    return _log_usd(total)


_STATE = (
    Feature("log_age", 0.0, 12.0, lambda t, s: _log_usd(np.clip(s.age, np.float32(0), np.float32(np.inf))), cut=True),
    Feature("active_1w", 0.0, 1.0, lambda t, s: s.active_bits & np.uint8(1)),
    Feature("active_4w", 0.0, 4.0, lambda t, s: np.bitwise_count(s.active_bits)),
    Feature("momentum", 0.0, 4.0, lambda t, s: _bits(_MOMENTUM, s.active_bits)),
    Feature("recency_weeks", 0.0, 26.0, lambda t, s: s.recency),
    Feature("intensity", 0.0, 1e4, lambda t, s: s.intensity_seen, cut=True),
    Feature("log_gmv_1w", 0.0, _LOG_USD, lambda t, s: _log_usd(s.gmv[0]), cut=True),
    Feature("log_gmv_4w", 0.0, _LOG_USD, lambda t, s: _recent_gmv(s), cut=True),
    Feature("contacts_4w", 0.0, 4.0, lambda t, s: np.bitwise_count(s.contact_bits)),
    Feature("last_response", -1.0, 1.0, lambda t, s: s.last_response),
    Feature("fraud_reported", 0.0, 1e6, lambda t, s: s.fraud_reported, cut=True),
    Feature("kyc_high", 0.0, 1.0, lambda t, s: t.kyc),
    Feature("device_risk", -_FAR, _FAR, lambda t, s: t.device, cut=True),
    Feature("churn_signal", -_FAR, _FAR, lambda t, s: t.churn_signal, cut=True),
    Feature("credit_signal", -_FAR, _FAR, lambda t, s: t.credit_signal, cut=True),
)


def _place(population: PopulationParams) -> list[Feature]:
    """One flag a code, the first left out."""
    regions = [_place_flag("region", c) for c in range(1, len(population.region_mix))]
    return regions + [_place_flag("channel", c) for c in range(1, len(population.channel_mix))]


def _place_flag(trait: str, code: int) -> Feature:
    return Feature(f"{trait}_{code}", 0.0, 1.0, lambda t, s: getattr(t, trait) == code)


class FeatureTable:
    """The d features of a scenario, in a fixed order; `added`: those of its mechanisms."""

    def __init__(self, population: PopulationParams, added: Sequence[Feature] = ()) -> None:
        self.features = (*_STATE, *_place(population), *added)
        self.names = tuple(f.name for f in self.features)
        self.low = np.array([f.low for f in self.features], dtype=np.float32)
        self.high = np.array([f.high for f in self.features], dtype=np.float32)

    def __len__(self) -> int:
        return len(self.features)

    def write(self, traits: Traits, lives: Lives, out: Floats) -> None:
        """Fill out (d, n), one feature a row. Values beyond a bound are cut to it."""
        for j, feature in enumerate(self.features):
            if feature.cut:
                np.clip(feature.read(traits, lives), self.low[j], self.high[j], out=out[j])
            else:
                out[j] = feature.read(traits, lives)
