"""A log lived again: bit for bit under its own policy, with the same luck under another, and told where it is not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments.cli import main
from experiments.config import AgentEntry
from experiments.metrics import paired
from experiments.replay.replay import replay
from experiments.results import Results
from rage_env.errors import LogError, RunError
from rage_env.log import CohortLog
from tests.experiments.lost.folders import tiny

AGENTS = [{"kind": "no_offer"}, {"kind": "random"}, {"kind": "lagrangian_linucb"}, {"kind": "oracle_latent"}]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A study that kept its logs; shared, so tests read it only."""
    config = tiny(agents=AGENTS, users=150, weeks=3)
    return Results.open(experiments.run(config, out=tmp_path_factory.mktemp("kept"), track=False, progress=False).path)


@pytest.mark.parametrize("agent", ["no_offer", "random", "lagrangian_linucb", "oracle_latent"])
def test_the_policy_that_wrote_a_log_decides_the_same_again_bit_for_bit(kept: Results, agent: str) -> None:
    found = replay(kept.run_folder(agent, 1))
    assert (found.same_policy, found.first, found.arms, found.probs) == (True, "", 0, 0)
    assert found.user_weeks == 150 * 3
    assert all(row.difference == 0 or np.isnan(row.difference) for row in found.rows)
    assert found.rows[0].as_logged == pytest.approx(float(str(kept.summary(agent, 1)["value"])), rel=1e-12)


def test_another_policy_meets_the_luck_that_its_own_run_met(kept: Results) -> None:
    found = replay(kept.run_folder("random", 1) / "log", AgentEntry(kind="no_offer"))
    mine = pd.DataFrame(kept.run_table("no_offer", 1, "users"))["value"].to_numpy()
    theirs = pd.DataFrame(kept.run_table("random", 1, "users"))["value"].to_numpy()
    wanted = paired(mine, theirs, 3)
    row = next(r for r in found.rows if r.figure == "value")
    assert (row.difference, row.lower, row.upper) == (wanted.value, wanted.lower, wanted.upper)
    assert row.as_logged == pytest.approx(float(str(kept.summary("random", 1)["value"])))
    assert row.under_policy == pytest.approx(float(str(kept.summary("no_offer", 1)["value"])))
    assert found.arms > 100
    assert found.kept_its_word


def test_users_whose_arms_do_not_change_live_the_same_life(kept: Results) -> None:
    log = CohortLog.read(kept.run_folder("lagrangian_linucb", 1) / "log")
    same = np.all([week.arm == 0 for week in log.weeks], axis=0)
    mine, theirs = (kept.run_table(a, 1, "users")["value"].to_numpy() for a in ("no_offer", "lagrangian_linucb"))
    assert same.any()
    assert (mine[same] == theirs[same]).all()


def rewritten(kept: Results, folder: Path, changed: CohortLog) -> Path:
    shutil.copytree(kept.path, folder)
    log = folder / "runs" / "random" / "seed-1" / "log"
    (log.parent / "checksums.json").unlink()
    changed.write(log)
    return log


def test_decisions_that_are_not_the_policys_own_are_counted_and_the_first_is_named(
    kept: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(CohortLog.read(kept.run_folder("no_offer", 1) / "log"))
    forged = replace(other, meta=replace(other.meta, agent="random"))
    log = rewritten(kept, tmp_path / "forged", forged)
    assert main(["replay", str(log)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "NOT REPRODUCED: the policy that wrote this log decides otherwise now; first in week 0, user" in told


def test_a_log_of_another_world_is_refused_by_the_first_thing_that_differs(kept: Results, tmp_path: Path) -> None:
    log = CohortLog.read(kept.run_folder("random", 1) / "log")
    week = log.weeks[1]
    gmv = week.columns["gmv"].copy()
    gmv[7] += 1
    weeks = (log.weeks[0], replace(week, columns={**week.columns, "gmv": gmv}), log.weeks[2])
    folder = rewritten(kept, tmp_path / "moved", replace(log, weeks=weeks))
    with pytest.raises(RunError, match=rf"week 1, user {week.user_id[7]}: gmv was .*, is .*not the same luck"):
        replay(folder)


def test_a_world_whose_file_has_changed_is_refused_before_anything_is_lived(kept: Results, tmp_path: Path) -> None:
    log = CohortLog.read(kept.run_folder("random", 1) / "log")
    moved = replace(log.meta, provenance={**log.meta.provenance, "scenario_hash": "0" * 64})
    with pytest.raises(LogError, match="the world fintech has changed since this log was written"):
        replay(rewritten(kept, tmp_path / "changed", replace(log, meta=moved)))


def test_the_command_prints_rows_as_json_from_a_run_folder_or_a_log(
    kept: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept.run_folder("random", 1)
    said = []
    for path in (folder, folder / "log", folder / "log" / "log.parquet"):
        assert main(["replay", str(path), "--policy", "blanket", "--param", "arm=nudge", "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1] == said[2]
    assert said[0]["policy"] == "blanket"
    assert {"value", "net_revenue", "weeks_violated", "violated.loss_rate"} <= {r["figure"] for r in said[0]["rows"]}
    assert said[0]["provenance"]["packages"]["numpy"] == np.__version__


WRONG = [
    (["--policy", "lagrangian_linucv"], "did you mean 'lagrangian_linucb'"),
    (["--policy", "blanket", "--param", "arm=nudgee"], "nudgee"),
    (["--param", "arm=nudge"], "say of which with --policy"),
]


@pytest.mark.parametrize(("options", "told"), WRONG)
def test_a_policy_that_cannot_be_is_told(
    kept: Results, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(kept.run_folder("random", 1)), *options]) == 2
    assert told in capsys.readouterr().err


def test_what_is_no_log_of_one_run_is_told_what_to_give_instead(kept: Results, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="give the log of one run, such as"):
        replay(kept.path)
    with pytest.raises(LogError, match="no decision log"):
        replay(tmp_path)
    (tmp_path / "summary.json").touch()
    with pytest.raises(LogError, match="run the study again with keep_logs=true"):
        replay(tmp_path)
    log = CohortLog.read(kept.run_folder("random", 1) / "log")
    replace(log, meta=replace(log.meta, provenance={})).write(tmp_path / "plain")
    with pytest.raises(LogError, match="does not say of which experiment"):
        replay(tmp_path / "plain")


def test_the_log_of_a_group_that_lived_beside_others_is_refused_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(mode="ab", ab={"salt": "mine"}, users=400, monitors=[])
    study = experiments.run(config, out=tmp_path, track=False, progress=False).path
    log = next(study.glob("runs/random/seed-1/log"))
    for policy in ([], ["--policy", "no_offer"]):
        assert main(["replay", str(log), *policy]) == 2
        told = capsys.readouterr().err
        assert f"error: {log}: is of one group of an A/B study, whose users lived beside the other groups" in told
        assert "replay takes logs of mode paired" in told
        assert "rage run --check" in told
