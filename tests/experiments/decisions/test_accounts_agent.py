"""The funnel of `gates` is made of its own reasons: every audited account once, whatever the pilot taught."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from experiments import config, decisions
from experiments.cohorts import cohort
from experiments.decisions._expected import expected_lift
from experiments.decisions.b2b_nudge import CLAIMS, measure

FUNNEL = ("HELD_OUT", "ADMIN_VETO", "TOXIC_USERS", "TOO_SMALL", "UNPROFITABLE", "CAPACITY", "TARGETED")


@cache
def small() -> dict[str, float]:
    return measure(1001, slots=2_048, accounts=200, pilot=2_048)


def test_every_audited_account_has_one_reason_and_a_tenth_is_held_out() -> None:
    """200 accounts at one in ten: between 4 and 38 but for a chance below 1e-4."""
    told = small()
    assert sum(told[reason] for reason in FUNNEL) == 200
    assert 4 <= told["HELD_OUT"] <= 38
    assert told["ADMIN_VETO"] + told["TOXIC_USERS"] > 0


def test_every_claim_is_measured_and_shares_are_shares() -> None:
    told = small()
    assert set(told) == set(CLAIMS)
    assert all(
        0 <= told[share] <= 1
        for share in ("dogs", "dogs_kept", "best_dogs", "persuadable", "sure_suppressed", "lost_suppressed", "below")
    )
    assert told["rank"] >= 1


@pytest.mark.slow
def test_at_full_size_the_published_funnel_is_found_by_bounds_that_hold() -> None:
    """Of one cohort; the counts of vetoed accounts scatter by more than their range and are left to the page."""
    rows = {row.claim.text: row for row in decisions.rows("b2b_nudge", (1001,))}
    judged = {text for text, row in rows.items() if row.holds is not None} - {"accounts: admin veto"}
    assert len(judged) == 12
    assert [text for text in judged if not rows[text].holds] == []
    assert rows["sleeping dogs let through"].figures[0] <= 0.02


def test_expected_lift_of_two_cohorts_agrees_and_nothing_is_said_of_other_arms() -> None:
    study = config.load("b2b_nudge", [{"users": 2_048}])
    known = expected_lift(study, range(3_000_001, 3_000_003), 3)
    _, seen = cohort(study, 3_000_009)
    lift, low = known.bounds(seen.features, 1.28)
    assert np.array_equal(lift[:, 0], low[:, 0])
    assert not lift[:, 1].any()
    other = expected_lift(study, range(3_000_003, 3_000_005), 3).predict(seen.features)[:, 0]
    assert np.corrcoef(lift[:, 0], other)[0, 1] > 0.3
    assert np.corrcoef(lift[:, 0], np.roll(other, 1))[0, 1] < 0.2  # lifts of the neighbours are wrong
