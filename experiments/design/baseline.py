"""What is known of users before a test: how much they are worth, how much they vary, and how much of that lasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.interface import positive
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.outcomes import DELAYED, value
from rage_env.scenario import Scenario

__all__ = ["Baseline", "Lived", "lived_baseline"]

Floats = NDArray[np.float64]
CAP_QUANTILE = 0.999
"""As in runs: what a user counts for ends there."""


@dataclass(frozen=True)
class Baseline:
    """Weekly value of a user left alone.

    icc: share of its variance that is the user's own and lasts. correlation: of the mean over `weeks` weeks with the
    value from before, which CUPED adjusts for; 0 without one. Raises ConfigError.
    """

    mean_usd: float
    sd_usd: float
    icc: float = 0.5
    correlation: float = 0.0
    weeks: int = 8

    def __post_init__(self) -> None:
        positive("sd", self.sd_usd)
        if not math.isfinite(self.mean_usd):
            raise ConfigError(f"mean: must be a finite number, got {self.mean_usd!r}")
        for name, least, most in (("icc", 0.0, 1.0), ("correlation", -1.0, 1.0)):
            number = getattr(self, name)
            if not least <= number <= most:
                raise ConfigError(f"{name}: must lie in [{least:g}, {most:g}], got {number!r}")
        if self.left_by_cuped(10**6) <= 0 < self.icc:
            raise ConfigError(
                f"correlation: {self.correlation:g} over {self.weeks} weeks is more than icc {self.icc:g} leaves room "
                "for; raise icc or lower the correlation"
            )

    def variance(self, weeks: int) -> float:
        """Of a user's mean over so many weeks."""
        return self.sd_usd**2 * (self.icc + (1 - self.icc) / weeks)

    def left_by_cuped(self, weeks: int) -> float:
        """Share of that variance that the value from before does not explain."""
        return 1 - self.correlation**2 * self.variance(self.weeks) / self.variance(weeks) if self.icc else 1.0


@dataclass(frozen=True, eq=False)
class Lived:
    """What users of a world did who were left alone. columns: {name: (m,)} of m user-weeks, by accrual."""

    baseline: Baseline
    columns: dict[str, Floats]
    reported_share: dict[str, Floats]  # {delayed column: (T,) share known by age in weeks}


def lived_baseline(world: Scenario, users: int, seed: int, weeks: int = 8) -> Lived:
    """The baseline of a world, values capped at the 99.9 % quantile of a user-week; of a shorter world, all its weeks.

    Raises ConfigError for a world too short to tell users from luck.
    """
    weeks = min(weeks, world.weeks)
    if weeks < 2:
        raise ConfigError(
            f"{world.name}: weeks: a world of {world.weeks} week tells no user's own share from luck; "
            "give it 2 or more (weeks=8), or --mean and --sd without a world"
        )
    env = CohortEnv(users, world, seed=seed, keep_burn_in=True)
    env.reset(seed=seed)
    before = _mean_value([{**w.columns} for w in env.burn_in_logs], world.retention_value_usd)
    lived: list[dict[str, Floats]] = []
    for _ in range(weeks):
        env.step(np.zeros(users, np.int64))
        lived.append({c: np.asarray(v, np.float64) for c, v in env.truth.ledger().items()})
    columns = {c: np.concatenate([week[c] for week in lived]) for c in lived[0]}
    weekly = _capped(np.stack([value(week, world.retention_value_usd) for week in lived]))
    shares = {c: np.asarray(law.reported_share, np.float64) for c, law in env.laws.items()}
    return Lived(_of(weekly, before), {**columns, "assigned": np.ones(weeks * users)}, shares)


def _of(weekly: Floats, before: Floats | None) -> Baseline:
    """weekly: (t, n); before: (n,)."""
    weeks, means = len(weekly), weekly.mean(axis=0)
    within = float(weekly.var(axis=0, ddof=1).mean())
    own = max(0.0, float(means.var(ddof=1)) - within / weeks)
    correlation = 0.0 if before is None else float(np.corrcoef(before, means)[0, 1])
    total = own + within
    share = own / total if total else 0.0
    return Baseline(float(weekly.mean()), math.sqrt(total), share, max(0.0, correlation), weeks)


def _mean_value(logs: Sequence[dict[str, NDArray[np.float32]]], retention_value_usd: float) -> Floats | None:
    """(n,) capped mean weekly value, delayed columns at 0 where they are not in a log; None without logs."""
    if not logs:
        return None
    unknown = {c: np.zeros(len(logs[0]["active"])) for c in DELAYED}
    weekly = np.stack([value({**unknown, **w}, retention_value_usd) for w in logs])
    return np.asarray(_capped(weekly).mean(axis=0), np.float64)


def _capped(weekly: Floats) -> Floats:
    most = float(np.quantile(np.abs(weekly), CAP_QUANTILE))
    return np.clip(weekly, -most, most)
