import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import betaln
from scipy.stats import beta

from experiments.monitors import Batch, Monitor, monitor
from experiments.monitors.betting import LARGEST_BET, log_growth, log_mean_exp, stakes
from experiments.monitors.rare_events import log_evidence
from rage_env.errors import ConfigError, LogError

Floats = NDArray[np.float64]
LIMIT, CAP = 0.0025, 500.0


def alarm(**params: Any) -> Monitor:  # Any: parameters of whichever monitor
    return monitor("ratio_betting", **{"limit": LIMIT, "cap_usd": CAP, "ages": [0], **params})


def week_of(rng: np.random.Generator, week: int, bps: float, n: int = 4_000, age: int = 0) -> Batch:
    """Losses of $100 on average, as many as make `bps` of the capped GMV."""
    gmv = rng.exponential(200, n)
    p = bps * 1e-4 * 200 * -math.expm1(-CAP / 200) / 100
    return Batch(week, np.arange(n), 0, np.where(rng.random(n) < p, rng.exponential(100, n), 0.0), gmv, age_weeks=age)


@given(
    x=arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 700)), elements=st.floats(-1.0, 2_000.0)),
    points=st.integers(1, 5),
)
def test_blocks_of_products_are_the_sums_of_logarithms(x: Floats, points: int) -> None:
    stake = stakes(1.0, points)
    assert log_growth(x, stake) == pytest.approx(np.log1p(x[..., None] * stake).sum(axis=1), rel=1e-9, abs=1e-9)


def test_the_worst_week_of_the_worst_user_cannot_ruin_a_bet() -> None:
    stake = stakes(1.25)
    assert stake.max() * 1.25 == pytest.approx(LARGEST_BET)
    assert log_growth(np.full(10_000, -1.25), stake).min() == pytest.approx(10_000 * math.log(1 - LARGEST_BET))
    assert log_mean_exp(np.array([-1e6, -1e6 - 1])) == pytest.approx(-1e6 + math.log((1 + math.exp(-1)) / 2))


def test_evidence_of_two_users_is_the_product_worked_by_hand() -> None:
    made = alarm(points=1)
    state = made.update(Batch(0, np.array([1, 2]), 0, np.array([4.0, 0.0]), np.array([100.0, 900.0])))
    bet = 0.9 / (LIMIT * CAP)
    by_hand = (1 + bet * (4 - LIMIT * 100)) * (1 + bet * (0 - LIMIT * 500))
    assert state.log_e == pytest.approx(math.log(by_hand))
    assert state.e_value == pytest.approx(by_hand)
    assert state.estimate == pytest.approx(4 / 600)
    assert "40.0% of the denominator lies above the cap" in state.reason


def test_triple_losses_are_called_harm_within_weeks_and_once_called_stay_so() -> None:
    rng, made = np.random.default_rng(0), alarm(alpha=0.01)
    for week in range(8):
        made.update(week_of(rng, week, 75.0))
    stop = made.path().stop_week
    assert stop is not None
    assert stop <= 6
    for week in range(8, 12):
        state = made.update(week_of(rng, week, 0.0))
    assert state.verdict == "harm"
    assert state.p_value <= 0.01


def test_a_quiet_cohort_is_certified_and_the_alarm_says_nothing() -> None:
    rng, quiet = np.random.default_rng(1), alarm()
    certificate = monitor(
        "ratio_certificate", limit=LIMIT, cap_usd=CAP, max_loss_usd=2_000.0, mature_age_weeks=0, alpha=0.05
    )
    for week in range(26):
        batch = week_of(rng, week, 8.0)
        quiet.update(batch)
        certificate.update(batch)
    assert quiet.states[-1].verdict == "continue"
    assert certificate.states[-1].verdict == "certified"
    assert "is at least 0.0025" in certificate.null


