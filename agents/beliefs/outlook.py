"""One week's beliefs: expected value and usage of every arm for every user, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.basis import with_one
from agents.beliefs.late import LateLoss, loss_rows
from agents.beliefs.linear import Posterior, spread
from agents.beliefs.priors import VALUED, exposure_of
from agents.beliefs.volumes import GMV, VOLUMES
from agents.interface import Problem
from agents.sharing import members
from rage_env.interface import Observation

__all__ = ["LATE_OFTEN", "Believed", "Outlook", "effect_rows", "see"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
LATE_OFTEN = "loss_credit"
"""The late loss that is regressed on features in the arms that cause it; fraud is too rare for that."""


def effect_rows(z: Floats32, rate: Floats32, gmv: Floats32, active: Floats32) -> tuple[Floats32, Floats32]:
    """Rows in which effects on churn (n, 1 + d) and on GMV (n, 2 + d) are linear; gmv, active relative to their mean.

    An effect on churn is a share of the user's own rate; one on GMV a share of the user's own GMV, plus an amount
    for each week in which the user would stay away.
    """
    x = with_one(z)
    away = np.maximum(1.0 - active, 0.0)
    return x * rate[:, None], np.concatenate([x * gmv[:, None], away[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Believed:
    """The parts of a belief, evaluated at the rows of an observation."""

    z: Floats32  # (n, d)
    rate: Floats32  # (n,) of churn under arm 0
    volumes: Floats32  # (n, 3)
    mean_volumes: Floats
    stratum: NDArray[np.intp]
    churn: Posterior
    gmv: Posterior  # in units of the mean
    rates: Mapping[str, tuple[Floats, Floats]]  # mean and variance (k, s)
    late: tuple[LateLoss, ...]


@dataclass(frozen=True, eq=False)
class Outlook:
    """value (n, k): dollars beyond arm 0. means: {column: (n, k)} expected outcomes for guardrail rows.

    exposure, variance: of each rated column, (n, k) and (k, s), for margins of caution; stratum (n,). late: believed
    loss of the arms that lose late and often, linear in late_rows.
    """

    problem: Problem
    present: NDArray[np.bool_]
    means: Mapping[str, Floats]
    exposure: Mapping[str, Floats]
    variance: Mapping[str, Floats]
    stratum: NDArray[np.intp]
    rate: Floats32
    churn_rows: Floats32
    gmv_rows: Floats32
    gmv_alone: Floats32
    unit_gmv: float
    churn: Posterior
    gmv: Posterior
    revenue_rate: Floats  # (n, k) for each dollar of GMV
    late_rows: Mapping[int, Floats32]  # {arm: (n, p)}
    late: tuple[LateLoss, ...]

    @property
    def value(self) -> Floats:
        """(n, k) expected value beyond arm 0."""
        return self.value_of(self.churn.expected(self.churn_rows), self.gmv.expected(self.gmv_rows))

    def value_of(
        self, churn: NDArray[np.floating], gmv: NDArray[np.floating], late: Mapping[int, Floats32] | None = None
    ) -> Floats:
        """(n, k) value beyond arm 0 where arms 1.. change churn and GMV (in units of its mean), (n, k - 1), so.

        late: {arm: (n,)} losses of the arms that lose late and often, as expected by default.
        """
        retained = -self.problem.retention_value_usd * _cut(churn, self.rate)
        volume = self.gmv_alone[:, None] + self.unit_gmv * _with_control(gmv)
        value = _with_control(retained) + self.revenue_rate * np.maximum(volume, 0.0) - self.means["contact_cost"]
        for column in VALUED[1:]:
            value -= self.means[column]
        for arm, loss in (late or {}).items():
            value[:, arm] += self.means[LATE_OFTEN][:, arm] - loss
        return (value - value[:, :1]) * self.present[:, None]

    def sd(self) -> Floats:
        """(n, k) posterior sd of the value; 0 for arm 0."""
        churn = self.problem.retention_value_usd * self.churn.sd(self.churn_rows)
        revenue = self.unit_gmv * self.revenue_rate[:, 1:] * self.gmv.sd(self.gmv_rows)
        variance = _with_control(churn**2 + revenue**2)
        for loss in self.late:
            variance[:, loss.arm] += spread(self.late_rows[loss.arm], loss.covariance) ** 2
        return np.sqrt(variance) * self.present[:, None]

    def draws(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """`count` values (n, k), each at one joint draw of all effects."""
        churn, gmv = (e.draw(rng, count).astype(np.float32) for e in (self.churn, self.gmv))
        thetas = [rng.multivariate_normal(e.mean, e.covariance, size=count, method="eigh") for e in self.late]
        for m in range(count):
            late = {
                e.arm: self.late_rows[e.arm] @ t[m].astype(np.float32) for e, t in zip(self.late, thetas, strict=True)
            }
            yield self.value_of(self.churn_rows @ churn[m].T, self.gmv_rows @ gmv[m].T, late)


def see(problem: Problem, observation: Observation, believed: Believed) -> Outlook:
    """The outlook of these users; those who left have exposure and value 0."""
    b, here = believed, observation.present.astype(np.float64)
    relative = np.asarray(b.volumes / b.mean_volumes.astype(np.float32), dtype=np.float32)
    churn_rows, gmv_rows = effect_rows(b.z, b.rate, relative[:, GMV], b.volumes[:, 0])
    lift = np.clip(1.0 + _with_control(b.gmv.expected(gmv_rows)) / relative[:, GMV, None], 0.5, 2.0)
    known = _known(problem, b.volumes, here, lift, 1.0 / members(observation))
    exposure = {c: known[e] if (e := exposure_of(c)) in known else _each(here, problem.k) for c in b.rates}
    means = {c: exposure[c] * mean.T[b.stratum] for c, (mean, _) in b.rates.items()}
    variance = {c: np.array(v) for c, (_, v) in b.rates.items()}
    late_rows = {
        e.arm: loss_rows(b.z, relative[:, GMV] * lift[:, e.arm].astype(np.float32)) * observation.present[:, None]
        for e in b.late
    }
    for loss in b.late:
        least = 0.1 * means[LATE_OFTEN][:, loss.arm]
        means[LATE_OFTEN][:, loss.arm] = np.maximum(late_rows[loss.arm] @ loss.mean.astype(np.float32), least)
        variance[LATE_OFTEN][loss.arm] = 0.0
    churned = b.rate[:, None] + _with_control(_cut(b.churn.expected(churn_rows), b.rate))
    return Outlook(
        problem=problem,
        present=observation.present,
        means={**means, **known, "churned": churned * here[:, None]},
        exposure=exposure,
        variance=variance,
        stratum=b.stratum,
        rate=b.rate,
        churn_rows=churn_rows,
        gmv_rows=gmv_rows,
        gmv_alone=b.volumes[:, GMV] * observation.present,
        unit_gmv=float(b.mean_volumes[GMV]),
        churn=b.churn,
        gmv=b.gmv,
        revenue_rate=b.rates["revenue_gross"][0].T[b.stratum],
        late_rows=late_rows,
        late=b.late,
    )


def _with_control(effects: NDArray[np.floating]) -> Floats:
    """(n, k): a column of zeros for arm 0 before effects (n, k - 1)."""
    return np.concatenate([np.zeros((len(effects), 1)), effects], axis=1)


def _cut(churn: NDArray[np.floating], rate: Floats32) -> NDArray[np.floating]:
    """No arm takes away more than nine tenths of a user's churn."""
    return np.asarray(np.maximum(churn, -0.9 * rate[:, None]))


def _each(here: Floats, k: int) -> Floats:
    return np.repeat(here[:, None], k, axis=1)


def _known(
    problem: Problem, volumes: Floats32, here: Floats, lift: Floats, share: NDArray[np.float64]
) -> dict[str, Floats]:
    """Columns whose expectation needs no rate: contacts by definition, volumes of users left alone times the lift.

    share: (n,) of the price of reaching one's unit.
    """
    contact = (np.arange(problem.k) > 0).astype(np.float64)
    cost = np.array([a.contact_cost_usd for a in problem.arms])
    out = {c: (volumes[:, j] * here)[:, None] * lift for j, c in enumerate(VOLUMES)}
    return {**out, "contacts": here[:, None] * contact, "contact_cost": (here * share)[:, None] * cost}
