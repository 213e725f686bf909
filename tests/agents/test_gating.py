from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.gating import Gates, Rules, within_budget
from agents.interface import Reason
from agents.policies.gates import Gates as GatesAgent
from rage_env.errors import ConfigError
from rage_env.interface import Observation
from tests.contracts.agent_toy import Toy, problem, warmed

RULES = Rules(toxic_share=0.25, fewest=2, busy_quantile=1.0, activity="use", admins="role")
UNIT = np.array([7, 7, 7, 7, 8, 8, 9, 3, 3])


def _seen(role: NDArray[np.int8], present: NDArray[np.bool_] | None = None) -> Observation:
    """Nine users in units of four, two, one and two; one feature, `use`, which is the row's number."""
    n = len(UNIT)
    return Observation(
        week=3,
        user_id=np.arange(n),
        unit=UNIT,
        features=np.arange(n, dtype=np.float32)[:, None],
        action_mask=np.ones((n, 2), np.int8),
        is_new=np.zeros(n, np.bool_),
        present=np.ones(n, np.bool_) if present is None else present,
        segments={"role": role},
        status_quo=np.eye(2, dtype=np.float32)[np.zeros(n, np.intp)],
        numerator_to_date=np.zeros(0),
        denominator_to_date=np.zeros(0),
    )


def _reasons(
    low: list[float],
    *,
    admin: int = -1,
    rules: Rules = RULES,
    resting: int = -1,
    profit: Sequence[float] = (1.0,) * 9,
) -> dict[int, Reason]:
    """{unit: reason}; users of a unit share it."""
    role = (np.arange(len(UNIT)) == admin).astype(np.int8)
    told = Gates(_seen(role), ("use",), rules, np.isin(UNIT, resting)).reason(np.array(low), np.array(profit), 0.0)
    by_unit = {int(u): {Reason(code) for code in told[u == UNIT].tolist()} for u in UNIT}
    assert all(len(codes) == 1 for codes in by_unit.values())
    return {unit: codes.pop() for unit, codes in by_unit.items()}


FINE = [1.0] * 9


def test_units_that_break_no_rule_are_let_through_and_lone_users_are_too_few() -> None:
    assert _reasons(FINE) == {7: Reason.TARGETED, 8: Reason.TARGETED, 9: Reason.TOO_SMALL, 3: Reason.TARGETED}


def test_one_harmed_admin_shuts_out_an_account_that_the_same_harm_to_a_user_does_not() -> None:
    harmed = [-0.1, *FINE[1:]]  # one of four, as many as a quarter allows
    assert _reasons(harmed)[7] is Reason.TARGETED
    assert _reasons(harmed, admin=0)[7] is Reason.ADMIN_VETO
    assert _reasons(harmed, admin=1)[7] is Reason.TARGETED


def test_more_harmed_users_than_the_share_allows_shut_out_an_account() -> None:
    assert _reasons([-0.1, -0.1, *FINE[2:]])[7] is Reason.TOXIC_USERS


def test_harmed_users_who_have_left_count_neither_above_nor_below_the_line() -> None:
    present = np.ones(9, np.bool_)
    present[0] = False
    harmed = [-0.1, -0.1, *FINE[2:]]  # one of the three who are left: more than a quarter
    gates = Gates(_seen(np.zeros(9, np.int8), present), ("use",), RULES, np.zeros(9, np.bool_))
    assert gates.reason(np.array(harmed), np.ones(9), 0.0)[1] == Reason.TOXIC_USERS
    assert gates.reason(np.array([-0.1, *FINE[1:]]), np.ones(9), 0.0)[1] == Reason.TARGETED


def test_an_account_is_judged_by_its_profit_as_a_whole() -> None:
    profit = [5.0, -1.0, -1.0, -1.0, 1.0, -2.0, 1.0, 0.0, 0.0]
    told = _reasons(FINE, profit=profit)
    assert (told[7], told[8], told[3]) == (Reason.TARGETED, Reason.UNPROFITABLE, Reason.UNPROFITABLE)


def test_the_busiest_count_as_harmed_whatever_their_lift() -> None:
    told = _reasons(FINE, rules=Rules(0.25, 2, 0.85, "use", "role"))  # rows 7 and 8 lie above the quantile
    assert told[3] is Reason.TOXIC_USERS
    assert told[7] is Reason.TARGETED


def test_a_unit_that_rests_is_left_alone_unless_a_graver_rule_says_so_first() -> None:
    assert _reasons(FINE, resting=8)[8] is Reason.COOL_DOWN
    assert _reasons([*FINE[:4], -1.0, *FINE[5:]], admin=4, resting=8)[8] is Reason.ADMIN_VETO


def test_a_budget_goes_to_the_best_units_and_stops_before_it_is_overspent() -> None:
    gates = Gates(_seen(np.zeros(9, np.int8)), ("use",), RULES, np.zeros(9, np.bool_))
    profit = np.array([1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 0.0, 1.0, 1.0])  # units: 7: 4, 8: 6, 9: 0, 3: 2
    price = np.array([0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 1.0, 0.5, 0.5])  # a dollar a unit
    served = within_budget(gates, profit, price, 2.0)
    assert {int(u) for u in UNIT[served]} >= {7, 8}
    assert not served[UNIT == 3].any()
    assert not within_budget(gates, profit, price, 0.5)[np.isin(UNIT, (7, 8, 3))].any()


def test_offers_are_followed_by_the_cool_down_that_was_asked_for() -> None:
    def offered_again(weeks: int) -> int:
        toy, agent = (
            Toy(n=400, seed=3),
            agents.load("gates", refit_weeks=(50,), cool_down_weeks=weeks, busy_quantile=1.0),
        )
        agent.start(problem())
        while toy.week < 0:
            agent.learn(toy.live())
        again, offered = 0, np.zeros(toy.n, np.bool_)
        for _ in range(4):
            probs = agent.decide(toy.observe()).probs
            again += int((offered & (probs[:, 0] < 1)).sum())
            fed = toy.live(probs)
            offered = fed.new.arm > 0
            agent.learn(fed)
        return again

    assert offered_again(1) == 0
    assert offered_again(0) > 0


def test_a_share_of_vetoed_units_can_be_treated_on_purpose() -> None:
    def shares(audit: float) -> tuple[float, float]:
        toy = Toy(n=600, seed=5)
        agent = agents.load("gates", refit_weeks=(2,), harm_sds=10.0, busy_quantile=1.0, audit_share=audit)
        decision = warmed(agent, toy, 3)
        shut = np.isin(decision.reason, (Reason.ADMIN_VETO, Reason.TOXIC_USERS))
        beyond = decision.probs[shut, 1:].sum(axis=1).max(initial=0.0)
        return float(shut[toy.present].mean()), float(beyond)

    without, treated = shares(0.0)
    assert without > 0.5  # ten standard deviations: hardly anybody is surely not harmed
    assert treated == 0
    assert shares(0.4)[0] < without - 0.2


def test_a_feature_that_the_world_does_not_show_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'active_4w'"):
        agents.load("gates", activity="active_w").start(problem())
    assert isinstance(agents.load("gates"), GatesAgent)
