"""The funnel of `gates` is made of its own reasons: every audited account once, whatever the pilot taught."""

from __future__ import annotations

from functools import cache

import pytest

from experiments import decisions
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
        0 <= told[share] <= 1 for share in ("dogs", "persuadable", "sure_suppressed", "lost_suppressed", "below")
    )
    assert told["rank"] >= 1


@pytest.mark.slow
def test_at_full_size_sleeping_dogs_are_spared_by_bounds_that_hold() -> None:
    held = {row.claim.text: row.holds for row in decisions.rows("b2b_nudge", (1001,))}
    assert held["accounts: held out as a control"]
    assert held["sleeping dogs given a nudge"]
    assert held["seats whose true lift lies under its lower 90 % bound"]
