"""A log without propensities: those who weigh refuse and say so, those who do not may answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import agents
from experiments import estimators
from experiments.acting import arms_of, problem_of, record
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig, load
from experiments.estimators._discovery import load as made
from experiments.evaluation import evaluate_log
from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, LogWriter, WeekLog, validate_log

TUNED: list[str | dict[str, object]] = [*estimators.names(), {"kind": "dros", "lambda": "slope"}]


@pytest.fixture(scope="module")
def story() -> ExperimentConfig:
    return load("quickstart", [{"users": 600, "weeks": 3}])


@pytest.fixture(scope="module")
def told(story: ExperimentConfig) -> CohortLog:
    """Three weeks under a policy that leans to those at risk, everything logged."""
    env, seen = cohort(story, 1)
    agent = agents.load("risk_biased", arm="cashback")
    agent.start(problem_of(env, story.weeks, story.floor, None))
    weeks: list[WeekLog] = []
    for _ in range(story.weeks):
        probs = agent.decide(seen).probs
        arm = arms_of(env, agent, 1, seen, probs)
        after = live(env, arm)
        weeks.append(record(seen, probs, arm, env))
        seen = after
    assert not weeks[-1].present.all()
    return CohortLog(LogMeta(env.arm_names, env.features.names, 80.0), tuple(weeks))


def asked(log: object, rows: int, specs: list[str | dict[str, object]]) -> pd.DataFrame:
    return estimators.evaluate(log, np.tile(np.eye(6)[2], (rows, 1)), specs).set_index("estimator")


def test_whoever_weighs_refuses_a_log_without_propensities_and_says_why(told: CohortLog) -> None:
    rows = told.as_of().num_rows
    found, open_log = (asked(log, rows, TUNED) for log in (told.without_propensities(), told))
    weighing = [name for name, e in made(TUNED).items() if e.needs_propensity]
    assert {"ips", "snips", "dr", "dros(lambda=slope)"} <= set(weighing)
    for name, line in found.iterrows():
        if name in weighing:
            assert not line["evaluable"], name
            assert line["reason"].startswith("refused: the log withholds its propensities"), name
            assert line[["value", "lower", "upper", "stderr"]].isna().all(), name
        else:
            assert line["value"] == pytest.approx(open_log.loc[str(name), "value"]), name
    assert set(found.index) - set(weighing) == {"naive", "dm", "fqe"}
    assert open_log["value"].notna().all()


def test_the_model_alone_is_marked_as_unchecked(told: CohortLog) -> None:
    rows = told.as_of().num_rows
    assert "unchecked: propensities were withheld" in asked(told.without_propensities(), rows, ["dm"])["reason"].iloc[0]
    assert "unchecked" not in asked(told, rows, ["dm"])["reason"].iloc[0]


def test_differences_and_ratios_of_a_withheld_log_are_refused_alike(told: CohortLog) -> None:
    log, rows = told.without_propensities(), told.as_of().num_rows
    target, none = (np.tile(np.eye(6)[a], (rows, 1)) for a in (2, 0))
    found = estimators.evaluate(log, target, ["dr", "naive"], baseline_probs=none, metric="gmv/active")
    assert found["evaluable"].tolist() == [False, True]


def test_what_was_withheld_is_nowhere_on_disk(told: CohortLog, tmp_path: Path) -> None:
    hidden = told.without_propensities()
    written = hidden.write(tmp_path / "whole")
    with LogWriter(tmp_path / "streamed", told.meta, withhold_propensities=True) as writer:
        for week in told.weeks:
            writer.append(week)
    for folder in (written, tmp_path / "streamed"):
        table = pq.read_table(folder / "log.parquet")
        assert np.isnan(table["propensity"].to_numpy()).all()
        assert not [c for c in table.column_names if c.startswith("prob_")]
        back = CohortLog.read(folder)
        assert all(week.withheld and week.probs is None for week in back.weeks)
        assert [w.arm.tolist() for w in back.weeks] == [w.arm.tolist() for w in told.weeks]
        assert validate_log(back.as_of(), k=6).num_rows == 1_800


@pytest.mark.parametrize("form", ["pandas", "csv", "null"])
def test_an_empty_column_says_withheld_in_every_form_of_a_table(told: CohortLog, tmp_path: Path, form: str) -> None:
    table = told.without_propensities().as_of()
    log: object = table.to_pandas()
    if form == "null":
        log = table.set_column(table.column_names.index("propensity"), "propensity", pa.nulls(table.num_rows))
    elif form == "csv":
        table.to_pandas().to_csv(tmp_path / "log.csv", index=False)
        log = pyarrow.csv.read_csv(tmp_path / "log.csv")
    assert asked(log, table.num_rows, ["ips", "naive"])["evaluable"].tolist() == [False, True]


def test_half_a_propensity_column_is_a_damaged_one(told: CohortLog) -> None:
    table = told.as_of().to_pandas()
    table.loc[7, "propensity"] = np.nan
    with pytest.raises(LogError, match=r"column propensity, row 7: must lie in \(0, 1\]; got nan \(1 such rows\)"):
        asked(table, len(table), ["naive"])
    table["propensity"] = np.nan
    with pytest.raises(LogError, match=r"is empty in every row, yet prob_no_offer, .* stand there"):
        asked(table, len(table), ["naive"])
    one = told.weeks[0]
    with pytest.raises(LogError, match="probs stand beside withheld propensities"):
        WeekLog(**{**vars(one), "propensity": np.full(600, np.nan, np.float32)})


def test_a_report_on_a_withheld_log_names_effects_only_where_nothing_is_weighed(
    told: CohortLog, tmp_path: Path
) -> None:
    report = evaluate_log(told.without_propensities().write(tmp_path / "log"))
    assert {v.estimator for v in report.values if v.evaluable} == {"naive", "dm"}
    refused = [v for v in report.values if v.estimator not in ("naive", "dm")]
    assert refused
    assert all("withholds its propensities" in v.reason for v in refused)
    assert "NaN" not in report.to_json()


def test_estimated_propensities_are_used_only_when_asked_for_and_said_in_every_line() -> None:
    """One log of 20,000 users whom x leads to both arm 1 and reward; estimates within four standard errors."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    chance = 1 / (1 + np.exp(-x))
    arm = (rng.random(20_000) < chance).astype(int)
    log = pd.DataFrame({"user_id": np.arange(20_000), "week": 0, "arm": arm, "propensity": np.nan, "x_one": x})
    log["reward"] = x + 0.5 * arm + rng.normal(size=20_000)
    all_one = np.tile([0.0, 1.0], (20_000, 1))
    found = estimators.evaluate(log, all_one, ["ips", "dr", "snips", "dm"], estimate_propensities=True)
    assert found["reason"].str.contains("estimated propensities: fitted on the features").all()
    assert (np.abs(found["value"] - 0.5) < 4 * found["stderr"]).all()
    unseen = estimators.evaluate(log.drop(columns="x_one"), all_one, ["snips"], estimate_propensities=True).iloc[0]
    assert abs(unseen["value"] - 0.5) > 10 * unseen["stderr"]  # what the features hide, no model knows
    assert estimators.evaluate(log, all_one, ["ips"])["value"].isna().all()
    with pytest.raises(LogError, match="the log has its propensities"):
        estimators.evaluate(log.assign(propensity=0.5), all_one, ["ips"], estimate_propensities=True)
