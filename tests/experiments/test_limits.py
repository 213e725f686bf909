"""`rage evaluate` with a limit: certificates of plain policies, ratios by name, and what is asked for wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.cli import main
from experiments.evaluation import evaluate_log
from experiments.limits import Limits
from experiments.log_source import open_source
from experiments.ratio_metrics import RATIOS, loggable, spelt
from rage_env.errors import ConfigError
from rage_env.log import CohortLog
from rage_env.outcomes import COLUMNS
from tests.experiments.test_evaluation import folder


def test_every_plain_policy_of_a_log_gets_its_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder(tmp_path))  # nothing was ever lost
    asked = ["--metric", "loss/active", "--limit", "0.5", "--max-loss", "1", "--floor", "0.01"]
    assert main(["evaluate", path, *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["certificates"]
    assert {row["policy"] for row in told} >= {"no_offer for all", "as logged", "uniform"}
    assert {row["certificate"]["answer"] for row in told} <= {"certified", "uninformative"}
    assert main(["evaluate", path, *asked]) == 0
    assert "certificate, loss / active <= 0.5 at alpha 0.05" in capsys.readouterr().out


def test_ratios_stand_beside_values_with_intervals_of_their_own(tmp_path: Path) -> None:
    report = evaluate_log(folder(tmp_path))
    nrpau = [row for row in report.ratios if row.metric == "nrpau = net_revenue/active"]
    assert {row.estimator for row in nrpau} == {"snips", "dr"}
    assert all(row.lower < row.value < row.upper for row in nrpau)
    assert not [row for row in report.ratios if row.metric.startswith("loss_rate")]  # nothing was ever lost


def test_names_of_ratios_are_written_out_and_offered_only_where_their_columns_are() -> None:
    assert spelt("nrpau") == "net_revenue/active"
    assert spelt("spend/visit") == "spend/visit"
    assert set(loggable(COLUMNS)) == set(RATIOS)
    assert list(loggable(["chargebacks", "transactions"])) == ["chargeback_rate"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--limit", "0.1"], "--limit: of what? Name the rate with --metric"),
        (["--floor", "0.1"], "--floor: belongs to a limit"),
        (["--metric", "loss/active", "--limit", "0.1", "--max-loss", "1"], "--floor: the log does not say"),
        (["--metric", "loss/active", "--limit", "0.1", "--floor", "0.1"], "--max-loss: the most that loss can be"),
        (["--guardrail", "loss_rate", "--floor", "0.1"], "--guardrail: the log names no world of ours"),
        (["--metric", "los/active", "--limit", "0.1", "--max-loss", "1", "--floor", "0.1"], "did you mean 'loss"),
        (["--metric", "loss/active", "--limit", "-1", "--max-loss", "1", "--floor", "0.1"], "limit: must be"),
    ],
)
def test_what_a_certificate_lacks_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert main(["evaluate", str(folder(tmp_path)), *options]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_limit_of_its_own_and_a_guardrail_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="give one of the two"):
        Limits.of("loss/gmv", 0.1, "loss_rate")


def test_a_guardrail_of_the_logs_world_brings_its_limit_and_the_bound_that_the_world_enforces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = CohortLog.read(folder(tmp_path))
    path = replace(read, meta=replace(read.meta, scenario="fintech")).write(tmp_path / "ours")
    assert main(["evaluate", str(path), "--guardrail", "bonus_budget", "--floor", "0.01", "--max-loss", "25"]) == 0
    assert "bonus_cost / present <= 0.04" in capsys.readouterr().out
    source = open_source(path)
    rule = Limits.of(None, None, "loss_rate", floor=0.01)
    assert rule is not None
    assert rule.claim(source, 0.05).most == 2504.0  # of the arm that can lose most
    assert main(["evaluate", str(path), "--guardrail", "bonus_budget", "--floor", "0.01"]) == 2
    assert "--max-loss: the most that bonus_cost can be" in capsys.readouterr().err
    assert main(["evaluate", str(path), "--guardrail", "los_rate", "--floor", "0.01"]) == 2
    assert "did you mean 'loss_rate'" in capsys.readouterr().err


def test_a_mapping_by_design_brings_its_least_propensity(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("\n".join(["arm,y", *(f"{'ab'[i % 4 > 0]},{i % 2}" for i in range(800))]))
    (tmp_path / "m.yaml").write_text(
        "name: f\nsource: made up\nfile: f.csv\narm_column: arm\n"
        "arms: [{name: a, value: a, propensity: 1/4}, {name: b, value: b, propensity: 3/4}]\n"
        "outcomes: [{name: y, unit: 0/1}]\n"
    )
    rule = Limits.of("y", 0.9, None, max_loss=1.0)
    assert rule is not None
    assert rule.claim(open_source(tmp_path / "m.yaml"), 0.05).floor == 0.25


def test_an_interval_of_ones_choice_reaches_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder(tmp_path))
    told = {}
    for kind in ("influence", "bca"):
        asked = ["evaluate", path, "--metric", "reward", "--estimator", "snips", "--interval", kind, "--json"]
        assert main(asked) == 0
        told[kind] = [(row["value"], row["lower"]) for row in json.loads(capsys.readouterr().out)["values"]]
    assert [v for v, _ in told["influence"]] == [v for v, _ in told["bca"]]
    assert [low for _, low in told["influence"]] != [low for _, low in told["bca"]]
    assert main(["evaluate", path, "--interval", "boot"]) == 2
    assert "no interval is called 'boot'" in capsys.readouterr().err
