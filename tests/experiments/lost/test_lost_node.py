"""A cluster of three nodes loses one in the middle of the work, by SIGKILL; the work ends, and not a byte differs."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import experiments
from experiments import report
from experiments.config import ExperimentConfig
from experiments.executor import RayCluster, cluster
from experiments.lock import only_writer
from experiments.streaming import evaluate_stream, open_stream
from experiments.streaming.blocks import BLOCK
from experiments.streaming.command import plain_policies
from experiments.sweeps import cells
from experiments.sweeps.run import sweep
from experiments.threads import environment
from rage_env.errors import RunError
from tests.experiments.lost.folders import contents, tiny
from tests.experiments.lost.test_stops import LONG, rage, until
from tests.experiments.sweeps.test_sweep import SWEEP

pytestmark = pytest.mark.slow

Node = Any  # of Ray, which has no types


class Three:
    """A head and two further nodes of one CPU each, on 127.0.0.1."""

    def __init__(self) -> None:
        made: Any = importlib.import_module("ray.cluster_utils")
        small = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
        self.ray = made.Cluster(initialize_head=True, head_node_args=small)
        self.nodes: list[Node] = [self.ray.add_node(**small) for _ in range(2)]
        self.address = RayCluster(self.ray.address)

    def kill_a_node_at_work(self) -> None:
        """End a node with everything on it while it works on a task; the test fails where it never does."""
        at_work: list[tuple[int, list[int]]] = []

        def found() -> bool:
            at_work[:] = [(raylet, busy) for raylet in map(_raylet, self.nodes) if (busy := _busy(raylet))]
            return bool(at_work)

        until(found, "a task on one of the nodes")
        for process in (at_work[0][0], *at_work[0][1]):
            os.kill(process, signal.SIGKILL)


def _raylet(node: Node) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _busy(raylet: int) -> list[int]:
    """Its workers that are at a task of ours just now."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and (place / "cmdline").read_bytes().startswith(b"ray::attempt"):
                found.append(int(place.name))
        except (OSError, ValueError):  # it has just ended
            continue
    return found


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[Three]:
    monkeypatch.setattr(report, "draw", lambda _: ())
    with environment(cluster._VARIABLES | cluster._LOOPBACK):
        nodes = Three()
        yield nodes
        nodes.ray.shutdown()


def study(**changes: object) -> ExperimentConfig:
    """Eight runs of a few seconds each."""
    fields = {"users": 3_000, "weeks": 40, "seeds": "1..4", "oracle": {"every_weeks": 0, "users_fit": 1_000}}
    return tiny(**{**fields, "keep_logs": False, **changes})


def after_the_first_run(out: Path, act: Callable[[], None]) -> threading.Thread:
    """Does it in a thread as soon as one run of a study below `out` is whole."""

    def wait() -> None:
        until(lambda: list(out.glob("*/runs/*/*/checksums.json")), "the first run", 300)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_study_ends_with_the_same_bytes_though_a_node_was_killed(three: Three, tmp_path: Path) -> None:
    here = experiments.run(study(), out=tmp_path / "here", track=False, progress=False)
    killer = after_the_first_run(tmp_path / "away", three.kill_a_node_at_work)
    away = experiments.run(study(), out=tmp_path / "away", track=False, progress=False, executor=three.address)
    killer.join()
    assert contents(away.path) == contents(here.path)


