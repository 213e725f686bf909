"""What ranked targeting is worth once the offer costs something, with intervals that do not flatter the choice.

Treating the top share brings `worth x gain(share) - cost x share` per user of the whole. The share that looks best on a
sample looks too good on it; so half of the units choose the share and the other half value it, both ways round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.uplift_metrics import Interval, Ranking, interval_of, rank
from rage_env.errors import ConfigError

__all__ = ["Money", "Targeted", "TargetingValue", "targeting_value"]

Floats = NDArray[np.float64]
SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class Money:
    """cost: usd per treated user. worth: usd per unit of the outcome; 1 where the outcome is in usd itself."""

    cost: float = 0.0
    worth: float = 1.0

    def __post_init__(self) -> None:
        for name, held in (("cost", self.cost), ("worth", self.worth)):
            if not math.isfinite(held) or held < 0:
                raise ConfigError(f"{name}: must be a finite number of usd, 0 or more, got {held!r}")


@dataclass(frozen=True)
class Targeted:
    """Treating this share of users, and what it brings per user of the whole, in usd."""

    share: float
    net: Interval


@dataclass(frozen=True)
class TargetingValue:
    """at: the top shares by score. rule: everybody whose predicted effect is worth more than the offer costs.

    best: the share that the other half of the units would choose; its share is the mean of both choices.
    """

    at: tuple[Targeted, ...]
    rule: Targeted
    best: Targeted


def targeting_value(
    score: Floats,
    treated: NDArray[np.bool_],
    outcome: Floats,
    propensity: Floats,
    money: Money,
    *,
    clusters: NDArray[np.integer] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> TargetingValue:
    """What ranked targeting is worth, at several shares of people, by rule, and at the best share, which others value.

    Arrays as `uplift_metrics` takes them, (n,) each; score: predicted effect in the outcome's unit. Raises InputError.
    """
    groups = np.arange(len(score)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    ranking = rank(score, treated, outcome, propensity, clusters=groups, seed=seed)
    net = _net(ranking, money)
    places = [int(np.searchsorted(ranking.share, s - 1e-9)) + 1 for s in SHARES]
    at = tuple(Targeted(_share(ranking, p), interval_of(net[:, p], alpha)) for p in places)
    worthy = money.worth * score > money.cost
    rule = _of_rule(worthy, (treated, outcome, propensity), groups, money, alpha, seed)
    data = (score, treated, outcome, propensity)
    return TargetingValue(at, rule, _best(data, groups, money, alpha, seed))


def _net(ranking: Ranking, money: Money) -> Floats:
    """(1 + resamples, 1 + bins) usd per user of treating the top bins."""
    return np.asarray(money.worth * ranking.gain() - money.cost * np.r_[0.0, ranking.share], np.float64)


def _share(ranking: Ranking, place: int) -> float:
    return 0.0 if place == 0 else float(ranking.share[place - 1])


def _of_rule(
    worthy: NDArray[np.bool_],
    data: tuple[NDArray[np.bool_], Floats, Floats],
    groups: NDArray[np.integer],
    money: Money,
    alpha: float,
    seed: int,
) -> Targeted:
    if not worthy.any():
        return Targeted(0.0, Interval(0.0, 0.0, 0.0))
    ranking = rank(worthy.astype(np.float64), *data, clusters=groups, seed=seed)
    return Targeted(float(worthy.mean()), interval_of(_net(ranking, money)[:, 1], alpha))


def _best(
    data: tuple[Floats, NDArray[np.bool_], Floats, Floats],
    groups: NDArray[np.integer],
    money: Money,
    alpha: float,
    seed: int,
) -> Targeted:
    """Both halves choose for each other; a unit is in one half with all its rows."""
    heads = np.random.default_rng(seed).random(int(groups.max()) + 1) < 0.5
    halves = []
    for side in (heads[groups], ~heads[groups]):
        halves.append(rank(*(column[side] for column in data), clusters=groups[side], seed=seed))
    taken, drawn = [], []
    for chooser, judge in (halves, halves[::-1]):
        wanted = _share(chooser, int(_net(chooser, money)[0].argmax()))
        place = 0 if wanted == 0 else int(np.searchsorted(judge.share, wanted - 1e-9)) + 1
        taken.append(_share(judge, place))
        drawn.append(_net(judge, money)[:, place])
    return Targeted(float(np.mean(taken)), interval_of(np.mean(drawn, axis=0), alpha))
