"""Late columns count by a rule that has a name: what each keeps, and that both are right where the obvious is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from experiments.delayed import known_by
from experiments.evaluation import evaluate_log
from experiments.log_source import Reading, open_source
from rage_env.errors import InputError
from rage_env.log import CohortLog, LogMeta, Reports, WeekLog
from rage_env.outcomes import DELAYED, IMMEDIATE

WEEKS, USERS = 8, 500
SHARE = (0.0, 0.5, 0.8, 1.0)  # of a week's losses known when it is 0, 1, 2, 3 weeks old
FRAUD = DELAYED.index("loss_fraud")


def story(seed: int = 0) -> CohortLog:
    """Two arms at random; arm 1 loses $4 more to fraud on average, reported one to three weeks late by SHARE."""
    rng = np.random.default_rng(seed)
    weeks, parts = [], []
    users = np.arange(USERS)
    for week in range(WEEKS):
        arm = rng.integers(0, 2, USERS)
        columns = {c: np.zeros(USERS, np.float32) for c in IMMEDIATE}
        columns["revenue_gross"] = np.full(USERS, 10, np.float32)
        half = np.full(USERS, 0.5, np.float32)
        features = np.zeros((USERS, 0), np.float32)
        weeks.append(
            WeekLog(week, users, users, np.ones(USERS, np.bool_), arm, half, features, columns, np.stack([half] * 2, 1))
        )
        loss = rng.exponential(1 + 4 * arm).astype(np.float32)
        delay = 1 + (rng.random((USERS, 1)) > np.array(SHARE[1:])).sum(axis=1)
        code = np.full(USERS, FRAUD, np.int8)
        parts.append(Reports(users, np.full(USERS, week, np.int32), (week + delay).astype(np.int32), code, loss))
    meta = LogMeta(("no_offer", "bonus"), (), reported_share=dict.fromkeys(DELAYED, SHARE))
    return CohortLog(meta, tuple(weeks), Reports.concat(parts))


def effect(table: pa.Table) -> float:
    arm, loss = (np.asarray(table[c].to_numpy()) for c in ("arm", "loss_fraud"))
    return float(loss[arm == 1].mean() - loss[arm == 0].mean())


def test_matured_rows_alone_are_those_whose_losses_are_all_known() -> None:
    log = story()
    found = known_by(log, "matured_only", 5)
    assert np.unique(found.table["week"].to_numpy()).tolist() == [0, 1, 2]
    settled = log.as_of().filter(pa.array(np.asarray(log.as_of()["week"].to_numpy()) <= 2))
    np.testing.assert_array_equal(found.table["loss_fraud"].to_numpy(), settled["loss_fraud"].to_numpy())
    assert (
        found.note
        == "as of week 5, delayed columns by matured_only: weeks up to 2 alone, of which all is known after 3"
    )


def test_late_amounts_stand_for_what_is_still_to_come() -> None:
    log = story()
    found = known_by(log, "inverse_reported_share", 5)
    assert np.unique(found.table["week"].to_numpy()).tolist() == [0, 1, 2, 3, 4]
    plain = log.as_of(5)
    for week, share in ((2, 1.0), (3, 0.8), (4, 0.5)):
        here, there = (t.filter(pa.array(np.asarray(t["week"].to_numpy()) == week)) for t in (found.table, plain))
        np.testing.assert_allclose(here["loss_fraud"].to_numpy(), there["loss_fraud"].to_numpy() / share, rtol=1e-6)
        loss = np.asarray(here["loss_fraud"].to_numpy())
        np.testing.assert_allclose(here["reward"].to_numpy(), 10 - loss, rtol=1e-5)


def test_both_rules_are_right_on_average_and_reading_the_log_as_it_stands_is_not() -> None:
    """30 logs, mean effect within 4.5 of its standard errors: luck fails it in 1 of 10,000 (t, 29); control: 10."""
    found = {rule: np.array([effect(known_by(story(s), rule, 7).table) for s in range(30)])
             for rule in ("matured_only", "inverse_reported_share")}  # fmt: skip
    as_it_stands = np.array([effect(story(s).as_of(7)) for s in range(30)])

    def z(values: np.ndarray) -> float:
        return float((values.mean() - 4) / (values.std(ddof=1) / np.sqrt(30)))

    assert abs(z(found["matured_only"])) < 4.5
    assert abs(z(found["inverse_reported_share"])) < 4.5
    assert z(as_it_stands) < -10


def test_the_rule_is_named_in_the_answer(tmp_path: Path) -> None:
    story().write(tmp_path / "log")
    found = evaluate_log(
        tmp_path / "log", metrics=["loss_fraud"], estimators=["snips"], reading=Reading(delayed="matured_only")
    )
    assert found.notes == (
        "as of week 7, delayed columns by matured_only: weeks up to 4 alone, of which all is known after 3",
    )
    assert "matured_only" in found.to_json()
    assert open_source(tmp_path / "log").notes == ()


@pytest.mark.parametrize(
    ("rule", "week", "says"),
    [
        ("mature", None, "rule must be one of settled, matured_only, inverse_reported_share; got 'mature'"),
        ("settled", 3, "settled is how the log ended"),
        ("matured_only", 99, "as of week 99: the log has weeks 0 to 7"),
        ("matured_only", 2, "nothing is matured: amounts take up to 3 weeks, and the log begins in week 0"),
        ("inverse_reported_share", 0, "no week has 25% of its losses reported"),
    ],
)
def test_a_date_or_rule_that_says_nothing_is_refused(rule: str, week: int | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        known_by(story(), rule, week)


def test_a_log_that_does_not_say_how_late_things_are_is_refused() -> None:
    bare = CohortLog(LogMeta(("no_offer", "bonus"), ()), story().weeks)
    with pytest.raises(InputError, match="the log does not say how late loss_fraud"):
        known_by(bare, "matured_only")
