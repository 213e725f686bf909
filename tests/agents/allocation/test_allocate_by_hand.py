"""Programs small enough to solve on paper, refusals with their proof, and input that must be turned away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, Robust, allocate, verify
from rage_env.errors import GuardrailError, InputError

Floats = NDArray[np.float64]


def offer(*values: float) -> Floats:
    """Nothing, or an offer worth these dollars for each user."""
    return np.column_stack([np.zeros(len(values)), values])


def contacts(n: int, limit: float, name: str = "contacts") -> Linear:
    return Linear(name, np.column_stack([np.zeros(n), np.ones(n)]), limit)


def test_two_and_a_half_contacts_go_to_the_best_two_users_and_half_to_the_third() -> None:
    answer = allocate(offer(4, 3, 2, 1), [contacts(4, 2.5)])
    assert answer.probs[:, 1] == pytest.approx([1, 1, 0.5, 0], abs=2e-7)
    assert answer.prices == pytest.approx([2])
    assert answer.bound == pytest.approx(8, rel=1e-12)
    assert answer.value == pytest.approx(8, rel=1e-6)
    assert answer.value <= answer.bound
    assert answer.slack[0] >= 0
    assert answer.n_randomised == 1
    assert answer.row_names == ("contacts",)


def test_an_integer_limit_is_met_exactly_and_nobody_is_randomised() -> None:
    answer = allocate(offer(4, 3, 2, 1), [contacts(4, 2)])
    assert answer.probs[:, 1].tolist() == [1, 1, 0, 0]
    assert answer.slack.tolist() == [0]
    assert answer.n_randomised == 0
    assert answer.value == 7


def test_a_limit_that_does_not_bind_costs_nothing() -> None:
    answer = allocate(offer(4, 3, -2, 1), [contacts(4, 3)])
    assert answer.probs[:, 1].tolist() == [1, 1, 0, 1]
    assert answer.prices.tolist() == [0]


def test_no_guardrails_at_all_is_the_best_arm_of_everybody() -> None:
    answer = allocate(offer(4, -3), [])
    assert answer.probs[:, 1].tolist() == [1, 0]
    assert answer.status == "optimal"
    assert answer.prices.shape == (0,)


def test_a_rate_is_kept_as_a_rate() -> None:
    # losses of .6 and .1 on volumes of 10, limit 2 %: the second user makes room for a quarter of the first
    coef = np.array([[0.0, 0.6 - 0.02 * 10], [0.0, 0.1 - 0.02 * 10]])
    answer = allocate(offer(5, -1), [Linear("loss_rate", coef, 0.0)])
    assert answer.probs[:, 1] == pytest.approx([0.25, 1], abs=1e-6)
    assert answer.prices == pytest.approx([12.5])


def test_an_at_least_row_is_met_by_who_loses_least() -> None:
    answer = allocate(offer(-1, -5, -2), [Linear("reach", contacts(3, 0).coef, 2.0, ">=")])
    assert answer.probs[:, 1].tolist() == [1, 0, 1]
    assert answer.usage.tolist() == [2]
    assert answer.slack.tolist() == [0]
    assert answer.prices[0] >= 0


def test_each_segment_has_its_own_budget_and_price() -> None:
    row = Linear("contacts", contacts(5, 0).coef, np.array([1.0, 2.0]), segment=np.array([0, 0, 1, 1, -1]))
    answer = allocate(offer(4, 3, 2, 1, 9), [row])
    assert answer.row_names == ("contacts[0]", "contacts[1]")
    assert answer.probs[:, 1].tolist() == [1, 0, 1, 1, 1]
    assert answer.prices[1] == 0


def test_users_of_a_unit_share_probabilities_but_not_with_who_has_no_choice() -> None:
    mask = np.array([[1, 1], [1, 1], [1, 0]])
    answer = allocate(offer(3, -1, 5), [contacts(3, 1)], mask, np.array([7, 7, 7]))
    assert answer.probs[:, 1] == pytest.approx([0.5, 0.5, 0], abs=1e-7)
    assert answer.probs[0].tolist() == answer.probs[1].tolist()


def test_every_allowed_arm_keeps_its_floor() -> None:
    mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    value = np.array([[0, 1.0, 2.0], [0, -1.0, 0], [0, 0, 0]])
    answer = allocate(value, [], mask, floor=np.array([0.125, 0.25, 0.5]))
    assert answer.probs.tolist() == [[0.125, 0.125, 0.75], [0.75, 0.25, 0], [1, 0, 0]]


def test_a_floor_that_float32_cannot_hold_is_rounded_up() -> None:
    answer = allocate(offer(1, -1), [], floor=0.01)
    assert answer.probs.min() >= 0.01
    assert (answer.probs.sum(axis=1, dtype=np.float64) == 1).all()


def test_two_rows_of_one_name_are_told_apart() -> None:
    answer = allocate(offer(4, 3), [contacts(2, 1), contacts(2, 2)])
    assert answer.row_names == ("contacts", "contacts#2")


def refused(
    value: Floats, rows: list[Linear], action_mask: NDArray[np.int64] | None = None, floor: float = 0.0
) -> Allocation:
    """The answer to a program that cannot be met, its proof verified."""
    answer = allocate(value, rows, action_mask, floor=floor)
    assert verify(value, rows, answer, action_mask, floor=floor).problems == ()
    assert answer.infeasibility is not None
    return answer


def test_a_limit_below_the_least_possible_usage_is_refused_with_its_proof() -> None:
    coef = np.array([[0.4, 1.0], [0.5, 0.7]])
    answer = refused(offer(1, 1), [contacts(2, 1), Linear("loss", coef, 0.8)])
    assert answer.status == "infeasible"
    proof = answer.infeasibility
    assert proof is not None
    assert proof.share == pytest.approx([0, 1])
    assert proof.least_usage[1] == pytest.approx(0.9)
    assert proof.violation == pytest.approx([0, 0.1])
    assert "loss: limit 0.8 cannot be met" in proof.words
    assert "0.9" in proof.words
    assert answer.probs[:, 1].tolist() == [0, 0]


def test_rows_that_contradict_each_other_are_both_named() -> None:
    reach = Linear("reach", contacts(3, 0).coef, 2.0, ">=")
    answer = refused(offer(1, 1, 1), [contacts(3, 1), reach])
    assert answer.status == "infeasible"
    proof = answer.infeasibility
    assert proof is not None
    assert proof.share == pytest.approx([0.5, 0.5])
    assert proof.violation.sum() == pytest.approx(1)
    assert "contacts" in proof.words
    assert "reach" in proof.words


def test_a_row_that_needs_an_arm_nobody_may_take_is_refused_by_name() -> None:
    value = np.zeros((3, 3))
    coef = np.zeros((3, 3))
    coef[:, 2] = 1
    mask = np.array([[1, 1, 0]] * 3)
    idle = allocate(value, [contacts_of(3)], mask)
    assert idle.status == "optimal"
    answer = refused(value, [Linear("calls", coef, 1.0, ">=")], action_mask=mask)
    assert answer.infeasibility is not None
    assert answer.infeasibility.words.startswith("calls: limit 1 cannot be met: the most usage")
    assert "arm 2 is allowed to nobody" in answer.infeasibility.words


def contacts_of(n: int) -> Linear:
    return Linear("contacts", np.tile([0.0, 1.0, 1.0], (n, 1)), 1.0)


def test_a_floor_too_high_for_the_guardrails_says_how_much_of_it_could_stay() -> None:
    answer = refused(offer(1, 2, 3, 4), [contacts(4, 0.4)], floor=0.25)
    assert answer.status == "floor_infeasible"
    proof = answer.infeasibility
    assert proof is not None
    assert proof.largest_floor == pytest.approx(0.4, abs=1e-5)
    assert allocate(offer(1, 2, 3, 4), [contacts(4, 0.4)], floor=0.0999).status == "optimal"


@pytest.mark.parametrize("seed", range(10))
def test_a_limit_at_the_very_edge_of_the_possible_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefs = [np.exp(rng.normal(size=(300, 3))) - 0.5 for _ in range(2)]
    rows = [Linear(f"row{j}", c, float(c.min(axis=1).sum())) for j, c in enumerate(coefs[: 1 + seed % 2])]
    if len(rows) == 2:  # two edges at once: the second row repeats the first in other units
        rows[1] = Linear("row1", 7 * coefs[0], 7 * float(coefs[0].min(axis=1).sum()))
    answer = allocate(rng.normal(size=(300, 3)), rows)
    assert answer.status == "optimal"
    assert answer.max_violation <= 1e-12


def test_everybody_masked_to_nothing_is_a_program_too() -> None:
    mask = np.array([[1, 0]] * 3)
    answer = allocate(offer(1, 2, 3), [contacts(3, 1)], mask)
    assert answer.probs[:, 0].tolist() == [1, 1, 1]
    assert answer.value == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_beliefs_that_are_not_numbers_are_turned_away_with_user_and_arm(bad: float) -> None:
    value = offer(1, 2)
    value[1, 1] = bad
    with pytest.raises(InputError, match="value: must be finite, but user 1, arm 1 has"):
        allocate(value, [])
    with pytest.raises(GuardrailError, match="loss: coef must be finite, but user 1, arm 1 has"):
        Linear("loss", value, 1.0)
    with pytest.raises(GuardrailError, match="loss: limit must be finite"):
        Linear("loss", offer(1, 2), bad)


def test_shapes_that_disagree_are_named() -> None:
    with pytest.raises(GuardrailError, match=r"contacts: coefficients have shape \(3, 2\), value has \(2, 2\)"):
        allocate(offer(1, 2), [contacts(3, 1)])
    with pytest.raises(InputError, match=r"action_mask: has shape \(3, 2\)"):
        allocate(offer(1, 2), [], np.ones((3, 2), np.int8))
    with pytest.raises(InputError, match=r"value: must be \(n, k\)"):
        allocate(np.ones(3), [])
    with pytest.raises(GuardrailError, match="loss: coef must have 2 axes"):
        Linear("loss", np.ones(3), 1.0)
    with pytest.raises(GuardrailError, match="loss: segment must be one integer code for each of 2 users"):
        Linear("loss", offer(1, 2), 1.0, segment=np.array([0]))
    with pytest.raises(GuardrailError, match="loss: segment code 2 has no limit among the 2 given"):
        Linear("loss", offer(1, 2), np.array([1.0, 2.0]), segment=np.array([0, 2]))
    with pytest.raises(GuardrailError, match="loss: factor"):
        Robust("loss", np.zeros((2, 2)), np.zeros((3, 2, 1)), 1.0, 1.0)


def test_units_floors_and_prices_out_of_range_are_named() -> None:
    with pytest.raises(InputError, match="unit: user 1 has unit -1"):
        allocate(offer(1, 2), [], unit=np.array([0, -1]))
    with pytest.raises(InputError, match="unit: must be one integer for each of 2 users"):
        allocate(offer(1, 2), [], unit=np.array([0, 1, 2]))
    with pytest.raises(InputError, match="unit 4: its users have no allowed arm in common"):
        allocate(np.zeros((2, 4)), [], np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), np.array([4, 4]))
    with pytest.raises(InputError, match="user 1: no arm is allowed"):
        allocate(offer(1, 2), [], np.array([[1, 1], [0, 0]]))
    with pytest.raises(InputError, match=r"floor: 0\.6 on each of 2 allowed arms"):
        allocate(offer(1, 2), [], floor=0.6)
    with pytest.raises(InputError, match=r"floor: must be in \[0, 1\]"):
        allocate(offer(1, 2), [], floor=-0.1)
    with pytest.raises(InputError, match="prices0: must be 1 finite prices"):
        allocate(offer(1, 2), [contacts(2, 1)], prices0=np.zeros(2))
