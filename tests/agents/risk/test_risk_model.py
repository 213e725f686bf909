from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from agents.beliefs.trees import Growth
from agents.risk import RiskModel, RiskSettings, fit_risk, fraud_cases, late_cases, reliability
from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, Reports, WeekLog
from rage_env.outcomes import DELAYED, IMMEDIATE

NAMES = ("stress", "noise", "signs")
QUICK = RiskSettings(growth=Growth(trees=40, least_rows=40), folds=3, isolation_trees=20)


def _borrowers(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    event = rng.random(rows) < expit(-3.0 + 1.5 * x[:, 0] + 1.0 * (x[:, 2] > 1))
    return x, event, np.arange(rows) // 2


def test_a_model_ranks_and_can_be_taken_at_its_word_on_users_it_never_saw() -> None:
    model = fit_risk(*_borrowers(8_000, 0), NAMES, QUICK)
    x, event, _ = _borrowers(20_000, 1)
    chance = model.chance(x)
    assert np.corrcoef(chance, expit(-3.0 + 1.5 * x[:, 0] + 1.0 * (x[:, 2] > 1)))[0, 1] > 0.9
    gaps = [abs(b.came - b.told) for b in reliability(chance, event)]
    assert max(gaps) < 0.06
    raw = expit(4.0 * model.trees.predict(np.concatenate([x, model.isolation.score(x)[:, None]], 1).astype(np.float32)))
    assert max(abs(b.came - b.told) for b in reliability(raw, event)) > 0.15  # odds that boast are found out


def test_dearer_misses_flag_more_people_and_cost_less_than_flagging_all_or_none() -> None:
    rows = _borrowers(8_000, 2)
    models = [fit_risk(*rows, NAMES, replace(QUICK, weight=w)) for w in (2.0, 25.0)]
    flagged = [float(m.flagged(rows[0]).mean()) for m in models]
    assert flagged[0] < flagged[1] < 1
    for model in models:
        assert model.threshold.cost < min(model.threshold.cost_of_all, model.threshold.cost_of_none)
    sharp = fit_risk(*rows, NAMES, replace(QUICK, weight=25.0, least_precision=0.3)).threshold
    assert sharp.precision >= 0.3 > models[1].threshold.precision


def test_a_saved_model_gives_the_same_chances_and_is_json_beside_plain_arrays() -> None:
    x, event, users = _borrowers(3_000, 3)
    model = fit_risk(x, event, users, NAMES, replace(QUICK, calibration="platt"))
    arrays, facts = model.save()
    assert all(a.dtype != object for a in arrays.values())
    again = RiskModel.load({k: np.array(v, copy=True) for k, v in arrays.items()}, json.loads(json.dumps(facts)))
    assert np.array_equal(model.chance(x), again.chance(x))
    assert again.threshold == model.threshold
    assert again.reliability() == model.reliability()


def test_rows_that_do_not_fit_are_refused_with_row_and_feature() -> None:
    x, event, users = _borrowers(500, 4)
    with pytest.raises(LogError, match="needs at least 20 rows with the event"):
        fit_risk(x, np.zeros(500, np.bool_), users, NAMES, QUICK)
    with pytest.raises(LogError, match=r"features have shape \(500, 3\), 2 names"):
        fit_risk(x, event, users, NAMES[:2], QUICK)
    x[7, 2] = np.inf
    with pytest.raises(LogError, match="row 7: signs is not finite"):
        fit_risk(x, event, users, NAMES, QUICK)


def _week(week: int, late: list[int], gone: int | None = None) -> WeekLog:
    columns = {c: np.zeros(4, np.float32) for c in IMMEDIATE}
    columns["late"][late] = 1
    present = np.arange(4) != gone
    one = np.ones(4, np.float32)
    features = np.full((4, 1), week, np.float32)
    return WeekLog(week, np.arange(4), np.arange(4), present, np.zeros(4, np.int64), one, features, columns)


def test_a_label_looks_at_its_window_and_no_further() -> None:
    weeks = [_week(0, []), _week(1, [2]), _week(2, [0], gone=3), _week(3, [1])]
    cases = late_cases(weeks, window_weeks=2)
    told = {(int(w), int(u)): bool(e) for w, u, e in zip(cases.week, cases.user_id, cases.event, strict=True)}
    assert {key for key, event in told.items() if event} == {(0, 2), (1, 2), (1, 0), (2, 0), (2, 1)}
    assert set(cases.week.tolist()) == {0, 1, 2}
    assert (2, 3) not in told  # had left
    with pytest.raises(LogError, match="no week is followed by 3 more"):
        late_cases(weeks[:2])


def test_fraud_that_is_not_yet_told_labels_nobody_and_young_weeks_are_left_out() -> None:
    code = np.full(2, DELAYED.index("chargebacks"), np.int8)
    reports = Reports(
        np.array([1, 2]), np.array([0, 0], np.int32), np.array([2, 9], np.int32), code, np.ones(2, np.float32)
    )
    log = CohortLog(LogMeta(("no_offer",), ("x",), 80.0), tuple(_week(w, []) for w in range(6)), reports)
    share = dict.fromkeys(DELAYED, np.array([0.0, 0.5, 0.95, 1.0]))
    early, later = fraud_cases(log, share, as_of=5, window_weeks=1), fraud_cases(log, share, as_of=9, window_weeks=1)
    assert set(early.week.tolist()) == {0, 1, 2, 3}
    assert early.user_id[early.event].tolist() == [1]
    assert later.user_id[later.event].tolist() == [1, 2]
    with pytest.raises(LogError, match="the newest that could is -1"):
        fraud_cases(log, share, as_of=1, window_weeks=1)
