"""Certificates: hardly ever given to an arm that loses what it declares, soon given to one that loses half of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.safe.certificate import Certificate
from rage_env.log import Reports
from rage_env.outcomes import DELAYED

SHARE = np.array([0.0, 0.3, 0.6, 0.8, 1.0])
USERS, WEEKS = 60, 12
CREDIT = DELAYED.index("loss_credit")


def lived(mean_usd: float, rng: np.random.Generator, share: NDArray[np.float64] = SHARE, level: float = 0.05) -> int:
    """Enlargements after 12 weeks in which 60 users declare $2 each and lose `mean_usd`, reported by the true law."""
    certificate = Certificate(1, share, level)
    ids = np.arange(USERS)
    week, due, user, usd = (np.empty(0, int) for _ in range(4))
    for now in range(WEEKS):
        certificate.add(now, ids, np.full(USERS, 2.0))
        hit = np.flatnonzero(rng.random(USERS) < 0.5)
        week = np.append(week, np.full(len(hit), now))
        due = np.append(due, now + np.searchsorted(SHARE, rng.random(len(hit))))
        user = np.append(user, hit)
        usd = np.append(usd, rng.exponential(2.0 * mean_usd, len(hit)))
        new = due == now
        kind = np.full(int(new.sum()), CREDIT, np.int8)
        at = np.full(int(new.sum()), now, np.int32)
        certificate.hear(
            Reports(user[new].astype(np.int64), week[new].astype(np.int32), at, kind, usd[new].astype(np.float32)), now
        )
    return certificate.enlarged


def test_an_arm_that_loses_its_bound_is_seldom_certified_and_one_that_loses_half_soon() -> None:
    rng = np.random.default_rng(1)
    # At the bound the chance is at most 1/40 by Ville's inequality; 20 of 300 would be luck once in 1e4.
    assert sum(lived(2.0, rng) > 0 for _ in range(300)) < 20
    assert np.mean([lived(0.8, rng) > 0 for _ in range(40)]) > 0.9


def test_a_certificate_that_takes_young_reports_for_whole_is_caught() -> None:
    rng = np.random.default_rng(2)
    early = np.ones_like(SHARE)
    early[0] = 0.0  # a law that says all is known after a week
    assert sum(lived(2.0, rng, early) > 0 for _ in range(40)) > 20


def test_delays_longer_than_declared_stop_every_enlargement() -> None:
    declared = np.array([0.0, 0.0, 0.9, 0.95, 1.0])
    slow = Certificate(1, declared, 0.05)
    slow.early[:] = 10.0, 100.0  # a tenth was known at age 2 where nine tenths should have been
    slow.wealth[:] = 50.0
    slow.hear(Reports.empty(), 0)
    assert not slow.delays_hold
    assert slow.enlarged == 0
    fine = Certificate(1, declared, 0.05)
    fine.early[:] = 80.0, 100.0
    fine.wealth[:] = 50.0
    fine.hear(Reports.empty(), 0)
    assert fine.enlarged == 1
    assert fine.log_evidence == 0.0  # the next one needs evidence of its own


def test_one_week_of_silence_earns_what_the_formula_says() -> None:
    quiet = Certificate(1, np.array([0.0, 0.5, 1.0]), 0.05)
    quiet.add(0, np.arange(3), np.full(3, 2.0))
    quiet.hear(Reports.empty(), 2)
    stakes = np.array([0.3, 0.9]) / (10.0 - 0.9)
    assert np.allclose(quiet.wealth[quiet.ages.index(2)], 3 * np.log1p(stakes * 0.9))
