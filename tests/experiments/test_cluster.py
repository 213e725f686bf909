"""Tasks on a Ray cluster give what processes give."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import experiments
from experiments import report
from experiments.away import brought_from
from experiments.cli import main
from experiments.executor import RayCluster, at_hand, map_tasks
from experiments.seal import SEAL, changed, seal
from experiments.streaming import evaluate_stream, open_stream
from experiments.streaming.command import plain_policies
from rage_env import config_text, scenario
from rage_env.errors import ConfigError, RunError, UnknownNameError
from tests.experiments.lost.folders import contents, tiny
from tests.experiments.test_executor import misnamed, refuse_two, slow_first, where

LOCAL = RayCluster("local")


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """One cluster of two CPUs for all tests, since it takes seconds to start."""
    with at_hand(LOCAL, workers=2):
        yield


@pytest.mark.usefixtures("ray_here")
def test_a_cluster_answers_as_processes_do_in_order_on_one_thread_each_and_with_the_same_errors() -> None:
    alone = list(map_tasks(slow_first, range(5), workers=1))
    assert list(map_tasks(slow_first, range(5), executor=LOCAL)) == alone
    few_at_a_time = map_tasks(slow_first, iter(range(5)), executor=LOCAL)
    assert list(few_at_a_time) == alone
    seen: list[tuple[int, int]] = []
    assert list(map_tasks(refuse_two, [5, 6, 7], executor=LOCAL, on_done=lambda i, r: seen.append((i, r)))) == [5, 6, 7]
    assert sorted(seen) == [(0, 5), (1, 6), (2, 7)]
    with pytest.raises(RunError, match="two is not wanted"):
        list(map_tasks(refuse_two, [1, 2, 3], executor=LOCAL))
    with pytest.raises(UnknownNameError, match="did you mean 'random'"):
        list(map_tasks(misnamed, [1], executor=LOCAL))
    with pytest.raises(ConfigError, match=r"connected to the Ray cluster at 127\.0\.0\.1:\d+; call ray\.shutdown"):
        list(map_tasks(where, range(2), executor=RayCluster("127.0.0.1:1")))
    for pid, variables, blas in map_tasks(where, range(2), executor=LOCAL):
        assert pid != os.getpid()
        assert set(variables) == {"1"}
        assert set(blas) <= {1}


@pytest.mark.usefixtures("ray_here")
def test_a_study_on_a_cluster_has_the_bytes_of_one_in_this_process_and_leaves_nothing_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    world = tmp_path / "mine.yaml"  # a file that nodes do not have
    world.write_text("extends: fintech\nname: mine\ndescription: fewer weeks\nburn_in_weeks: 4\n" + SOURCES)
    study = tiny(scenario=str(world), seeds=[1, 2])
    here = experiments.run(study, out=tmp_path / "here", track=False, progress=False)
    away = experiments.run(study, out=tmp_path / "away", track=False, progress=False, executor=LOCAL)
    assert contents(away.path) == contents(here.path)
    assert len(contents(here.path)) > 30


SOURCES = "sources: {burn_in_weeks: assumed}\n"


@pytest.mark.usefixtures("ray_here")
def test_a_log_in_partitions_is_judged_on_a_cluster_with_the_bits_of_threads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for week in range(3):
        n = 60_000
        arm, x = rng.integers(0, 3, n), rng.normal(size=n)
        columns = {"user_id": np.arange(n), "week": np.full(n, week, np.int32), "arm": arm.astype(np.int16)}
        table = pa.table({**columns, "propensity": np.full(n, 1 / 3), "reward": x + arm * x, "x_one": x})
        pq.write_table(table, tmp_path / f"week-{week}.parquet")
    stream, names = open_stream(tmp_path, ["a", "b", "c"]), ["naive", "snips", "dr"]
    threads = evaluate_stream(stream, plain_policies(stream), names, workers=2)
    nodes = evaluate_stream(stream, plain_policies(stream), names, cluster=LOCAL)
    assert threads.to_json(double_precision=15) == nodes.to_json(double_precision=15)
    assert (threads.select_dtypes("number").to_numpy() == nodes.select_dtypes("number").to_numpy()).all()
    told = []
    for where_to in ([], ["--executor", "ray", "--address", "local"]):
        assert main(["evaluate", str(tmp_path), "--stream", "--arms", "a,b,c", "--json", *where_to]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert '"dr"' in told[0]


@pytest.mark.usefixtures("ray_here")
def test_the_commands_of_the_page_on_scale_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "draw", lambda _: ())
    (block,) = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in block.replace("\\\n", "").splitlines():
        program, *words = shlex.split(line)
        assert program == "rage"
        assert main(words) == 0, line
    assert len(list((tmp_path / "results").glob("quickstart-*/runs/*/seed-1/checksums.json"))) == 2


def test_files_come_back_from_elsewhere_whole_and_their_seal_last(tmp_path: Path) -> None:
    def work(folder: Path) -> str:
        assert (folder / "about.json").read_text() == "{}"
        (folder / "runs").mkdir()
        (folder / "runs" / "table").write_bytes(b"1234")
        (folder / ".lock").touch()
        seal(folder / "runs", ["table"])
        return "done"

    brought = brought_from(work, {"about.json": b"{}"})
    assert sorted(brought.files) == [f"runs/{SEAL}", "runs/table"]  # neither what was given nor what is hidden
    assert brought.put_down(tmp_path) == "done"
    assert list(changed(tmp_path / "runs")) == []
    assert brought.files == {}


def test_files_stand_in_for_those_that_another_machine_has(tmp_path: Path) -> None:
    world = tmp_path / "mine.yaml"
    world.write_text("extends: fintech\nname: mine\ndescription: fewer weeks\nburn_in_weeks: 4\n" + SOURCES)
    with config_text.noted() as texts:
        here = scenario.load(str(world))
    world.unlink()
    with config_text.standing_in(texts):
        assert scenario.load(str(world)) == here
    with pytest.raises(ConfigError, match="no such file"):
        scenario.load(str(world))