def test_no_age_may_win_by_having_more_ages_beside_it() -> None:
    """One age among four needs four times the evidence: the alarm takes the best, it does not add up."""
    rng, alone, among = np.random.default_rng(2), alarm(ages=[4]), alarm(ages=[2, 4, 8, 18])
    for week in range(4, 8):
        batch = week_of(rng, week, 60.0, age=4)
        one, four = alone.update(batch), among.update(batch)
    assert one.log_e - four.log_e == pytest.approx(math.log(4))


def test_each_age_sees_each_week_once_and_in_order() -> None:
    rng, made = np.random.default_rng(3), alarm(ages=[2, 8])
    made.update(week_of(rng, 8, 10.0, age=2))
    made.update(week_of(rng, 8, 10.0, age=8))
    with pytest.raises(LogError, match="rows of age 2 came already for week 8, got week 8"):
        made.update(week_of(rng, 8, 10.0, age=2))
    with pytest.raises(LogError, match=r"rows of age 3; declared are \[2, 8\]"):
        made.update(week_of(rng, 9, 10.0, age=3))
    with pytest.raises(LogError, match="week 7 comes after week 8"):
        made.update(week_of(rng, 7, 10.0, age=2))


def test_one_bet_a_week_needs_the_same_cohort_every_week() -> None:
    rng, made = np.random.default_rng(4), alarm(shared_shock=True)
    made.update(week_of(rng, 0, 10.0, n=50))
    with pytest.raises(LogError, match="holds 51 units, the first one 50"):
        made.update(week_of(rng, 1, 10.0, n=51))


def test_rows_of_an_account_make_one_bet() -> None:
    loss, gmv = np.array([3.0, 0.0, 1.0]), np.array([100.0, 100.0, 100.0])
    made = alarm(rows_per_unit=2, points=1)
    state = made.update(Batch(0, np.array([1, 1, 2]), 0, loss, gmv))
    bet = 0.9 / (2 * LIMIT * CAP)
    assert state.log_e == pytest.approx(math.log1p(bet * (3 - 0.5)) + math.log1p(bet * (1 - 0.25)))
    assert state.n_units == 2
    with pytest.raises(LogError, match="row 1: unit 1 has 2 rows, declared are 1; set rows_per_unit"):
        alarm().update(Batch(0, np.array([1, 1, 2]), 0, loss, gmv))


def test_a_group_is_watched_without_the_others() -> None:
    rng = np.random.default_rng(5)
    batch = week_of(rng, 0, 30.0, n=100)
    group = np.arange(100) % 2
    mixed = Batch(0, batch.unit, group, batch.value, batch.denominator)
    assert alarm(group=1).update(mixed).log_e == alarm().update(mixed.where(group == 1)).log_e
    with pytest.raises(LogError, match=r"no row of group 7 \(present: \[0, 1\]\)"):
        alarm(group=7).update(mixed)


def test_a_unit_enters_the_population_null_once() -> None:
    made = alarm(null="population", window_weeks=4)
    made.update(Batch(0, np.array([1, 2]), 0, np.zeros(2), np.full(2, 900.0)))
    with pytest.raises(LogError, match="unit 2 comes a second time; under null population each unit enters once"):
        made.update(Batch(1, np.array([2, 3]), 0, np.zeros(2), np.ones(2)))
    assert "a unit of the population over 4 weeks" in made.null


