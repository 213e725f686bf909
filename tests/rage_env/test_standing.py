"""Where guardrails stand, what is pending, and arrays that are handed out again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rage_env.arrived import Arrived
from rage_env.guardrails import Guardrail
from rage_env.log import Reports
from rage_env.outcomes import DELAYED, IMMEDIATE
from rage_env.pending import Pending
from rage_env.recycle import Recycled
from rage_env.standing import Standing
from rage_env.state import CHUNK, Lives

RAILS = (
    Guardrail(name="loss", numerator={"loss_fraud": 1.0, "loss_bonus_abuse": 2.0}, denominator={"gmv": 1.0}, limit=0.1),
    Guardrail(name="contacts", numerator={"contacts": 1.0}, denominator={"present": 1.0}, limit=0.5),
)


def reports(*rows: tuple[int, int, int, float]) -> Reports:
    """Fraud reports of (user, accrual week, reported week, amount)."""
    user, accrual, reported, amount = (np.array(x) for x in zip(*rows, strict=True))
    code = np.full(len(rows), DELAYED.index("loss_fraud"), np.int8)
    return Reports(user, accrual.astype(np.int32), reported.astype(np.int32), code, amount.astype(np.float32))


def columns() -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    held = {c: np.zeros(3, np.float32) for c in IMMEDIATE}
    held["gmv"] += np.float32(10)
    held["loss_bonus_abuse"][1] = 4
    held["contacts"][:2] = 1
    return held


def test_sums_to_date_count_what_is_known_and_nothing_from_before_the_run() -> None:
    standing = Standing(RAILS)
    standing.add_week(columns(), np.array([True, True, False]))
    standing.add_reports(reports((0, 0, 1, 5.0), (2, -3, 1, 100.0)))
    assert standing.numerator.tolist() == [13.0, 2.0]
    assert standing.denominator.tolist() == [30.0, 2.0]


def test_each_user_s_cost_is_numerator_less_limit_times_denominator() -> None:
    present = np.array([True, True, False])
    late = reports((0, 0, 1, 5.0), (0, 0, 1, 1.0))
    cost = Standing(RAILS).cost(columns(), late, np.array([0, 0]), present)
    assert cost.tolist() == [[5.0, 0.5], [7.0, 0.5], [-1.0, 0.0]]


def test_reports_come_in_the_week_they_fall_due_and_none_is_lost() -> None:
    pending = Pending()
    pending.add(reports((1, 0, 4, 1.0), (2, 0, 2, 2.0), (3, 0, 4, 3.0)))
    pending.add(Reports.empty())
    pending.add(reports((4, 1, 2, 4.0), (5, 1, 9, 5.0)))
    assert pending.pop(2).user_id.tolist() == [2, 4]
    assert len(pending.pop(2)) == len(pending.pop(3)) == 0
    assert pending.rest().user_id.tolist() == [1, 3, 5]
    assert pending.pop(4).amount.tolist() == [1.0, 3.0]


def test_an_array_that_somebody_holds_is_never_handed_out_again() -> None:
    pool = Recycled(np.float32)
    held = [pool.get((4,)) for _ in range(6)]
    assert len({a.ctypes.data for a in held}) == 6
    view, place = held[-1][1:2], held[-1].ctypes.data
    del held
    assert pool.get((4,)).ctypes.data != place
    view[0] = 5
    other = pool.get((4,))
    other[:] = 0
    assert view[0] == 5


def test_an_array_that_nobody_holds_is_handed_out_again() -> None:
    pool = Recycled(np.float32)
    places = set()
    for _ in range(10):
        array = pool.get((1000,))
        places.add(array.ctypes.data)
    assert len(places) <= 3
    assert pool.get((7,)).shape == (7,)


def test_every_chunk_finds_its_own_reports_in_the_order_in_which_they_came() -> None:
    slot = np.array([9, 2, 5, 2, 8, 0, 9])
    late = reports(*((int(s), 0, 1, float(i)) for i, s in enumerate(slot)))
    arrived = Arrived.of(late, slot, size=3)
    for start in range(0, 15, 3):
        mine, place = arrived.within(slice(start, start + 3))
        here = (slot >= start) & (slot < start + 3)
        assert mine.amount.tolist() == late.amount[here].tolist()
        assert (place + start).tolist() == slot[here].tolist()


def test_sums_and_costs_by_chunk_are_those_of_the_whole() -> None:
    n, size = 3 * CHUNK + 7, CHUNK
    rng = np.random.default_rng(3)
    lived = {c: rng.random(n, np.float32) for c in IMMEDIATE}
    present, slot = rng.random(n) < 0.8, rng.integers(0, n, 500)
    late = reports(*((int(s), 0, 1, float(x)) for s, x in zip(slot, rng.random(500), strict=True)))
    whole, parts = Standing(RAILS, assigned=present), Standing(RAILS, assigned=present)
    whole.add_week(lived, present)
    arrived, cost = Arrived.of(late, slot, size), np.empty((len(RAILS), n), np.float32)
    found = []
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n))
        some = {c: column[rows] for c, column in lived.items()}
        found.append(parts.sums(some, present[rows], rows))
        parts.cost(some, *arrived.within(rows), present[rows], cost[:, rows], rows)
    parts.add_sums(found)
    assert (parts.numerator == whole.numerator).all()
    assert (parts.denominator == whole.denominator).all()
    assert (whole.cost(lived, late, slot, present) == cost.T).all()


def test_lives_whose_columns_are_views_of_one_another_are_written_as_they_were() -> None:
    lives = Lives.at_joining(np.arange(6, dtype=np.float32), np.arange(6, dtype=np.float32) + 10)
    part = lives.rows(slice(2, 5))
    lives.put(slice(2, 5), replace(part, age=part.shock, shock=part.age, load=lives.load[1:4]))
    assert lives.age.tolist() == [0, 1, 12, 13, 14, 5]
    assert lives.shock.tolist() == [10, 11, 2, 3, 4, 15]
