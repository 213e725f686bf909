"""The audit of b2b_nudge: what gates leave, by hand on five accounts and by the truth on three fresh cohorts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from experiments import showcase
from experiments.showcase._accounts import Audit, Gates, audited
from experiments.showcase.b2b_nudge import CLAIMS, LATER
from experiments.showcase.page import section
from rage_env.cohort import CohortEnv
from rage_env.state import Archetype

SEEDS = (1001, 1002, 1003)
SLACK = 0.10
"""Three seeds scatter more than twenty: ranges are widened by this share of the figure on either side."""


def by_hand() -> Audit:
    """Accounts: harmed admin; one seat in three harmed; two seats; four good seats; three good seats."""
    account = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4])
    lift = np.array([-1, 5, 5, 2, -3, 4, 9, 9, 8, 8, 8, 8, 1, 1, 1.0])
    kind = np.full(15, Archetype.PERSUADABLE, np.int8)
    kind[[0, 4]] = Archetype.SLEEPING_DOG
    return Audit(
        account=account,
        admin=np.isin(np.arange(15), [0, 3, 6, 8, 12]),
        archetype=kind,
        usage=np.zeros(15),
        momentum=np.zeros(15),
        alone=np.full(15, 10.0),
        lift=lift,
        reactions=np.zeros(15),
    )


def test_gates_veto_for_admins_first_then_for_toxic_seats_then_for_size() -> None:
    audit = by_hand()
    assert audit.value.tolist() == [9, 3, 18, 32, 3]
    assert audit.vetoed.tolist() == [True, False, False, False, False]
    assert audit.toxic.tolist() == [False, True, False, False, False]
    assert audit.small.tolist() == [False, False, True, False, False]
    assert audit.left.tolist() == [False, False, False, True, True]
    assert audit.reached(Archetype.SLEEPING_DOG) == 0
    assert audit.reached(Archetype.PERSUADABLE) == pytest.approx(7 / 13)
    assert audit.best_share(0.8) == 0.5
    assert audit.relative(audit.account == 3) == pytest.approx(0.8)


def test_a_tenth_of_the_seats_may_be_harmed_and_heavy_use_counts_as_harm() -> None:
    audit = replace(by_hand(), gates=Gates(toxic_share=0.34))
    assert not audit.toxic.any()
    usage = np.arange(15.0)
    busy = replace(by_hand(), usage=usage, gates=Gates(busy_quantile=0.75))
    assert busy.busy.sum() == 4
    assert busy.vetoed.tolist() == [True, False, False, False, True]


@cache
def measured() -> dict[str, showcase.Row]:
    return dict(zip(CLAIMS, showcase.rows("b2b_nudge", SEEDS), strict=True))


@pytest.mark.parametrize("claim", [name for name, c in CLAIMS.items() if (c.low, c.high) != (None, None)])
def test_the_published_audit_comes_out_on_cohorts_that_tuning_never_saw(claim: str) -> None:
    row = measured()[claim]
    room = SLACK * abs(row.mean)
    assert row.claim.low is None or row.mean >= row.claim.low - room
    assert row.claim.high is None or row.mean <= row.claim.high + room


def test_a_world_in_which_nobody_minds_would_fail_the_audit() -> None:
    kind = {
        "population": {"archetype": {"mix": [0.586, 0.207, 0.207, 0.0]}},  # nobody who mutes much,
        "mechanisms": {"attention": {"busy_spend_times": [1.0, 1.0, 1.0, 1.0]}},  # nor the busiest
    }
    env = CohortEnv(16_384, "b2b_nudge", scenario=kind)
    env.reset(seed=1001)
    audit = audited(env, 2_400)
    assert showcase.Row(CLAIMS["blind"], (float(audit.value.sum()),)).holds is False
    assert showcase.Row(CLAIMS["busy"], (audit.relative(audit.busy),)).holds is False
    harmed = float((audit.total((audit.lift < 0) & audit.admin) > 0).sum())
    assert showcase.Row(CLAIMS["harmed_admins"], (harmed,)).holds is False


def test_what_is_not_measured_yet_is_shown_as_later_and_never_as_holding() -> None:
    rows = [measured()[name] for name in LATER]
    assert all(row.holds is None for row in rows)
    assert section("b2b_nudge", "", SEEDS, rows).count("| later | later |") == len(LATER)
