"""The table of 104 behavioural features: complete, finite, computed from a customer's own past alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.acting import record
from experiments.behaviour import History, groups, history_of
from experiments.behaviour_table import LABEL, at_risk, behavioural_table, feature_catalogue, features104, late_within
from rage_env.cohort import CohortEnv
from rage_env.errors import LogError
from rage_env.interface import Observation, observe
from rage_env.log import WeekLog

PUBLISHED = {"salary": 12, "savings": 10, "spending": 15, "payment": 12, "cash": 8, "transactions": 10, "derived": 37}
N = 3_000


@cache
def lived() -> tuple[tuple[WeekLog, ...], Observation, tuple[WeekLog, ...], tuple[str, ...]]:
    """Sixteen weeks of history, what is observed then, and the four weeks after it."""
    env = CohortEnv(N, "pre_delinquency", keep_burn_in=True)
    seen = now = observe(*env.reset(seed=4))
    nobody, probs = np.zeros(N, np.int64), np.tile(np.eye(1, 4, dtype=np.float32), (N, 1))
    after = []
    for _ in range(4):
        obs, _, _, _, info = env.step(nobody)
        after.append(record(now, probs, nobody, env))
        now = observe(obs, info)
    return tuple(env.burn_in_logs), seen, tuple(after), env.features.names


def history() -> History:
    logs, seen, _, names = lived()
    return history_of(logs, seen, names)


def by_hand(**series: Sequence[float]) -> History:
    """One customer's eight weeks; series not given are 0."""
    names = history().series
    full = {name: np.array(series.get(name, [0.0] * 8), np.float64)[:, None] for name in names}
    return History(8, np.array([7]), np.ones(1, np.bool_), np.ones((8, 1), np.bool_), full)


def test_there_are_104_features_in_the_seven_published_groups_each_with_name_unit_and_meaning() -> None:
    assert {group: len(features) for group, features in groups().items()} == PUBLISHED
    catalogue = feature_catalogue()
    assert len(catalogue) == catalogue["name"].nunique() == 104
    assert (catalogue[["unit", "meaning"]].map(len) > 0).all(axis=None)
    assert list(features104(history()).columns) == catalogue["name"].tolist()


def test_every_value_is_finite_and_no_feature_is_the_same_for_all() -> None:
    table = features104(history())
    assert table.shape == (N, 104)
    assert np.isfinite(table.to_numpy()).all()
    same = [name for name in table if table[name].nunique() == 1]
    assert not same


def test_features_are_what_their_names_say() -> None:
    table = features104(
        by_hand(
            salary_usd=[0, 2000, 0, 0, 0, 1500, 0, 0],
            salary_delay_days=[0, 0, 0, 0, 0, 9, 0, 0],
            savings_usd=[800, 700, 600, 500, 400, 300, 200, 100],
            spend_usd=[100] * 4 + [200] * 4,
            transactions=[2] * 4 + [5] * 4,
            failed_debits=[0, 0, 0, 1, 0, 0, 2, 1],
            late=[0, 0, 0, 0, 0, 1, 0, 0],
            months_late=[0, 0, 0, 0, 0, 1, 1, 1],
            atm_usd=[0, 0, 0, 40, 0, 0, 80, 0],
        )
    ).iloc[0]
    assert table["salary_last_usd"] == 1500
    assert table["salary_change"] == pytest.approx(-0.25)
    assert table["salary_since_weeks"] == 3
    assert table["salary_late_share"] == 0.5
    assert table["savings_drawdown_8w"] == pytest.approx(0.875)
    assert table["savings_trend_8w"] == pytest.approx(-100)
    assert table["savings_falling_weeks_8w"] == 7
    assert table["spend_change_4w"] == pytest.approx(1.0)
    assert table["ticket_4w_usd"] == pytest.approx(40.0)
    assert table["failed_debits_4w"] == 3
    assert table["failed_debits_8w"] == 4
    assert table["late_since_weeks"] == 3
    assert table["late_and_failed_debits"] == 3
    assert table["atm_change_4w"] == pytest.approx(1.0)
    assert table["sign_streak_weeks"] == 3
    assert table["signs_8w"] == 3


def test_the_label_is_a_payment_missed_in_the_four_weeks_ahead() -> None:
    logs, seen, after, names = lived()
    table = behavioural_table(logs, seen, names, outcome=after)
    late = np.sum([log.columns["late"] for log in after], axis=0)
    assert (table[LABEL].to_numpy() == (late[seen.present] > 0)).all()
    assert (late <= 1).all()


def test_nothing_of_the_weeks_ahead_enters_a_feature() -> None:
    logs, seen, after, names = lived()
    table = behavioural_table(logs, seen, names, outcome=after)
    scrambled = [replace(a, columns={c: 1 - v if c == "late" else v for c, v in a.columns.items()}) for a in after]
    other = behavioural_table(logs, seen, names, outcome=scrambled)
    assert (table[LABEL] != other[LABEL]).any()
    assert table.drop(columns=LABEL).equals(other.drop(columns=LABEL))


def test_the_panel_holds_who_is_in_arrears_or_shows_signs_and_nobody_in_default() -> None:
    features = features104(history())
    panel = at_risk(features)
    in_default = (features["in_default"] > 0).to_numpy()
    assert not panel[in_default].any()
    assert panel[((features["months_late"] > 0).to_numpy()) & ~in_default].all()
    logs, seen, _, names = lived()
    assert len(behavioural_table(logs, seen, names, only_at_risk=True)) == (panel & seen.present).sum()


def test_a_newcomer_in_a_slot_inherits_nothing_from_who_lived_there() -> None:
    logs, seen, _, names = lived()
    ids = seen.user_id.copy()
    ids[:10] += N
    table = features104(history_of(logs, replace(seen, user_id=ids), names))
    assert not table.iloc[:10][["spend_mean_8w_usd", "salary_last_usd", "late_payments"]].any(axis=None)
    assert table.iloc[10:]["spend_mean_8w_usd"].any()


def test_a_short_or_broken_history_is_refused_with_the_week_that_is_wrong() -> None:
    logs, seen, after, names = lived()
    with pytest.raises(LogError, match="needs at least 8 weeks of history, got 7"):
        history_of(logs[-7:], seen, names)
    with pytest.raises(LogError, match="where week -7 belongs stands week -6"):
        history_of([*logs[:9], logs[10], *logs[10:]], seen, names)
    with pytest.raises(LogError, match="needs weeks 0 to 3"):
        late_within(history(), after[:3])


def test_a_world_without_a_bank_is_refused_by_the_signals_it_lacks() -> None:
    env = CohortEnv(50, "fintech", keep_burn_in=True)
    seen = observe(*env.reset(seed=1))
    with pytest.raises(LogError, match=r"shows no salary_usd.*bank_account and delinquency"):
        history_of(env.burn_in_logs, seen, env.features.names)


def test_signals_of_a_week_are_those_of_that_week_and_not_of_the_one_before() -> None:
    env = CohortEnv(200, "pre_delinquency", keep_burn_in=True)
    seen = observe(*env.reset(seed=2))
    told = history_of(env.burn_in_logs, seen, env.features.names)
    now: NDArray[np.float32] = env.lives.more["savings_usd"]
    assert told.last("savings_usd", 1)[0] == pytest.approx(now, rel=1e-5)
