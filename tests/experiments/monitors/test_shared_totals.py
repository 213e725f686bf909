"""Monitors fed the same batch share its sums: worked out once, the same bits, and never somebody else's."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from experiments.monitors import Batch, Monitor, monitor
from rage_env.errors import LogError

WEEKS = 4


def batches(seed: int = 0, n: int = 60) -> list[Batch]:
    rng = np.random.default_rng(seed)
    group, level = rng.integers(0, 2, n), rng.normal(5, 1, n)
    return [Batch(w, np.arange(n), group, level + rng.normal(size=n), covariate=level) for w in range(WEEKS)]


def side_by_side() -> list[Monitor]:
    groups: dict[str, object] = {"mode": "groups"}
    return [
        monitor("asymptotic_cs", weeks=12, **groups),
        monitor("group_sequential", weeks=12, **groups),
        monitor("group_sequential", weeks=12, cap=6.0, **groups),
        monitor("group_sequential", weeks=12, adjust=True, **groups),
        monitor("asymptotic_cs", weeks=12),
        monitor("naive_z", **groups),
    ]


def test_monitors_side_by_side_say_what_each_says_alone() -> None:
    together = side_by_side()
    for batch in batches():
        for one in together:
            one.update(batch)
    for one, alone in zip(together, side_by_side(), strict=True):
        for batch in batches():  # made anew, so that nothing is shared
            alone.update(batch)
        assert list(map(repr, one.states)) == list(map(repr, alone.states))


def test_sums_are_shared_among_those_who_were_told_the_same_and_nobody_else() -> None:
    one, same, capped = (monitor("group_sequential", weeks=12, mode="groups", cap=c) for c in (None, None, 6.0))
    for batch in batches():
        for each in (one, same, capped):
            each.update(batch)
    totals = [m.save()[0]["total"] for m in (one, same, capped)]
    assert totals[0] is totals[1]
    assert totals[0] is not totals[2]


def test_a_monitor_with_another_past_takes_no_sums_from_its_neighbour() -> None:
    mine, theirs = batches(seed=0), batches(seed=1)
    one, other = (monitor("group_sequential", weeks=12, mode="groups") for _ in range(2))
    group = mine[0].groups()
    moved = [Batch(b.week, b.unit, group, b.value) for b in theirs]
    one.update(mine[0])
    other.update(moved[0])
    shared = mine[1]
    one.update(shared)
    assert other.update(shared).estimate != one.states[-1].estimate
    alone = monitor("group_sequential", weeks=12, mode="groups")
    alone.update(moved[0])
    assert repr(alone.update(batches(seed=0)[1])) == repr(other.states[-1])


def test_a_copy_goes_its_own_way() -> None:
    first, second, third, _ = batches()
    one = monitor("asymptotic_cs", weeks=12, mode="groups")
    one.update(first)
    twin = copy.deepcopy(one)
    one.update(second)
    twin.update(second)
    assert repr(one.update(third)) == repr(twin.update(third))


def test_a_batch_that_one_monitor_refuses_is_refused_by_the_next_too() -> None:
    first, second, *_ = batches()
    missing = Batch(1, second.unit[1:], second.groups()[1:], second.value[1:])
    for kind in ("asymptotic_cs", "group_sequential"):
        one = monitor(kind, weeks=12, mode="groups")
        one.update(first)
        with pytest.raises(LogError, match="unit 0 has no row"):
            one.update(missing)
        assert one.update(second).week == 1
