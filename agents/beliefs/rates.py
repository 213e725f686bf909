"""Rare or lumpy outcomes as Poisson-gamma rates per unit of exposure, pooled by arm and risk stratum.

An amount is a sum of events of uneven size. Matching the first two moments, A = sum of amounts and
Q = sum of their squares act like A^2 / Q events of size Q / A (Fay and Feuer 1997), so the posterior of a rate is
gamma. What is reported late is met by counting only the reported share of its exposure: an offset
ln reported_share(age) in the Poisson likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RatePrior", "Rates"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatePrior:
    """What is thought before data: mean (k,) per unit of exposure, worth `events` events of `size` (k,) each.

    across_arms: cells are drawn towards their stratum's rate over all arms (true of fraud), otherwise towards
    their arm's rate over all strata (true of what the offer itself costs). tie: strength of that, in events.
    """

    mean: Floats
    size: Floats
    across_arms: bool
    events: float = 1.0
    tie: float = 4.0


class Rates:
    """Rates of one outcome in k arms x s strata. Remembers amounts, their squares, and exposure by week."""

    def __init__(self, strata: int, prior: RatePrior, reported_share: Floats) -> None:
        shape = (len(prior.mean), strata)
        self.prior, self.share = prior, reported_share
        self.amount, self.square, self.settled = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.weeks = np.empty(0, np.int64)
        self.open = np.empty((0, *shape))  # exposure of weeks whose reports still come in

    def expose(self, week: int, cell: NDArray[np.intp], exposure: NDArray[np.floating]) -> None:
        """Add the exposure (rows,) of user-weeks in flat `cell` = arm * strata + stratum."""
        total = np.bincount(cell, weights=exposure, minlength=self.amount.size).reshape(self.amount.shape)
        self.weeks = np.append(self.weeks, week)
        self.open = np.concatenate([self.open, total[None]])
        done = week - self.weeks >= len(self.share) - 1
        self.settled = self.settled + self.open[done].sum(axis=0)
        self.weeks, self.open = self.weeks[~done], self.open[~done]

    def observe(self, cell: NDArray[np.intp], amount: NDArray[np.floating]) -> None:
        """Add amounts (events,) that became known of user-weeks in flat `cell`."""
        for store, weights in ((self.amount, amount), (self.square, np.square(amount, dtype=np.float64))):
            store += np.bincount(cell, weights=weights, minlength=store.size).reshape(store.shape)

    def forget(self, keep: float) -> None:
        """Let everything so far count `keep` times as much."""
        for store in (self.amount, self.square, self.settled, self.open):
            store *= keep

    def close(self, last_week: int) -> None:
        """Count open weeks by what they have reported by `last_week`, and hear no more of them."""
        self.settled = self.exposure(last_week)
        self.weeks, self.open = self.weeks[:0], self.open[:0]

    def exposure(self, last_week: int) -> Floats:
        """(k, s) exposure whose outcome is known by the end of `last_week`."""
        age = np.clip(last_week - self.weeks, 0, len(self.share) - 1)
        return np.asarray(self.settled + np.einsum("w,wks->ks", self.share[age], self.open))

    def posterior(self, last_week: int) -> tuple[Floats, Floats]:
        """Mean and variance (k, s) of the rates, as known at the end of `last_week`."""
        exposure, prior = self.exposure(last_week), self.prior
        size = (prior.size**2 + self.square.sum(axis=1)) / (prior.size + self.amount.sum(axis=1))  # one event a priori
        size = np.broadcast_to(size[:, None], exposure.shape)
        axis = 0 if prior.across_arms else 1
        start, worth = self._start(exposure)
        pooled = worth / start + exposure.sum(axis=axis, keepdims=True)
        centre = (worth + self.amount.sum(axis=axis, keepdims=True)) / pooled
        doubt = (worth * size + self.square.sum(axis=axis, keepdims=True)) / pooled**2
        weight = prior.tie * size
        known = weight / centre + exposure
        variance = (weight * size + self.square) / known**2 + (weight / centre / known) ** 2 * doubt
        return (weight + self.amount) / known, np.asarray(variance)

    def _start(self, exposure: Floats) -> tuple[Floats, Floats]:
        """Where the pooled rates start, and the amount that this is worth: the overall rate, or the arm's prior."""
        prior = self.prior
        if not prior.across_arms:
            return prior.mean[:, None], prior.events * prior.size[:, None]
        worth = prior.events * prior.size.mean()
        overall = (worth + self.amount.sum()) / (worth / prior.mean.mean() + exposure.sum())
        return np.full((1, 1), overall), np.full((1, 1), prior.size.mean())

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {f: getattr(self, f) for f in _STATE}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        for name in _STATE:
            setattr(self, name, np.array(arrays[name]))


_STATE = ("amount", "square", "settled", "weeks", "open")
