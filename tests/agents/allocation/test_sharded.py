"""A cohort in shards under one allocator decides as one machine does, bit for bit; shares of the budget do not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, allocate, verify
from agents.allocation.oracle import CHUNK
from agents.allocation.shard import EDGES, Arms, Shard
from agents.allocation.sharded import allocate_sharded
from rage_env.cohort import CohortEnv
from rage_env.errors import GuardrailError, InputError
from rage_env.guardrails import linear_row
from rage_env.interface import observe
from rage_env.outcomes import value as value_of

Floats = NDArray[np.float64]
_N = 3 * CHUNK + 5_000


@dataclass(frozen=True, eq=False)
class Believed:
    """Value (n, k), coefficients (g, n, k) and mask (n, k) of some people."""

    value: Floats
    coef: Floats
    mask: NDArray[np.int8]

    def shard(self, part: slice = slice(None)) -> Shard:
        return Shard(self.value[part], self.coef[:, part], self.mask[part])


def drawn(seed: int) -> Believed:
    rng = np.random.default_rng(seed)
    weight = np.exp(rng.normal(size=(_N, 1)))
    value = weight * rng.normal(loc=0.1, size=(_N, 4))
    coef = np.array([weight * np.abs(rng.normal(size=(_N, 4))) * [0, 1, 1, 1] for _ in range(3)])
    mask = (rng.random((_N, 4)) < 0.9).astype(np.int8)
    mask[:, 0] = 1
    return Believed(value, coef, mask)


def limits(week: Believed) -> list[tuple[str, float]]:
    """Four tenths of what everybody's best arm would use."""
    best = np.where(week.mask > 0, week.value, -np.inf).argmax(axis=1)
    return [(f"row{g}", 0.4 * float(c[np.arange(len(c)), best].sum())) for g, c in enumerate(week.coef)]


def cuts(parts: int) -> list[slice]:
    ends = [*(round(4 * i / parts) * CHUNK for i in range(parts)), _N]
    return [slice(a, b) for a, b in pairwise(ends)]


def same(one: Allocation, other: Allocation) -> bool:
    return (
        one.probs.tobytes() == other.probs.tobytes()
        and one.prices.tobytes() == other.prices.tobytes()
        and (one.value, one.bound) == (other.value, other.bound)
        and one.usage.tobytes() == other.usage.tobytes()
    )


def test_two_and_four_shards_decide_what_one_machine_decides_bit_for_bit() -> None:
    week = drawn(1)
    rows = limits(week)
    answers = [allocate_sharded([week.shard(cut) for cut in cuts(parts)], rows) for parts in (1, 2, 4)]
    assert all(same(answers[0], other) for other in answers[1:])
    whole = [Linear(name, c, limit) for (name, limit), c in zip(rows, week.coef, strict=True)]
    assert verify(week.value, whole, answers[2], week.mask).problems == ()
    assert answers[2].value == pytest.approx(allocate(week.value, whole, week.mask).value, rel=2e-9)


def test_budgets_shared_out_among_shards_are_another_decision_and_worth_less() -> None:
    week = drawn(1)
    shift = np.linspace(0.2, 1.8, _N)[:, None]  # later shards have more to gain
    week = Believed(week.value * shift, week.coef, week.mask)
    rows = limits(week)
    together = allocate_sharded([week.shard(cut) for cut in cuts(4)], rows)
    apart = []
    for cut in cuts(4):
        part = (cut.stop - cut.start) / _N
        apart.append(allocate_sharded([week.shard(cut)], [(name, limit * part) for name, limit in rows]))
    assert sum(a.value for a in apart) < 0.999 * together.value
    assert np.concatenate([a.probs for a in apart]).tobytes() != together.probs.tobytes()


class Counted(Shard):
    """Counts the numbers that leave it."""

    passed: list[int]
    people = 0

    def answer(self, prices: Floats, radius: Floats | None) -> tuple[Floats, NDArray[np.int64]]:
        sums, counts = super().answer(prices, radius)
        self.passed = [*getattr(self, "passed", []), sums.size + counts.size]
        return sums, counts

    def undecided(self, width: float) -> Arms:
        found = super().undecided(width)
        self.people += len(found.at)
        return found


def test_a_pass_sends_sums_by_chunk_and_nobody_but_the_undecided_leaves_a_shard() -> None:
    week = drawn(2)
    shards = [Counted(week.value[cut], week.coef[:, cut], week.mask[cut]) for cut in cuts(4)]
    answer = allocate_sharded(shards, limits(week))
    assert answer.status == "optimal"
    for shard in shards:
        assert max(shard.passed) == len(week.coef) + 1 + len(EDGES)
    assert 0 < sum(shard.people for shard in shards) <= 0.2 * _N * answer.passes


def lived(first: int, count: int, total: int) -> Believed:
    """What an agent who knew the truth would send to the allocator in week 1 of these slots."""
    env = CohortEnv(count, "fintech", seed=5, first_slot=first, n_max=total)
    env.reset(seed=5)
    obs, _, _, _, info = env.step(np.zeros(count, np.int64))
    seen, means = observe(obs, info), dict(env.truth.mean_outcomes())
    loss = next(g for g in env.scenario.guardrails if g.name == "loss_rate")
    contacts = np.broadcast_to((np.arange(seen.k) > 0).astype(np.float64), (count, seen.k))
    worth = np.asarray(value_of(means, env.scenario.retention_value_usd), np.float64)
    return Believed(worth, np.array([linear_row(loss, means).coef, contacts]), seen.action_mask)


def test_a_lived_week_in_shards_of_the_world_is_decided_as_the_whole_worlds() -> None:
    total = 2 * CHUNK + 2_000
    places = [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, 2_000)]
    rows = [("loss_rate", 0.0), ("contacts", 0.1 * total)]
    whole = allocate_sharded([lived(0, total, total).shard()], rows)
    parts = allocate_sharded([lived(first, count, total).shard() for first, count in places], rows)
    assert whole.status == "optimal"
    assert 0 < whole.probs[:, 1:].sum() <= 0.1 * total
    assert same(whole, parts)


def test_shards_that_cut_through_a_chunk_or_limits_that_contradict_are_named() -> None:
    week = drawn(3)
    with pytest.raises(InputError, match="shard 0: holds 100 people"):
        allocate_sharded([week.shard(slice(0, 100)), week.shard(slice(100, 300))], limits(week))
    with pytest.raises(GuardrailError, match="row0, row1, row2: limits contradict"):
        allocate_sharded([week.shard(slice(0, 300))], [("row0", -5.0), ("row1", 9.0), ("row2", 9.0)])
    bad = week.value[:300].copy()
    bad[7, 2] = np.nan
    with pytest.raises(InputError, match="value of user 7, arm 2 is nan"):
        Shard(bad, week.coef[:, :300])
