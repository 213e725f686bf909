"""E[mean outcomes | observation]: what the best of all learners would believe, fitted where the truth is known.

One ridge for all arms and outcomes on hinges of every feature (Friedman 1991, the basis of MARS, here at fixed
quantiles) and products of pairs, on user-weeks of another seed, half of them from lives left alone, half from lives
treated at random.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import live
from experiments.config import ExperimentConfig
from rage_env.cohort import CohortEnv
from rage_env.guardrails import Guardrail
from rage_env.interface import NO_OFFER, Observation, observe
from rage_env.outcomes import value
from rage_env.randomness import Draw, Noise, person_keys, seed_key

__all__ = ["ObservableModel", "fitted"]

Floats = NDArray[np.float64]
FIT_SEED = 900_001
"""First choice of the seed on which the regression is fitted; studies that use it themselves get the next one."""

_KNOTS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97)
_RIDGE = 1.0  # in user-weeks, on columns of unit variance; assumed: immaterial at 1e5
_EVERY = 4  # weeks between the states that are used
_BATCH = 8_192


@dataclass(frozen=True, eq=False)
class Basis:
    """Maps features (n, d) to columns (n, p): intercept, each feature, its hinges, products of pairs."""

    mean: Floats  # (d,)
    spread: Floats  # (d,)
    knots: tuple[Floats, ...]  # of each feature, in standard units

    @classmethod
    def at(cls, features: NDArray[np.floating]) -> Basis:
        """A basis with its knots at quantiles of `features` (n, d)."""
        x = features.astype(np.float64)
        spread = x.std(axis=0)
        mean, spread = x.mean(axis=0), np.where(spread > 0, spread, 1.0)
        z = (x - mean) / spread
        inner = [np.unique(np.quantile(column, _KNOTS)) for column in z.T]
        return cls(mean, spread, tuple(q[(q > c.min()) & (q < c.max())] for q, c in zip(inner, z.T, strict=True)))

    def columns(self, features: NDArray[np.floating], dtype: type[np.floating] = np.float64) -> NDArray[np.floating]:
        """(n, p) of features (n, d); float32 is enough to predict, not to fit."""
        z = ((features.astype(np.float64) - self.mean) / self.spread).astype(dtype)
        n, d = z.shape
        out = np.empty((n, 1 + d + sum(map(len, self.knots)) + d * (d + 1) // 2), dtype)
        out[:, 0], out[:, 1 : 1 + d] = 1.0, z
        at = 1 + d
        for j, knots in enumerate(self.knots):
            hinges = out[:, at : (at := at + len(knots))]
            np.subtract(z[:, j : j + 1], knots.astype(dtype), out=hinges)
            np.maximum(hinges, 0, out=hinges)
        tame = np.clip(z, -4.0, 4.0)
        for j in range(d):
            np.multiply(tame[:, j : j + 1], tame[:, j:], out=out[:, at : (at := at + d - j)])
        return out


@dataclass(frozen=True, eq=False)
class ObservableModel:
    """What is expected of every arm given the observation alone."""

    guardrails: tuple[Guardrail, ...]
    columns: tuple[str, ...]  # ledger columns that are predicted, after `value`
    basis: Basis
    weights: Floats  # (p, (1 + columns) * k)
    user_weeks: int

    def predict(self, observation: Observation) -> tuple[Floats, dict[str, Floats]]:
        """Value (n, k) and {column: (n, k)}; 0 for those who left, `present` as observed, contacts as they are."""
        n, k = observation.n, observation.k
        out = np.empty((n, self.weights.shape[1]))
        weights = self.weights.astype(np.float32)
        for start in range(0, n, _BATCH):
            rows = slice(start, start + _BATCH)
            out[rows] = self.basis.columns(observation.features[rows], np.float32) @ weights
        out *= observation.present[:, None]
        parts = np.ascontiguousarray(out.T).reshape(-1, k, n).transpose(0, 2, 1)
        means = dict(zip(self.columns, parts[1:], strict=True))
        present = np.broadcast_to(observation.present[:, None].astype(np.float64), (n, k))
        means["present"] = present
        means["contacts"] = present * (np.arange(k) != NO_OFFER)
        return parts[0], means


def fitted(config: ExperimentConfig) -> ObservableModel:
    """The model of a study's world, fitted on about `oracle.users_fit` states of a seed that none of its runs has."""
    seed = next(s for s in count(FIT_SEED) if s not in config.seeds)
    overrides = json.dumps(config.scenario_overrides, sort_keys=True)
    return _fitted(config.scenario, overrides, config.weeks, config.oracle.users_fit, seed)


@lru_cache(maxsize=2)
def _fitted(base: str, overrides: str, weeks: int, user_weeks: int, seed: int) -> ObservableModel:
    snapshots = 2 * len(range(0, weeks, _EVERY))
    users = -(-user_weeks * 5 // (4 * snapshots))  # a quarter more: some leave
    env = CohortEnv(users, base, scenario=json.loads(overrides), seed=seed, weeks=weeks)
    visits = [*_states(env, seed, treated=False), *_states(env, seed, treated=True)]
    guardrails, retention_value_usd = env.scenario.guardrails, env.scenario.retention_value_usd
    wanted = {c for g in guardrails for side in (g.numerator, g.denominator or {}) for c in side}
    columns = tuple(sorted(wanted - {"present", "assigned", "contacts"}))
    basis = Basis.at(np.concatenate([features for features, _ in visits]))
    gram, moment, rows = np.zeros(()), np.zeros(()), 0
    for features, means in visits:
        x = basis.columns(features)
        y = np.hstack([value(means, retention_value_usd), *(means[c] for c in columns)])
        gram, moment, rows = gram + x.T @ x, moment + x.T @ y, rows + len(x)
    pull = _RIDGE * np.maximum(np.diag(gram) / rows, 1e-9)
    pull[0] = 0.0
    weights = np.asarray(np.linalg.solve(gram + np.diag(pull), moment), np.float64)
    return ObservableModel(guardrails, columns, basis, weights, rows)


def _states(env: CohortEnv, seed: int, *, treated: bool) -> Iterator[tuple[NDArray[np.float32], Mapping[str, Floats]]]:
    """Features and mean outcomes of those present, every few weeks of lives left alone or treated at random."""
    observation = observe(*env.reset(seed=seed))
    key = seed_key(seed)
    for week in range(env.scenario.weeks):
        if week % _EVERY == 0:
            here = observation.present
            yield observation.features[here], {c: m[here] for c, m in env.truth.mean_outcomes().items()}
        luck = Noise(key, person_keys(key, observation.unit), week).uniform64(Draw.ARM)
        arm = (luck * observation.k).astype(np.int64) if treated else np.zeros(observation.n, np.int64)
        arm *= np.take_along_axis(observation.action_mask, arm[:, None], axis=1)[:, 0]  # masked: left alone
        observation = live(env, arm)
