"""ips: inverse propensity scoring, `mean w r` with `w = pi(a|x) / propensity` (Horvitz and Thompson 1952).

Unbiased wherever the log gave every arm of the target a chance.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum


@dataclass(frozen=True)
class InversePropensity(Sum):
    """Mean of the importance-weighted rewards."""

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`w r`."""
        return (rows.weighted_reward,)
