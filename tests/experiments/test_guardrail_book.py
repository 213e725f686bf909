"""Slack is limit minus usage, in truth, as it turned out and as reported; violations are counted by truth alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import allocate
from agents.allocation.program import guardrail_rows
from experiments.guardrail_book import Entry, GuardrailBook
from experiments.week_truth import WeekTruth, rows_of
from rage_env.cohort import CohortEnv
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, Scope, true_usage
from rage_env.interface import Observation, observe
from rage_env.log import Reports
from rage_env.outcomes import DELAYED

SHARES = {c: np.array([0.0, 0.5, 1.0]) for c in DELAYED}
LOSS = Guardrail(name="loss", numerator={"loss_fraud": 1.0}, denominator={"gmv": 1.0}, limit=0.1)
OFFER = np.array([[0.0, 1.0], [0.0, 1.0]])
NOTHING = np.array([[1.0, 0.0], [1.0, 0.0]])


def truth(week: int, loss: Sequence[float], guardrail: Guardrail = LOSS) -> WeekTruth:
    """Two users, gmv 100 each whatever they get; loss: of arm 0 and arm 1, a user."""
    ids, yes = np.arange(2), np.ones(2, np.bool_)
    quo = np.array([[0.5, 0.5], [0.5, 0.5]], np.float32)
    empty, mask = np.empty(0), np.ones((2, 2), np.int8)
    seen = Observation(week, ids, ids, np.zeros((2, 1), np.float32), mask, ~yes, yes, {"group": ids}, quo, empty, empty)
    means = {"gmv": np.full((2, 2), 100.0), "loss_fraud": np.tile(np.asarray(loss, float), (2, 1))}
    means |= {"contacts": np.tile([0.0, 1.0], (2, 1)), "present": np.ones((2, 2))}
    return WeekTruth(seen, means, np.zeros((2, 2)), (rows_of(guardrail, means, seen),))


def ledger(loss: float, contacts: float = 0.0) -> dict[str, NDArray[np.floating]]:
    """What happened: total loss and contacts, gmv 200."""
    return {"gmv": np.array([100.0, 100.0]), "loss_fraud": np.array([loss, 0.0]), "contacts": np.array([contacts, 0.0])}


def reported(week: int, amounts: dict[int, float]) -> Reports:
    """Fraud losses by accrual week, reported in `week`."""
    n = len(amounts)
    return Reports(
        np.zeros(n, np.int64),
        np.array(list(amounts), np.int32),
        np.full(n, week, np.int32),
        np.zeros(n, np.int8),
        np.array(list(amounts.values()), np.float32),
    )


def one(guardrail: Guardrail, loss: Sequence[float], probs: NDArray[np.float64]) -> Entry:
    return GuardrailBook([guardrail], SHARES).enter(truth(0, loss, guardrail), probs, ledger(0), Reports.empty())[0]


def test_usage_under_the_limit_leaves_positive_slack_in_the_limits_own_unit() -> None:
    entry = one(LOSS, [2.0, 4.0], OFFER)
    assert entry.slack_true == pytest.approx(0.1 - 8 / 200)
    assert not entry.violated


def test_usage_beyond_the_limit_leaves_negative_slack_and_counts_as_violated() -> None:
    entry = one(LOSS, [2.0, 14.0], OFFER)
    assert entry.slack_true == pytest.approx(0.1 - 28 / 200)
    assert (entry.violated, entry.unavoidable) == (True, False)


def test_what_doing_nothing_would_break_too_is_unavoidable_and_no_ones_fault() -> None:
    assert one(LOSS, [15.0, 15.0], OFFER) == one(LOSS, [15.0, 15.0], NOTHING)
    entry = one(LOSS, [15.0, 15.0], OFFER)
    assert (entry.violated, entry.unavoidable) == (False, True)
    assert one(LOSS, [15.0, 16.0], OFFER).violated


def test_bad_luck_shows_in_realised_slack_and_is_not_a_violation() -> None:
    book = GuardrailBook([LOSS], SHARES)
    (entry,) = book.enter(truth(0, [2.0, 4.0]), OFFER, ledger(60.0), Reports.empty())
    assert entry.slack_realised == pytest.approx(0.1 - 60 / 200)
    assert not entry.violated


def test_reported_slack_divides_by_what_should_have_been_reported_by_now() -> None:
    """Week 0: nothing can be known. Week 1: half of week 0 is due. Week 2: all of week 0, half of week 1."""
    book = GuardrailBook([LOSS], SHARES)
    slacks = []
    for week, news in enumerate([{}, {0: 5.0}, {0: 5.0, 1: 5.0}]):
        (entry,) = book.enter(truth(week, [2.0, 4.0]), OFFER, ledger(10.0), reported(week, news))
        slacks.append(entry.slack_reported)
    assert math.isnan(slacks[0])
    assert slacks[1] == pytest.approx(0.1 - 5 / (200 * 0.5))
    assert slacks[2] == pytest.approx(0.1 - 15 / (200 * 1.5))


def test_burn_in_losses_reported_late_are_not_charged_to_the_run() -> None:
    book = GuardrailBook([LOSS], SHARES)
    book.enter(truth(0, [2.0, 4.0]), OFFER, ledger(0.0), Reports.empty())
    (entry,) = book.enter(truth(1, [2.0, 4.0]), OFFER, ledger(0.0), reported(1, {-1: 1e6}))
    assert entry.slack_reported == pytest.approx(0.1)


def test_a_run_limit_sums_from_the_start_and_is_broken_once() -> None:
    guardrail = LOSS.model_copy(update={"horizon": "run"})
    book = GuardrailBook([guardrail], SHARES)
    losses = [2.0, 16.0, 16.0, 16.0]  # sums 4, 36, 68, 100 against 20, 40, 60, 80
    entries = [
        book.enter(truth(w, [1.0, loss], guardrail), OFFER, ledger(0), Reports.empty())[0]
        for w, loss in enumerate(losses)
    ]
    assert [e.violated for e in entries] == [False, False, True, False]
    assert entries[1].slack_true == pytest.approx(0.1 - 36 / 400)


def test_a_month_begins_anew_after_four_weeks() -> None:
    guardrail = LOSS.model_copy(update={"horizon": "month"})
    book = GuardrailBook([guardrail], SHARES)
    entries = [book.enter(truth(w, [1.0, 14.0], guardrail), OFFER, ledger(0), Reports.empty())[0] for w in range(6)]
    assert [e.violated for e in entries] == [True, False, False, False, True, False]


def test_a_limit_relative_to_the_status_quo_counts_only_what_goes_beyond_it() -> None:
    guardrail = Guardrail(name="contacts", numerator={"contacts": 1.0}, limit=0.5, relative_to="status_quo")
    assert one(guardrail, [0.0, 0.0], OFFER).slack_true == pytest.approx(0.5 + 1.0 - 2.0)
    assert one(guardrail, [0.0, 0.0], OFFER).violated
    assert one(guardrail, [0.0, 0.0], np.array([[0.5, 0.5], [0.5, 0.5]])).slack_true == pytest.approx(0.5)
    assert one(guardrail, [0.0, 0.0], OFFER).slack_realised == pytest.approx(0.5 + 1.0 - 0.0)


def test_a_least_share_is_kept_when_there_is_more_of_it() -> None:
    guardrail = Guardrail(
        name="reach", numerator={"contacts": 1.0}, denominator={"present": 1.0}, limit=0.4, sense=">="
    )
    assert one(guardrail, [0.0, 0.0], OFFER).slack_true == pytest.approx(0.6)
    half = np.array([[0.7, 0.3], [0.7, 0.3]])
    assert one(guardrail, [0.0, 0.0], half).slack_true == pytest.approx(-0.1)


def test_few_cases_break_no_rate_and_the_count_is_that_of_the_window() -> None:
    """Least counts are of the numerator: 28 a week are too few until the second week of the month has passed 50."""
    guardrail = LOSS.model_copy(update={"min_count": 50, "horizon": "month"})
    book = GuardrailBook([guardrail], SHARES)
    entries = [book.enter(truth(w, [1.0, 14.0], guardrail), OFFER, ledger(0), Reports.empty())[0] for w in range(6)]
    assert [e.violated for e in entries] == [False, True, False, False, False, True]
    assert [math.isnan(e.slack_true) for e in entries] == [True, False, False, False, True, False]
    assert one(LOSS.model_copy(update={"min_count": 27}), [1.0, 14.0], OFFER).violated


def test_a_total_for_many_weeks_is_refused_and_not_granted_anew_each_week() -> None:
    monthly = Guardrail(name="contacts", numerator={"contacts": 1.0}, limit=3.0, horizon="month")
    with pytest.raises(GuardrailError, match="contacts: a total of 3 a month cannot be judged"):
        truth(0, [0.0, 0.0], monthly)
    beyond = monthly.model_copy(update={"limit": 0.0, "relative_to": "status_quo"})
    assert one(beyond, [0.0, 0.0], OFFER).violated


def test_a_hard_limit_by_segment_is_refused_as_the_draw_keeps_head_counts_of_the_cohort_only() -> None:
    hard = Guardrail(
        name="reach",
        numerator={"contacts": 1.0},
        denominator={"present": 1.0},
        limit=0.4,
        scope=Scope(kind="segment", column="region"),
        hard=True,
    )
    with pytest.raises(GuardrailError, match="reach: a hard limit by segment cannot be judged"):
        truth(0, [0.0, 0.0], hard)


def test_a_bound_between_two_groups_is_judged_by_the_gap_of_their_rates_whichever_way_it_points() -> None:
    fair = Guardrail(
        name="fair",
        numerator={"contacts": 1.0},
        denominator={"present": 1.0},
        limit=0.3,
        scope=Scope(kind="segment", column="group"),
        between=(0, 1),
    )
    for first, second in ((0.9, 0.5), (0.5, 0.9)):
        entry = one(fair, [0.0, 0.0], np.array([[1 - first, first], [1 - second, second]]))
        assert entry.slack_true == pytest.approx(0.3 - 0.4)
        assert entry.violated
    alike = one(fair, [0.0, 0.0], OFFER)
    assert alike.slack_true == pytest.approx(0.3)
    assert not alike.violated
    assert not alike.unavoidable


def test_a_bound_between_groups_of_a_segment_that_does_not_exist_is_refused_by_name() -> None:
    scope = Scope(kind="segment", column="grup")
    fair = Guardrail(name="fair", numerator={"contacts": 1.0}, limit=0.1, scope=scope, between=(0, 1))
    with pytest.raises(GuardrailError, match="fair: the world has no segment column 'grup': did you mean 'group'"):
        truth(0, [0.0, 0.0], fair)


def test_a_lagged_rate_is_judged_on_what_was_lived_last_week_not_on_what_this_week_hopes_for() -> None:
    """Losses of 8 on 200 this week; last week's 50 decide: .1 x 50 = 5 may be lost, and 8 are too many."""
    lagged = LOSS.model_copy(update={"denominator_lag": 1})
    book = GuardrailBook([lagged], SHARES)
    week = truth(0, [2.0, 4.0], lagged)
    seen = replace(week.observation, denominator_last_week=np.array([50.0]))
    week = replace(week, observation=seen, rows=(rows_of(lagged, week.means, seen, 0),))
    (entry,) = book.enter(week, OFFER, ledger(8.0), Reports.empty())
    assert entry.slack_true == pytest.approx(0.1 - 8 / 50)
    assert entry.slack_realised == pytest.approx(0.1 - 8 / 50)
    assert entry.violated
    assert not one(lagged, [2.0, 4.0], OFFER).violated  # before a first week was lived, doing nothing's 200 stand in