def test_rows_that_no_ledger_holds_are_named() -> None:
    unit, zero, two = np.array([5, 6]), np.zeros(2), np.full(2, 2.0)
    with pytest.raises(LogError, match="denominator is missing; a ratio needs what it is a share of"):
        alarm().update(Batch(0, unit, 0, zero))
    with pytest.raises(LogError, match=r"row 1 \(unit 6\): value is a loss and must be >= 0; got -1"):
        alarm().update(Batch(0, unit, 0, np.array([0.0, -1.0]), two))
    certificate = monitor("ratio_certificate", limit=LIMIT, cap_usd=CAP, max_loss_usd=10.0, mature_age_weeks=0)
    with pytest.raises(LogError, match=r"row 0 \(unit 5\): value must not exceed the declared bound on losses, 10"):
        certificate.update(Batch(0, unit, 0, np.array([11.0, 0.0]), two))
    for params, message in (
        ({"limit": 0.0}, "limit: must be a finite number above 0, got 0"),
        ({"ages": []}, "ages: must be different whole numbers"),
        ({"ages": [2, 2]}, "ages: must be different whole numbers"),
        ({"null": "users"}, "null: must be one of cohort, population, got 'users'"),
        ({"window_weeks": 3}, "window_weeks: the cohort null takes user-weeks one by one"),
        ({"points": 0}, "points: must be a whole number of at least 1, got 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            alarm(**params)


def test_rare_event_evidence_is_the_mixture_it_claims_to_be() -> None:
    """Against the integral of the likelihood ratio over the truncated beta law, by quadrature."""
    p0, events, rows = 0.01, 5, 200
    prior = beta(1, 1 / (2 * p0))
    p, weight = np.polynomial.legendre.leggauss(400)
    p, weight = p0 + (p + 1) / 2 * (0.4 - p0), weight / 2 * (0.4 - p0)
    ratio = (p / p0) ** events * ((1 - p) / (1 - p0)) ** (rows - events)
    by_quadrature = (weight * ratio * prior.pdf(p)).sum() / prior.sf(p0)
    assert math.exp(float(log_evidence(np.array(5.0), np.array(200.0), p0))) == pytest.approx(by_quadrature, rel=1e-6)


def test_rare_event_evidence_stays_finite_where_the_tail_underflows() -> None:
    rows = np.array([1e5, 2e5, 3e5, 1e7])
    log_e = log_evidence(np.zeros(4), rows, 0.0025)
    assert np.isfinite(log_e).all()
    assert (np.diff(log_e) < 0).all()
    a, b = 1.0, 1 / 0.005 + rows
    exact = b * math.log1p(-0.0025) - np.log(b) - betaln(a, b)  # a = 1: the upper tail has a closed form
    exact += betaln(a, b) + math.log(200.0) - 200 * math.log1p(-0.0025) - rows * math.log1p(-0.0025)
    assert log_e == pytest.approx(exact, abs=2e-2)


def test_four_times_the_allowed_rate_is_caught_within_weeks() -> None:
    rng, made = np.random.default_rng(6), monitor("rare_events", limit=0.0025)
    for week in range(8):
        events = (rng.random(500) < 0.01).astype(np.float64)
        made.update(Batch(week, np.arange(500) + 500 * week, 0, events))
    assert made.path().stop_week is not None


def test_trials_that_are_none_are_refused() -> None:
    made = monitor("rare_events", limit=0.01)
    made.update(Batch(0, np.array([1, 2]), 0, np.zeros(2)))
    with pytest.raises(LogError, match="unit 2 comes a second time; each unit enters once"):
        made.update(Batch(1, np.array([2, 3]), 0, np.zeros(2)))
    with pytest.raises(LogError, match=r"row 0 \(unit 4\): value must be 0 or 1"):
        made.update(Batch(1, np.array([4, 5]), 0, np.array([2.0, 0.0])))
    hazard = monitor("rare_events", limit=0.01, trial="hazard")
    hazard.update(Batch(0, np.array([1, 2]), 0, np.zeros(2)))
    hazard.update(Batch(1, np.array([1, 2]), 0, np.zeros(2)))
    with pytest.raises(LogError, match="unit 3 comes a second time; one row a week"):
        hazard.update(Batch(2, np.array([3, 3]), 0, np.zeros(2)))


def test_an_alarm_on_young_rows_says_that_it_is_early_and_which_rows_raised_it() -> None:
    rng, watch = np.random.default_rng(5), alarm(ages=[2, 8])
    for week in range(2, 7):
        state = watch.update(week_of(rng, week, 200.0, age=2))
    assert state.verdict == "harm"
    assert "early harm: proven by rows 2 weeks old, losses as reported by then" in state.reason
    late = alarm(ages=[2])
    for week in range(2, 7):
        state = late.update(week_of(rng, week, 200.0, age=2))
    assert "early" not in state.reason
    assert "proven by rows 2 weeks old" in state.reason
