"""Value is judged before all losses are in, yet nobody gains by being judged early."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import cohort, live
from experiments.completed import Completed
from experiments.config import ExperimentConfig, load
from rage_env.log import Reports
from rage_env.outcomes import COLUMNS, DELAYED, value

Floats = NDArray[np.float64]

SHARES = np.array([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])


def shown(revenue: list[float]) -> dict[str, NDArray[np.float32]]:
    columns = {c: np.zeros(len(revenue), np.float32) for c in COLUMNS if c not in DELAYED}
    return columns | {"revenue_gross": np.array(revenue, np.float32)}


def report(user_id: int, accrual_week: int, week: int, amount: float, column: str = "loss_fraud") -> Reports:
    return Reports(
        np.array([user_id]),
        np.array([accrual_week], np.int32),
        np.array([week], np.int32),
        np.array([DELAYED.index(column)], np.int8),
        np.array([amount], np.float32),
    )


def test_a_week_counts_once_part_of_its_losses_is_known_and_a_loss_for_those_still_out_too() -> None:
    kept = Completed(np.array([7, 3]), 0.0, SHARES)
    assert kept.wait_weeks == 1
    assert kept.week(0, shown([10.0, 1.0]), Reports.empty()).tolist() == [0.0, 0.0]  # too young
    moved = kept.week(1, shown([20.0, 2.0]), report(3, 0, 1, 4.0))
    assert moved.tolist() == [10.0, 1.0 - 8.0]  # half of all losses are known: this one stands for two
    moved = kept.week(2, shown([40.0, 4.0]), Reports.empty())
    assert moved.tolist() == [20.0, 2.0 + 4.0]  # by now all of week 0 is known, and the other never came


def test_only_losses_of_the_run_that_are_part_of_value_count() -> None:
    kept = Completed(np.array([3]), 0.0, SHARES)
    kept.week(0, shown([0.0]), Reports.empty())
    other = [report(3, -1, 1, 4.0), report(3, 0, 1, 4.0, "chargebacks")]
    assert kept.week(1, shown([0.0]), Reports.concat(other)).tolist() == [0.0]


def test_nobody_waits_in_a_world_where_nothing_can_be_lost() -> None:
    for world, wait in (("marketing", 0), ("fintech", 3)):
        env, seen = cohort(load("quickstart", [{"scenario": world, "users": 50, "weeks": 2, "monitors": []}]), 1)
        assert Completed.of(env, seen.user_id).wait_weeks == wait


def lived(config: ExperimentConfig, seed: int, arm_name: str) -> tuple[Floats, Floats, Floats]:
    """(n,) value to date of each user: true, completed and as booked, of the weeks that are old enough."""
    env, seen = cohort(config, seed)
    completed = Completed.of(env, seen.user_id)
    booked = Completed(seen.user_id, completed.retention_value_usd, np.ones((2, 1)))
    arm, true, totals = list(env.arm_names).index(arm_name), [], np.zeros((2, seen.n))
    for week in range(config.weeks):
        seen = live(env, np.where(seen.action_mask[:, arm] == 1, arm, 0))
        ledger = {c: v.astype(np.float64) for c, v in env.truth.ledger().items()}
        true.append(value(ledger, completed.retention_value_usd))
        for total, kept in zip(totals, (completed, booked), strict=True):
            total += kept.week(week, env.columns(), env.reports())
    judged = np.sum(true[: config.weeks - completed.wait_weeks], axis=0)
    return np.asarray(judged, np.float64), totals[0], totals[1]


def test_completed_value_of_a_lender_is_the_true_one_and_booked_value_flatters_it() -> None:
    """Errors of completion alone, user by user in the same lives: beyond 4 standard errors at most once in 1e4."""
    study = load("quickstart", [{"users": 6_000, "weeks": 8}])
    error, flattery = [], []
    for seed in (2001, 2002):
        true, completed, booked = lived(study, seed, "credit_line")
        error.append(completed - true)
        flattery.append(booked - true)
    off, wrong = np.concatenate(error), np.concatenate(flattery)
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))
    assert wrong.mean() > 4 * wrong.std() / np.sqrt(len(wrong))