def test_the_world_tells_last_weeks_denominator_and_an_agent_that_allocates_by_it_keeps_the_rate() -> None:
    env = gymnasium.make_vec("rage_env:rage/fintech-v0", num_envs=600, seed=3, weeks=4).unwrapped
    assert isinstance(env, CohortEnv)
    rate = Guardrail(
        name="contact_cost", numerator={"contacts": 1.0}, denominator={"gmv": 1.0}, limit=0.002, denominator_lag=1
    )
    obs, info = env.reset(seed=3)
    at = [g.name for g in env.scenario.guardrails].index("loss_rate")
    assert not observe(obs, info).denominator_last_week.any()
    arm = np.zeros(600, np.int64)
    lived = []
    for _ in range(2):
        obs, _, _, _, info = env.step(arm)
        lived.append(observe(obs, info).denominator_last_week[at])
        assert lived[-1] == pytest.approx(float(env.columns()["gmv"].sum(dtype=np.float64)), rel=1e-6)
    seen = replace(observe(obs, info), denominator_last_week=np.array([lived[-1]]), numerator_to_date=np.zeros(1))
    means = env.truth.mean_outcomes()
    (row,) = guardrail_rows([rate], means, seen)
    value = np.asarray(means["revenue_gross"], np.float64) + 1.0 * (np.arange(seen.k) > 0)
    answer = allocate(value, [row], seen.action_mask)
    (judged,) = rows_of(rate, {**means, "present": np.ones(value.shape)}, seen, 0)
    assert judged.lagged == lived[-1]
    assert not true_usage(judged.row, answer.probs).violated
    assert true_usage(judged.row, allocate(value, [], seen.action_mask).probs).violated
