"""GMV and net revenue of the fintech world: a million users lived once under uniform arms; samples are some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.coverage.sample import Floats, Sample
from experiments.intervals.rare_losses import Declared
from rage_env import scenario as scenarios
from rage_env.cohort import CohortEnv
from rage_env.interface import observe
from rage_env.outcomes import net_revenue

__all__ = ["FEATURES", "Panel", "World", "losses_of_net_revenue", "panel", "rewards_of", "target_of"]

Singles = NDArray[np.float32]
FEATURES = ("active_4w", "log_gmv_4w", "device_risk", "churn_signal")
TARGET = np.array([[0.8, 0.2, 0, 0, 0, 0], [0.3, 0, 0.5, 0, 0, 0.2]])  # by whether the user was active last week
LEAST_PROPENSITY = 1 / 6  # arms are uniform
COHORT = 50_000
WEEKS = 4


@dataclass(frozen=True, eq=False)
class Panel:
    """A superpopulation. (t, n) unless said otherwise; truth: {outcome: (t,)} mean under the target."""

    arm: NDArray[np.int8]
    keen: NDArray[np.bool_]  # which row of TARGET
    present: NDArray[np.bool_]
    features: Singles  # (t, n, d)
    rewards: dict[str, Singles]
    truth: dict[str, Floats]

    @property
    def users(self) -> int:
        """How many there are."""
        return int(self.arm.shape[1])


def panel(users: int = 1_000_000, seed: int = 9_000) -> Panel:
    """Cohorts of the fintech world for four weeks. The truth is that of conditional means, over all of them."""
    parts = [_cohort(seed + i) for i in range(users // COHORT)]
    rewards = {c: np.concatenate([p.rewards[c] for p in parts], axis=1) for c in parts[0].rewards}
    return Panel(
        arm=np.concatenate([p.arm for p in parts], axis=1),
        keen=np.concatenate([p.keen for p in parts], axis=1),
        present=np.concatenate([p.present for p in parts], axis=1),
        features=np.concatenate([p.features for p in parts], axis=1),
        rewards=rewards,
        truth={c: np.mean([p.truth[c] for p in parts], axis=0) for c in parts[0].truth},
    )


def _cohort(seed: int) -> Panel:
    env = CohortEnv(COHORT, "fintech", seed=seed, weeks=WEEKS)
    seen = observe(*env.reset(seed=seed))
    rng = np.random.default_rng(seed)
    place = [env.features.names.index(f) for f in FEATURES]
    arms, keens, here, features, ledgers, means = [], [], [], [], [], []
    for _ in range(WEEKS):
        keen = seen.features[:, env.features.names.index("active_1w")] > 0.5
        expected = env.truth.mean_outcomes()
        probs = target_of(keen, seen.present)
        means.append({c: float((probs * y).sum() / COHORT) for c, y in rewards_of(expected).items()})
        arm = np.where(seen.present, rng.integers(0, 6, COHORT), 0)
        arms.append(arm.astype(np.int8))
        keens.append(keen)
        here.append(seen.present.copy())
        features.append(seen.features[:, place].copy())
        obs, _, _, _, info = env.step(arm)
        ledgers.append({c: y.astype(np.float32) for c, y in rewards_of(env.truth.ledger()).items()})
        seen = observe(obs, info)
    return Panel(
        np.stack(arms),
        np.stack(keens),
        np.stack(here),
        np.stack(features),
        {c: np.stack([w[c] for w in ledgers]) for c in ledgers[0]},
        {c: np.array([w[c] for w in means]) for c in means[0]},
    )


def rewards_of(ledger: Mapping[str, NDArray[np.floating]]) -> dict[str, NDArray[np.floating]]:
    """{outcome: its column}, of any shape."""
    return {"gmv": ledger["gmv"], "net revenue": net_revenue(ledger)}


@cache
def losses_of_net_revenue() -> tuple[float, float, float]:
    """Cap, worst loss of a user-week by what the arms declare, and heaviest weight."""
    worst = max(arm.max_loss_usd + arm.contact_cost_usd for arm in scenarios.load("fintech").specs)
    return Declared(worst, LEAST_PROPENSITY).cap, worst, float(TARGET.max()) / LEAST_PROPENSITY


def target_of(keen: NDArray[np.bool_], present: NDArray[np.bool_]) -> Floats:
    """(n, 6) what the target does; nothing to whoever has left."""
    probs = TARGET[keen.astype(np.intp)]
    probs[~present] = np.eye(6)[0]
    return probs


@dataclass(frozen=True, eq=False)
class World:
    """Users of the panel. cap_usd: rewards count within [-cap, cap], a bound fixed before any sample is drawn."""

    panel: Panel
    outcome: Literal["gmv", "net revenue"]
    users: int
    weeks: int
    goal: tuple[float, float]
    cap_usd: float | None = None

    @property
    def name(self) -> str:
        """Outcome, and whether capped."""
        cap = "" if self.cap_usd is None else f", capped at ${self.cap_usd:g}"
        rows = "one week" if self.weeks == 1 else f"{self.weeks} weeks a user"
        return f"{self.outcome}{cap}, {rows}"

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """Of a capped reward, and of the weights."""
        if self.cap_usd is None:
            return None
        heaviest = float(TARGET.max()) / LEAST_PROPENSITY
        return (0.0 if self.outcome == "gmv" else -self.cap_usd, self.cap_usd, heaviest)

    @property
    def losses(self) -> tuple[float, float, float] | None:
        """Of net revenue: what an arm declares as the most that it loses, and its contact."""
        return None if self.outcome == "gmv" or self.cap_usd is not None else losses_of_net_revenue()

    @cached_property
    def truth(self) -> float:
        """By conditional means; of capped rewards, which have none, by the weighted mean of the whole panel."""
        if self.cap_usd is None:
            return float(self.panel.truth[self.outcome][: self.weeks].mean())
        rows = self._rows(np.arange(self.panel.users))
        weight = np.take_along_axis(rows.target, rows.arm[:, None], axis=1)[:, 0] / rows.propensity
        return float((weight * rows.reward).mean())

    @cached_property
    def _lines(self) -> Floats:
        """(1 + d, k) a ridge line per arm, fitted once on 20,000 of the panel's first weeks and given to samples."""
        some = np.arange(20_000)
        x = np.column_stack([np.ones(len(some)), self.panel.features[0, some]])
        y, arm = self._reward(0, some), self.panel.arm[0, some]
        ridge, mine = 10 * np.eye(x.shape[1]), [arm == a for a in range(6)]
        return np.stack([np.linalg.solve(x[m].T @ x[m] + ridge, x[m].T @ y[m]) for m in mine], axis=1)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Some of the panel's users, all different."""
        return self._rows(rng.choice(self.panel.users, self.users, replace=False, shuffle=False))

    def _rows(self, who: NDArray[np.int64]) -> Sample:
        p, weeks = self.panel, range(self.weeks)
        arm = np.concatenate([p.arm[t, who] for t in weeks]).astype(np.int64)
        here = np.concatenate([p.present[t, who] for t in weeks])
        keen = np.concatenate([p.keen[t, who] for t in weeks])
        features = np.concatenate([p.features[t, who] for t in weeks]).astype(np.float64)
        reward = np.concatenate([self._reward(t, who) for t in weeks])
        given = np.column_stack([np.ones(len(features)), features]) @ self._lines
        given[~here] = 0.0
        return Sample(
            arm, np.where(here, LEAST_PROPENSITY, 1.0), reward, target_of(keen, here), features, given, len(who)
        )

    def _reward(self, week: int, who: NDArray[np.int64]) -> Floats:
        reward = self.panel.rewards[self.outcome][week, who].astype(np.float64)
        return reward if self.cap_usd is None else np.asarray(np.clip(reward, -self.cap_usd, self.cap_usd))
