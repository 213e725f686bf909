import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from experiments.monitors import Batch, monitor
from experiments.monitors.boundaries import spent
from experiments.monitors.events_against_control import label_evidence
from experiments.monitors.planned_binomial import count_boundaries
from rage_env.errors import ConfigError, LogError


def test_evidence_of_one_event_is_the_mean_likelihood_ratio_worked_by_hand() -> None:
    """One treated event, 30 treated and 10 control units at risk: ratio r gives 4 r / (3 r + 1)."""
    ratio = np.geomspace(20 ** (1 / 24), 20, 24)
    by_hand = math.log((4 * ratio / (3 * ratio + 1)).mean())
    assert float(label_evidence(np.array([[1.0, 0.0, 30.0, 10.0]]))[0]) == pytest.approx(by_hand)


@given(risk=st.integers(1, 40), base=st.integers(1, 40), events=st.integers(0, 12), margin=st.floats(1.0, 2.0))
def test_labels_without_replacement_never_pay_on_average(risk: int, base: int, events: int, margin: float) -> None:
    events = min(events, risk + base)
    hits = np.arange(max(0, events - base), min(events, risk) + 1)
    chance = np.array([math.comb(risk, h) * math.comb(base, events - h) for h in hits], np.float64)
    rows = np.stack([hits, events - hits, np.full(len(hits), risk), np.full(len(hits), base)], axis=1)
    paid = np.exp(label_evidence(rows[:, None, :].astype(np.float64), margin)[:, 0])
    assert float(paid @ chance / chance.sum()) <= 1 + 1e-9


def test_a_unit_that_had_its_event_is_at_risk_no_more() -> None:
    made = monitor("events_against_control")
    unit, group = np.arange(8), np.array([1, 0] * 4)
    first = made.update(Batch(0, unit, group, np.array([1.0, 0, 0, 0, 0, 0, 0, 0])))
    again = made.update(Batch(1, unit, group, np.array([1.0, 0, 0, 0, 0, 0, 0, 0])))
    assert first.n_units == 8
    assert again.n_units == 7
    assert again.reason == "1 events treated, 0 in control"


def test_triple_hazards_are_found_and_bad_rows_are_named() -> None:
    rng, made = np.random.default_rng(0), monitor("events_against_control")
    unit = np.arange(4_000)
    group = unit % 2
    for week in range(12):
        made.update(Batch(week, unit, group, (rng.random(4_000) < np.where(group == 1, 0.009, 0.003)).astype(float)))
    assert made.states[-1].verdict == "harm"
    assert made.states[-1].estimate == pytest.approx(3, abs=1)
    with pytest.raises(LogError, match=r"row 1: unit 1 is in two groups, now 0, before 1; groups are fixed"):
        made.update(Batch(12, np.array([0, 1]), np.array([0, 0]), np.zeros(2)))
    with pytest.raises(LogError, match=r"row 1 \(unit 9\): value must be 0 or 1, one unit a row; got -1"):
        made.update(Batch(12, np.array([8, 9]), np.array([0, 1]), np.array([0.0, -1.0])))
    with pytest.raises(LogError, match=r"needs units at risk in groups 1 and 0; present: \[0\]"):
        made.update(Batch(12, np.array([8, 10]), np.array([0, 0]), np.zeros(2)))
    with pytest.raises(LogError, match="week 3 comes after week 11"):
        made.update(Batch(3, unit, group, np.zeros(4_000)))
    with pytest.raises(ConfigError, match="treatment: must differ from control"):
        monitor("events_against_control", treatment=0)


def test_counts_cross_the_boundary_as_often_as_spending_allows_and_hardly_less() -> None:
    """Against a Monte Carlo of 200,000 paths; the last look spends what discreteness left."""
    rows, limit = np.full(8, 500.0), 0.004
    allowed = spent(np.arange(1, 9) / 8, 0.05, 1, "obf")
    bound = count_boundaries(rows, allowed, limit)
    paths = np.cumsum(np.random.default_rng(1).binomial(500, limit, (200_000, 8)), axis=1)
    crossed = np.logical_or.accumulate(paths >= bound, axis=1).mean(axis=0)
    assert (crossed <= allowed + 4 * np.sqrt(allowed / 200_000)).all()
    one_less = np.logical_or.accumulate(paths >= bound - np.array([0] * 7 + [1]), axis=1).mean(axis=0)
    assert crossed[-1] > 0.035
    assert one_less[-1] > 0.05


def test_a_single_look_is_the_exact_binomial_test() -> None:
    bound = count_boundaries(np.array([1_000.0]), np.array([0.05]), 0.0025)
    assert bound[0] == binom.isf(0.05, 1_000, 0.0025) + 1


def test_weeks_between_planned_looks_never_stop_and_the_plan_ends() -> None:
    made = monitor("planned_binomial", limit=0.01, weeks=4, looks=[2, 4])
    verdicts, reasons = [], []
    for week in range(5):
        events = (np.arange(100) < (3 if week == 0 else 0)).astype(np.float64)
        state = made.update(Batch(week, np.arange(100) + 100 * week, 0, events))
        verdicts.append(state.verdict)
        reasons.append(state.reason)
    assert verdicts == ["continue"] * 4 + ["refused"]
    assert reasons[0] == "between looks"
    assert reasons[4] == "the plan ended after 4 weeks"
    with pytest.raises(LogError, match="week 5, row 0: unit 3 comes a second time; each unit enters once"):
        made.update(Batch(5, np.array([3]), 0, np.zeros(1)))
    for looks in ([], [0, 2], [3, 2], [2, 2], [5]):
        with pytest.raises(ConfigError, match=r"looks: must rise within 1\.\.4 weeks elapsed"):
            monitor("planned_binomial", limit=0.01, weeks=4, looks=looks)
