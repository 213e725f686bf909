"""fintech reproduces the facts that its numbers were taken from. Seeds are fixed; ranges come from the design."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.state import FraudType

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Year:
    """Weeks of a cohort that is left alone, arrays (weeks, n)."""

    active: Floats
    gmv: Floats
    transactions: Floats
    fraud: Floats
    present: NDArray[np.bool_]
    fraud_type: NDArray[np.int8]

    @property
    def stayed(self) -> NDArray[np.bool_]:
        here: NDArray[np.bool_] = np.all(self.present, axis=0)
        return here


@cache
def lived(users: int = 20_000, weeks: int = 52, *, newborn: bool = False) -> Year:
    env = CohortEnv(users, weeks=weeks, newborn=newborn)
    env.reset(seed=12)
    columns: dict[str, list[NDArray[np.float32]]] = {c: [] for c in ("active", "gmv", "transactions", "loss_fraud")}
    present: list[NDArray[np.bool_]] = []
    for _ in range(weeks):
        env.step(np.zeros(users, np.int64))
        ledger = env.truth.ledger()
        for name, rows in columns.items():
            rows.append(ledger[name])
        present.append(env.last_present)
    held = {name: np.stack(rows).astype(np.float64) for name, rows in columns.items()}
    return Year(
        active=held["active"],
        gmv=held["gmv"],
        transactions=held["transactions"],
        fraud=held["loss_fraud"],
        present=np.stack(present),
        fraud_type=env.traits.fraud_type,
    )


def lag_correlation(active: Floats, lag: int) -> float:
    return float(np.corrcoef(active[:-lag].ravel(), active[lag:].ravel())[0, 1])


def top_share(amount: Floats, share: float) -> float:
    ordered = np.sort(amount)[::-1]
    return float(ordered[: int(len(ordered) * share)].sum() / ordered.sum())


def test_activity_this_week_tells_of_the_next_and_still_of_half_a_year_later() -> None:
    active = lived().active[:, lived().stayed]
    one, far = lag_correlation(active, 1), lag_correlation(active, 26)
    assert 0.25 <= one <= 0.55
    assert 0.55 <= far / one <= 0.90
    shuffled = np.random.default_rng(0).permuted(active, axis=0)
    assert not 0.55 <= lag_correlation(shuffled, 26) / lag_correlation(shuffled, 1) <= 0.90


def test_users_differ_in_how_active_they_are() -> None:
    mean = lived().active[:, lived().stayed].mean(axis=0)
    assert 0.22 <= mean.std() <= 0.36
    alike = np.random.default_rng(0).permuted(lived().active[:, lived().stayed], axis=1)
    assert alike.mean(axis=0).std() < 0.22


def test_a_tenth_of_users_spend_about_half_and_the_active_spend_more() -> None:
    year = lived()
    total = year.gmv[:, year.stayed].sum(axis=0)
    assert 0.35 <= top_share(total, 0.10) <= 0.55
    assert 0.06 <= top_share(total, 0.01) <= 0.18
    assert not 0.35 <= top_share(np.ones(1000), 0.10) <= 0.55
    ever = total > 0
    weeks = year.active[:, year.stayed].sum(axis=0)[ever]
    assert 0.3 <= np.corrcoef(weeks, np.log(total[ever] / weeks))[0, 1] <= 0.6


def test_an_active_user_settles_at_least_one_transaction_of_about_a_ticket() -> None:
    year = lived()
    assert (year.transactions[year.active == 1] >= 1).all()
    per_ticket = year.gmv.sum() / year.transactions.sum()
    assert 18 <= per_ticket <= 26


def test_newborns_stay_as_the_company_s_filing_says() -> None:
    present = lived(20_000, 105, newborn=True).present
    survival = present.mean(axis=1)
    assert 0.42 <= survival[52] <= 0.58
    quarters = survival[[0, 13, 26, 39, 52]]
    retention = quarters[1:] / quarters[:-1]
    assert (np.diff(retention) > 0).all()


def test_fraud_of_a_cohort_left_alone_costs_five_to_twenty_points_of_volume() -> None:
    env = CohortEnv(60_000, weeks=26)
    env.reset(seed=4)
    fraud = gmv = 0.0
    for week in range(26):
        if week % 5 == 0:
            means = env.truth.mean_outcomes()
            fraud += float(means["loss_fraud"][:, 0].sum())
            gmv += float(means["gmv"][:, 0].sum())
        env.step(np.zeros(60_000, np.int64))
    assert 5 <= 1e4 * fraud / gmv <= 20


def test_fraud_is_concentrated_front_loaded_and_committed_by_cheats_alone() -> None:
    year = lived(20_000, 52, newborn=True)
    victims = year.fraud.sum(axis=0)
    assert not victims[year.fraud_type < FraudType.FIRST_PARTY].any()
    affected = np.sort(victims[victims > 0])[::-1]
    assert 0.005 <= len(affected) / 20_000 <= 0.03
    assert affected[: max(1, len(affected) // 10)].sum() / affected.sum() > 0.35
    hazard = (year.fraud > 0).sum(axis=1) / year.active.sum(axis=1)
    assert hazard[:8].mean() / hazard[26:].mean() > 4


def test_two_years_of_newborns_stay_as_the_filing_says() -> None:
    survival = lived(20_000, 105, newborn=True).present.mean(axis=1)
    assert 0.85 <= survival[104] / survival[52] <= 0.94


def test_weekly_volume_of_an_open_population_is_steady() -> None:
    env = CohortEnv(2_500, weeks=40, population="open")
    env.reset(seed=9)
    weekly = []
    for _ in range(39):
        env.step(np.zeros(2_500, np.int64))
        weekly.append(float(env.truth.ledger()["gmv"].sum(dtype=np.float64)))
    assert np.std(weekly) / np.mean(weekly) < 0.10


def test_fraud_is_small_in_the_median_and_large_in_the_mean() -> None:
    year = lived()
    fraud, honest = year.fraud[year.fraud > 0], year.gmv[year.gmv > 0]
    assert np.median(fraud) < np.median(honest)
    assert fraud.mean() > honest.mean()