def test_a_study_that_gives_a_lost_task_no_second_chance_stops_and_goes_on_in_processes(
    three: Three, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-wrong way, so that the kill is seen to hit."""
    monkeypatch.setattr(cluster, "_DEATHS", 0)
    killer = after_the_first_run(tmp_path, three.kill_a_node_at_work)
    with pytest.raises(RunError, match="was lost with its worker"):
        experiments.run(study(), out=tmp_path, track=False, progress=False, executor=three.address)
    killer.join()
    kept = len(list(tmp_path.glob("*/runs/*/*/checksums.json")))
    assert 1 <= kept < 8
    whole = experiments.run(study(), out=tmp_path / "here", track=False, progress=False)
    (folder,) = tmp_path.glob("quickstart-*")
    assert contents(experiments.run(study(), out=tmp_path, track=False, progress=False).path) == contents(whole.path)
    assert folder.name == whole.path.name


def test_a_log_in_partitions_is_judged_with_the_same_bits_though_a_node_was_killed(
    three: Three, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for week in range(12):
        arm, x = rng.integers(0, 3, BLOCK), rng.normal(size=(BLOCK, 3))
        columns = {"user_id": np.arange(BLOCK), "week": np.full(BLOCK, week, np.int32), "arm": arm.astype(np.int16)}
        named = {f"x_{i}": x[:, i] for i in range(3)}
        reward = x[:, 0] + arm * x[:, 1]
        table = pa.table({**columns, "propensity": np.full(BLOCK, 1 / 3), "reward": reward, **named})
        pq.write_table(table, tmp_path / f"week-{week:02d}.parquet")
    stream, names = open_stream(tmp_path, ["a", "b", "c"]), ["naive", "dm", "snips", "dr"]
    threads = evaluate_stream(stream, plain_policies(stream), names, workers=2)
    killed: list[str] = []

    def tell(doing: str, done: int, rows: int) -> None:
        if doing == "summing" and not killed:
            killed.append(f"after {done} of {rows} rows")
            three.kill_a_node_at_work()

    nodes = evaluate_stream(stream, plain_policies(stream), names, cluster=three.address, tell=tell)
    assert killed == [f"after {BLOCK} of {12 * BLOCK} rows"]
    here, away = (found.select_dtypes("number").to_numpy() for found in (threads, nodes))
    assert np.array_equal(here, away, equal_nan=True)


def test_a_sweep_on_nodes_has_the_files_of_one_in_processes_and_tells_the_same_failures(
    three: Three, tmp_path: Path
) -> None:
    import yaml

    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(SWEEP, sort_keys=False))
    grid = cells.load(file)
    here = sweep(grid, out=tmp_path / "here", workers=1, track=False, progress=False)
    away = sweep(grid, out=tmp_path / "away", workers=1, track=False, progress=False, executor=three.address)
    assert [f.cell for f in away.failures] == [f.cell for f in here.failures]
    assert [f.reason for f in away.failures] == [f.reason for f in here.failures]
    ours, theirs = ({p.name: contents(p) for p in s.path.iterdir() if p.is_dir()} for s in (here, away))
    assert theirs == ours
    assert sum(len(files) > 10 for files in ours.values()) == 4
    for table in ("leaderboard.csv", "comparisons.csv", "failures.json"):
        assert (away.path / table).read_bytes() == (here.path / table).read_bytes()


def test_groups_of_one_population_are_the_same_on_nodes(three: Three, tmp_path: Path) -> None:
    alarm = {"kind": "ratio_betting", "metric": "loss_rate", "alpha": 0.05, "ages": [4]}
    groups = [{"kind": "random"}, {"kind": "status_quo"}]
    ab = {"salt": "nodes", "control": 0.3}
    config = tiny(mode="ab", ab=ab, users=400, seeds=[1, 2], agents=groups, monitors=[alarm])
    here = experiments.run(config, out=tmp_path / "here", track=False, progress=False)
    away = experiments.run(config, out=tmp_path / "away", track=False, progress=False, executor=three.address)
    assert contents(away.path) == contents(here.path)
    assert away.verdicts.equals(here.verdicts)
    assert len(here.verdicts)


def processes_of(place: str) -> list[int]:
    """Living processes that were told of this folder."""
    found = []
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.encode() in told.read_bytes():
                found.append(int(told.parent.name))
        except OSError:  # it has just ended
            continue
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_study_on_a_cluster_and_the_cluster_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    with TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as place:  # sockets cannot have long paths
        monkeypatch.setenv("RAY_TMPDIR", place)
        process = rage(*LONG, "--executor", "ray", "--address", "local", "--out", str(tmp_path))
        until(lambda: list(tmp_path.glob("*/runs/*/*/checksums.json")), "the first run", 300)
        assert len(processes_of(place)) > 3
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal sends Ctrl-C
        else:
            process.send_signal(number)
        _, told = process.communicate(timeout=120)
        assert process.returncode == code, told
        assert f"stopped by {number.name}" in told
        assert " of 6 runs are finished, in " in told
        assert "Traceback" not in told
        until(lambda: not processes_of(place), "the end of the cluster")
    (folder,) = tmp_path.glob("quickstart-*")
    with only_writer(folder):
        assert not list(folder.rglob("*.part"))
