"""What `certify` answers on whole logs, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments.certificates import Claim, certify
from rage_env.errors import ConfigError, GuardrailError, LogError
from rage_env.guardrails import Guardrail, Scope

Floats = NDArray[np.float64]


def log(users: int = 3_000, weeks: int = 1, chance: float = 0.02, seed: int = 0) -> pd.DataFrame:
    """Two arms at random; arm 1 meets an incident with this chance, arm 0 never; everybody spends 10."""
    rng = np.random.default_rng(seed)
    n = users * weeks
    arm = rng.integers(0, 2, n)
    frame = pd.DataFrame({"user_id": np.tile(np.arange(users), weeks), "week": np.repeat(np.arange(weeks), users)})
    bad = (rng.random(n) < chance) & (arm == 1)
    return frame.assign(arm=arm, propensity=0.5, reward=0.0, loss=bad.astype(float), gmv=10.0)


def both(n: int) -> tuple[Floats, Floats]:
    return np.eye(2)[np.zeros(n, int)], np.eye(2)[np.ones(n, int)]


def claim(limit: float = 0.01, **changes: float) -> Claim:
    return Claim.of_metric("loss/gmv", limit, **({"most": 1.0, "floor": 0.5} | changes))


def test_a_safe_arm_is_certified_and_an_unsafe_one_is_not() -> None:
    rows = log(chance=0.2)  # .02 per dollar of GMV against a limit of .01
    safe, unsafe = (certify(rows, target, claim()) for target in both(len(rows)))
    assert (safe.answer, unsafe.answer) == ("certified", "not")
    assert unsafe.lower > unsafe.limit > safe.upper
    assert "seems to lie above the limit" in unsafe.reason
    near = certify(rows, both(len(rows))[1], claim(limit=0.0205))
    assert (near.answer, near.lower < near.limit) == ("not", True)
    assert "enough for one" in near.reason


def test_a_small_log_says_how_many_users_it_would_take() -> None:
    rows = log(users=400, chance=0.08)
    found = certify(rows, both(len(rows))[1], claim(margin=0.002))
    assert found.answer == "uninformative"
    assert found.users_needed is not None
    assert found.users_needed > found.users == 400
    assert f"{found.users_needed:,} users" in found.reason


def test_weeks_of_a_user_count_as_one_user() -> None:
    rows = log(users=300, weeks=10, chance=0.0)
    found = certify(rows, both(len(rows))[0], claim())
    assert found.users == 300
    assert found.log_e < certify(rows.assign(user_id=np.arange(len(rows)), week=0), both(len(rows))[0], claim()).log_e


def test_a_log_that_cannot_be_evaluated_is_refused() -> None:
    rows = log(users=150)
    found = certify(rows, both(len(rows))[1], claim())
    assert found.answer == "refused"
    assert "effective sample size" in found.reason
    blind = log().assign(propensity=np.nan)
    assert certify(blind, both(len(blind))[1], claim()).answer == "refused"
    narrow = log().assign(arm=0)
    assert certify(narrow, both(len(narrow))[1], claim()).answer == "refused"


@pytest.mark.parametrize(
    ("changes", "bounds", "says"),
    [
        ({}, {"most": 0.5}, "has a numerator of 1, above the declared 0.5; declare a bound that is enforced"),
        ({}, {"floor": 0.9}, "has a weight of 2, above the declared 1.11111; declare the true floor"),
        ({"loss": -1.0}, {}, "row 0 has a numerator of -1; it must be 0 or more"),
        ({"gmv": -1.0}, {}, "row 0 has a denominator of -1; it must be 0 or more"),
    ],
)
def test_a_row_beyond_its_declared_bound_is_no_matter_of_statistics(
    changes: dict[str, object], bounds: dict[str, float], says: str
) -> None:
    rows = log(chance=0.1).assign(**changes)
    with pytest.raises(LogError, match=says):
        certify(rows, both(len(rows))[1], claim(**bounds))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: claim(limit=-1), "limit: must be a finite number above 0, got -1"),
        (lambda: claim(most=0), "most: must be a finite number above 0, got 0"),
        (lambda: claim(floor=1.5), r"floor: must lie in \(0, 1\], got 1.5"),
        (lambda: claim(alpha=1), r"alpha: must lie in \(0, 1\), got 1"),
        (lambda: Claim.of_metric("capped(loss, 1)/gmv", 0.1, 1.0, 0.5), "would hide what lies above the cap"),
        (lambda: claim(margin=0.5), r"margin: must lie in \(0, limit\], got 0.5"),
    ],
)
def test_bounds_that_are_none_are_refused(make: Callable[[], Claim], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()


def test_a_guardrail_over_the_cohort_is_a_claim_and_others_say_why_not() -> None:
    rate = Guardrail(
        name="rate", numerator={"loss_fraud": 1.0, "loss_credit": 2.0}, denominator={"gmv": 1.0}, limit=0.01
    )
    assert Claim.of_guardrail(rate, 5.0, 0.1).words == "loss_fraud + 2 loss_credit / gmv <= 0.01"
    for change, says in (
        ({"denominator": None}, "a total instead of a rate"),
        ({"sense": ">="}, "sense >="),
        ({"relative_to": "status_quo"}, "relative_to status_quo"),
        ({"scope": Scope(kind="segment", column="region")}, "scope segment"),
    ):
        with pytest.raises(GuardrailError, match=f"{says} cannot be certified"):
            Claim.of_guardrail(rate.model_copy(update=change), 5.0, 0.1)


def test_departed_users_weigh_one_and_bring_nothing() -> None:
    rows = log(chance=0.0)
    gone = np.arange(len(rows)) % 3 == 0
    rows = rows.assign(present=~gone, arm=np.where(gone, 0, rows["arm"]), propensity=np.where(gone, 1.0, 0.5))
    rows = rows.assign(gmv=np.where(gone, 0.0, 10.0))
    found = certify(rows, both(len(rows))[1], claim())
    assert found.answer == "certified"
    assert found.usage == 0.0
