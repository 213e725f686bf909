"""A stream of records: the same for a seed, at its pace, whole to the last line, and gone quietly with its reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from experiments import cli, provenance
from experiments.drift import with_drift
from experiments.hidden import TRUE
from experiments.history import History, Plan
from experiments.sinks import FileSink, ReaderGoneError
from experiments.stream import Pace, Record, emit, records
from rage_env.errors import ConfigError, RunError
from rage_env.outcomes import DELAYED, IMMEDIATE
from rage_env.scenario import load

FINTECH = load("fintech")


def lived(users: int = 40, weeks: int = 3, seed: int = 7) -> list[Record]:
    return list(records(History(Plan(FINTECH, users, weeks, seed, "random", population="open"))))


class Kept:
    """A sink that remembers."""

    def __init__(self, gone_after: int = 1 << 30) -> None:
        self.lines: list[str] = []
        self.closed = False
        self.gone_after = gone_after

    def send(self, key: str, line: str) -> None:
        if len(self.lines) >= self.gone_after:
            raise ReaderGoneError
        self.lines.append(line)
        assert key == str(json.loads(line)["user_id"])

    def close(self) -> None:
        self.closed = True


def test_what_a_record_says_depends_on_the_seed_alone() -> None:
    assert lived() == lived()
    assert lived(seed=8) != lived()


def test_only_the_last_field_of_a_line_differs_between_two_streams() -> None:
    sinks = [Kept(), Kept()]
    for sink in sinks:
        emit(iter(lived()), Pace(60, 1), sink, Event(), wait=False)
    first, second = ([json.loads(line) for line in sink.lines] for sink in sinks)
    assert [list(r)[-1] for r in first] == ["emitted_at"] * 60
    for a, b in zip(first, second, strict=True):
        assert {**a, "emitted_at": ""} == {**b, "emitted_at": ""}


def test_a_week_record_holds_what_was_seen_done_and_known_and_nothing_latent_or_delayed() -> None:
    week = next(r for r in lived() if r["kind"] == "week")
    assert list(week) == [
        *("schema_version", "scenario", "scenario_hash", "seed", "policy", "made_with", "sequence", "kind"),
        "event_time",
        *("user_id", "features", "arm", "propensity", "outcomes"),
    ]
    history = History(Plan(FINTECH, 40, 3, 7, "random", population="open"))
    features, outcomes = week["features"], week["outcomes"]
    assert isinstance(features, dict)
    assert isinstance(outcomes, dict)
    assert tuple(features) == history.env.features.names
    np.testing.assert_array_equal(np.array(list(features.values()), np.float32), history.seen.features[0])
    assert tuple(outcomes) == IMMEDIATE
    assert week["arm"] in FINTECH.arm_names
    assert TRUE not in json.dumps(week)


def test_every_record_says_which_code_packages_and_processor_made_it() -> None:
    for record in lived():
        made = record["made_with"]
        assert isinstance(made, dict)
        assert list(made) == ["rage_env", "python", "numpy", "code_hash", "commit", "processor"]
        assert made["code_hash"] == provenance.code_hash()[:12]
        assert record["scenario_hash"] == Plan(FINTECH, 40, 3, 7).scenario_hash
        assert record["seed"] == 7


def test_a_delayed_loss_is_a_record_of_the_week_that_reports_it() -> None:
    reports = [r for r in lived(users=2000, weeks=6) if r["kind"] == "report"]
    assert reports
    for record in reports:
        when = record["event_time"]
        assert isinstance(when, dict)
        assert record["column"] in DELAYED
        assert isinstance(record["accrual_week"], int)
        assert record["accrual_week"] < when["week"]


def test_an_open_world_always_has_as_many_users_and_their_records_are_numbered() -> None:
    found = lived(users=300, weeks=8)
    weeks = [r["event_time"] for r in found if r["kind"] == "week"]
    assert [weeks.count({"week": w}) for w in range(8)] == [300] * 8
    assert [r["sequence"] for r in found] == list(range(len(found)))
    assert len({r["user_id"] for r in found}) > 300  # some have left and were replaced


def test_records_keep_their_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    waited: list[float] = []

    class Clock(Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            waited.append(timeout)
            now[0] += timeout
            return False

    monkeypatch.setattr("experiments.stream.time", SimpleNamespace(monotonic=lambda: now[0]))
    sent, why = emit(iter(lived()), Pace(120, 0.1), Kept(), Clock())
    assert (sent, why) == (12, "")
    np.testing.assert_allclose(waited, [0.5] * 11)


def test_a_stop_ends_after_a_whole_record_and_closes_the_sink() -> None:
    stop, sink = Event(), Kept()
    stop.set()
    assert emit(iter(lived()), Pace(60, 1), sink, stop) == (0, ": stopped")
    assert sink.closed


def test_a_reader_that_goes_away_ends_the_stream() -> None:
    sink = Kept(gone_after=5)
    assert emit(iter(lived()), Pace(60, 1), sink, Event(), wait=False) == (5, ": nobody reads on")
    assert sink.closed


@pytest.mark.parametrize(("rate", "duration"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1), (1, float("inf"))])
def test_what_is_no_pace_is_refused(rate: float, duration: float) -> None:
    with pytest.raises(ConfigError, match=r"must be a number of .* above 0"):
        Pace(rate, duration)


def test_users_too_few_for_the_records_are_refused_with_the_least_that_do() -> None:
    with pytest.raises(ConfigError, match="give --users 300 or more"):
        Pace(100_000, 30).check_users(299)
    Pace(100_000, 30).check_users(300)


def test_a_world_that_ends_before_its_stream_says_so() -> None:
    assert emit(iter(lived()), Pace(1000, 1), Kept(), Event(), wait=False) == (120, ": the world came to its end")
    assert emit(iter(lived()), Pace(120, 1), Kept(), Event(), wait=False) == (120, "")


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(tmp_path / "s.jsonl")
    sink.send("1", "a" * 10)

    class Full:
        """Takes half a line, then is full."""

        def __init__(self, inner: object) -> None:
            self.inner = inner
            self.calls = 0

        def write(self, data: bytes) -> int:
            self.calls += 1
            if self.calls > 1:
                raise OSError(28, "No space left on device")
            return os.write(self.inner.fileno(), data[:4])  # type: ignore[attr-defined]  # a raw file

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    monkeypatch.setattr(sink, "_file", Full(sink._file))
    with pytest.raises(RunError, match=r"No space left on device.*its lines so far are whole"):
        sink.send("1", "b" * 10)
    assert (tmp_path / "s.jsonl").read_text() == "a" * 10 + "\n"
    sink.close()


def test_a_file_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there already; give another name, or --force"):
        FileSink(path)
    FileSink(path, force=True).close()
    assert path.read_text() == ""
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        FileSink(tmp_path)


def test_drift_is_off_unless_it_is_asked_for_and_refused_where_none_is_declared() -> None:
    with pytest.raises(ConfigError, match="fintech declares no drift"):
        with_drift(FINTECH, wanted=True)
    assert with_drift(FINTECH, wanted=False) is FINTECH


def test_declared_drift_moves_the_records_only_where_it_is_switched_on() -> None:
    """Spending triples from week 1 on."""
    moving = load(FINTECH, [{
        "drift": [{"target": "mechanisms.offers.take_rate", "kind": "abrupt", "size": 2.0, "from_week": 1}],
        "sources": {"drift": "assumed"},
    }])  # fmt: skip
    earned = {}
    for name, world in (
        ("declared none", FINTECH),
        ("off", with_drift(moving, wanted=False)),
        ("on", with_drift(moving, wanted=True)),
    ):
        found = [r for r in records(History(Plan(world, 200, 2, 7, population="open"))) if r["kind"] == "week"]
        earned[name] = np.array([r["outcomes"]["revenue_gross"] for r in found])  # type: ignore[index]  # JSON
    np.testing.assert_array_equal(earned["off"], earned["declared none"])
    np.testing.assert_array_equal(earned["on"][:200], earned["off"][:200])
    np.testing.assert_allclose(earned["on"][200:], 3 * earned["off"][200:], rtol=1e-5)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    root = str(Path(cli.__file__).resolve().parent.parent)
    code = "import sys; from experiments.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "stream", "fintech", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env={"PYTHONPATH": root}, stdout=pipe, stderr=pipe, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_stream_with_a_whole_last_line(tmp_path: Path, blow: signal.Signals) -> None:
    with started(tmp_path, "--rate", "60000", "--users", "50", "--duration", "5") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(20)]
        process.send_signal(blow)
        rest = process.stdout.read()
        told = process.stderr.read()
        assert process.wait() == 0
    assert "records sent: stopped" in told
    assert "Traceback" not in told
    whole = [*lines, *rest.splitlines(keepends=True)]
    assert all(line.endswith("}\n") for line in whole)
    assert [json.loads(line)["sequence"] for line in whole] == list(range(len(whole)))


def test_a_closed_pipe_ends_the_stream_without_a_traceback(tmp_path: Path) -> None:
    with started(tmp_path, "--rate", "600000", "--users", "50", "--duration", "0.5") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait() == 0
    assert "nobody reads on" in told
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


def test_a_stream_to_a_file_holds_as_many_lines_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.jsonl"
    arguments = ["stream", "fintech", "--rate", "6000", "--duration", "0.01", "--no-wait", "--to", str(path)]
    assert cli.main(arguments) == 0
    assert "60 of 60 records sent" in capsys.readouterr().err
    assert len(path.read_text().splitlines()) == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "0"], "--rate: must be a number of records a minute above 0, got 0"),
        (["--duration", "-1"], "--duration: must be a number of minutes above 0"),
        (["--drift"], "fintech declares no drift"),
        (["--users", "0"], "--users"),
        (["--policy", "statusquo"], "did you mean 'status_quo'?"),
        (["--to", "kafka", "--kafka", "security"], "is no KEY=VALUE"),
        (["weeks=x"], "weeks"),
    ],
)
def test_a_stream_that_cannot_begin_leaves_with_two_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["stream", "fintech", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_settings_of_kafka_are_not_ignored_when_the_stream_goes_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stream", "fintech", "--kafka", "a=b", "--no-wait"]) == 2
    assert "go with --to kafka, not with --to stdout" in capsys.readouterr().err
