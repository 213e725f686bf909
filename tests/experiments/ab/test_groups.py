"""Units are shared out by a salted hash: as planned, for good, and never by anything else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments import monitors
from experiments.ab.groups import Groups, assign
from experiments.ab.limits import pro_rata
from experiments.config_ab import Ab
from experiments.monitors import Batch
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail

PEOPLE = np.arange(50_000)
AGENTS = ("first", "second")


def groups(seed: int = 1, unit: NDArray[np.int64] = PEOPLE, **plan: object) -> Groups:
    return assign(Ab.model_validate({"salt": "a", **plan}), AGENTS, seed, unit)


def sample_ratio(code: NDArray[np.int64], shares: tuple[float, ...]) -> str:
    check = monitors.monitor("ssrm", shares=shares, alpha=1e-4)
    return check.update(Batch(0, np.arange(len(code)), code, np.zeros(len(code)))).verdict


def test_groups_have_their_planned_shares_and_a_skewed_split_would_be_noticed() -> None:
    made = groups()
    assert made.names == ("control", "first", "second")
    assert made.shares == pytest.approx((0.1, 0.45, 0.45))
    assert sample_ratio(made.code, made.shares) == "continue"  # luck fails this once in 1e4 salts; the salt is fixed
    lost = made.code[(made.code != 1) | (np.arange(len(made.code)) % 20 > 0)]  # a group that loses 5 % of its units
    assert sample_ratio(lost, made.shares) == "harm"


def test_another_salt_or_seed_makes_other_groups_and_the_same_ones_the_same() -> None:
    base = groups()
    assert np.array_equal(base.code, groups().code)
    agreement = sum(s * s for s in base.shares)  # of two independent assignments
    for other in (groups(seed=2), groups(salt="b")):
        assert np.mean(base.code == other.code) == pytest.approx(agreement, abs=0.01)  # 4 standard errors


def test_users_of_one_account_are_never_split() -> None:
    unit = PEOPLE // 3
    made = groups(unit=unit)
    assert all(len(np.unique(made.code[unit == u])) == 1 for u in range(200))
    assert len(np.unique(made.code)) == 3


def test_a_unit_keeps_its_group_whoever_else_is_there() -> None:
    some = PEOPLE[::7]
    assert np.array_equal(groups(unit=some).code, groups().code[::7])


def test_the_order_of_a_roll_out_is_even_within_every_group() -> None:
    made = groups()
    for group in range(3):
        place = made.place[made.rows(group)]
        assert 0 <= place.min() < place.max() < 1
        counts, _ = np.histogram(place, bins=10, range=(0, 1))
        assert np.abs(counts / len(place) - 0.1).max() < 5 * np.sqrt(0.09 / len(place))


def test_whoever_is_in_no_group_is_in_none() -> None:
    made = groups(shares={"first": 0.2, "second": 0.2})
    assert np.mean(made.code == 3) == pytest.approx(0.5, abs=0.01)
    assert sum(len(made.rows(g)) for g in range(3)) == int((made.code < 3).sum())


def test_limits_on_totals_are_shared_out_and_limits_on_rates_are_not() -> None:
    total = Guardrail(name="spend", numerator={"bonus_cost": 1.0}, limit=200.0)
    rate = Guardrail(name="rate", numerator={"loss_fraud": 1.0}, denominator={"gmv": 1.0}, limit=0.01)
    none = Guardrail(name="none", numerator={"abuse": 1.0}, limit=0.0, relative_to="status_quo")
    assert [g.limit for g in pro_rata((total, rate, none), 0.25, "first")] == [50.0, 0.01, 0.0]


def test_a_head_count_of_which_a_group_gets_less_than_one_is_refused() -> None:
    heads = Guardrail(name="letters", numerator={"contacts": 1.0}, limit=3.0, hard=True)
    with pytest.raises(GuardrailError, match=r"letters: limit 3 a week leaves 0\.3 for the group of first .*Raise"):
        pro_rata((heads,), 0.1, "first")
    assert pro_rata((heads,), 0.4, "first")[0].limit == pytest.approx(1.2)
