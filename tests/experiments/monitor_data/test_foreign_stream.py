"""Weeks as JSON lines: the same states as from a file, kept between processes, and a clean end whatever ends it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.monitor_data.command import judge
from experiments.monitor_data.declaration import declared

ROLES = {"unit": "user", "time": "week", "group": "arm", "metric": "net", "covariate": "pre"}
FLAGS = [
    *(f"--{k}={v}" for k, v in ROLES.items()),
    "--weeks=4",
    "--monitor=group_sequential",
    "--monitor=asymptotic_cs",
]
WEEKS = 4


FIGURES = ("estimate", "lower", "upper", "e_value", "p_value", "z", "boundary", "log_e")


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    arm, level = np.where(rng.random(60) < 0.5, "treated", "control"), rng.normal(5, 1, 60)
    weeks = [
        {"user": [f"u{i}" for i in range(60)], "week": w, "arm": arm, "net": level + rng.normal(size=60), "pre": level}
        for w in range(WEEKS)
    ]
    return pd.concat([pd.DataFrame(w) for w in weeks], ignore_index=True)


def records() -> list[str]:
    return [json.dumps(row) for row in table().to_dict("records")]


def batches() -> list[str]:
    return [json.dumps({**rows.to_dict("list"), "week": int(str(week))}) for week, rows in table().groupby("week")]


def fed(lines: list[str], monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    stdin = io.TextIOWrapper(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    return main(["monitor", "-", "--stream", *FLAGS, *flags])


def states(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_stream_says_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fed(records(), monkeypatch) == 0
    streamed = states(capsys)
    table().to_csv(tmp_path / "data.csv", index=False)
    told = declared(None, {**ROLES, "weeks": WEEKS, "monitors": ["group_sequential", "asymptotic_cs"]})
    filed = [look.to_json() for look in judge(tmp_path / "data.csv", told).looks]
    assert len(streamed) == 3 * WEEKS
    for one, other in zip(streamed, filed, strict=True):
        assert {k: v for k, v in one.items() if k not in FIGURES} == {k: other[k] for k in one if k not in FIGURES}
    table_of = [pd.DataFrame(states)[list(FIGURES)].astype(float) for states in (streamed, filed)]
    pd.testing.assert_frame_equal(*table_of, rtol=1e-9)


def test_batches_count_as_their_rows_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert fed(records(), monkeypatch) == 0
    by_row = states(capsys)
    assert fed(batches(), monkeypatch) == 0
    assert states(capsys) == by_row


def test_a_stream_goes_on_in_another_process_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fed(batches(), monkeypatch) == 0
    whole = states(capsys)
    state = f"--state={tmp_path / 'kept.zip'}"
    for part in (batches()[:1], batches()[1:3], batches()[3:]):
        assert fed(part, monkeypatch, state) == 0
    assert states(capsys) == whole
    with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".npz"}


def test_a_kept_plan_cannot_be_changed_and_a_closed_week_not_fed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = f"--state={tmp_path / 'kept.zip'}"
    assert fed(batches()[:2], monkeypatch, state) == 0
    assert fed(batches()[2:], monkeypatch, state, "--cap=3") == 2
    assert "cap: 3.0 is declared for data seen under None" in capsys.readouterr().err
    assert fed(batches()[1:], monkeypatch, state) == 2
    assert "week 1 comes after week 1; time runs backwards, week 1 is closed" in capsys.readouterr().err
    moved = json.loads(batches()[2])
    moved["arm"] = (
        ["treated", "control", *moved["arm"][2:]] if moved["arm"][0] == "control" else ["control", *moved["arm"][1:]]
    )
    assert fed([json.dumps(moved)], monkeypatch, state) == 2
    assert re.search(r"line 1 \(unit u0, week 2\): is in two groups", capsys.readouterr().err)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"{}"])
def test_a_damaged_state_is_told(
    damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept.zip").write_bytes(damage)
    assert fed(batches(), monkeypatch, f"--state={tmp_path / 'kept.zip'}") == 2
    assert "no readable state" in capsys.readouterr().err


def test_a_state_declared_to_another_release_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, state = tmp_path / "kept.zip", f"--state={tmp_path / 'kept.zip'}"
    assert fed(batches()[:1], monkeypatch, state) == 0
    with zipfile.ZipFile(kept) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(held["facts.json"])
    facts["declared"]["shade"] = 1
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in {**held, "facts.json": json.dumps(facts).encode()}.items():
            archive.writestr(name, content)
    capsys.readouterr()
    assert fed(batches()[1:], monkeypatch, state) == 2
    said = capsys.readouterr().err
    assert "kept.zip: was declared to another release: shade: " in said
    assert "pydantic" not in said


LATE = json.dumps({"user": "u1", "week": 0, "arm": "control", "net": 1.0, "pre": 1.0})
LINES = [
    (["{"], r"line 1: is no JSON"),
    (["[1]"], r"line 1: must be an object"),
    (['{"user": "a", "wek": 1}'], r"line 1: has no 'week': did you mean 'wek'\? It has user, wek"),
    ([json.dumps({"user": "a", "week": 1.5, "arm": "b", "net": 1})], r"must be a whole number of weeks or a date"),
    (
        [json.dumps({"user": "a", "week": 1, "arm": "b", "net": "much"})],
        r"line 1 \(unit a\): net \(metric\) must be a num",
    ),
    ([json.dumps({"user": "a", "week": 1, "arm": "b", "net": None})], r"line 1 \(unit a\): net \(metric\) must not be"),
    (
        [json.dumps({"user": ["a"], "week": 1, "arm": ["b", "c"], "net": [1]})],
        r"lists of a batch must be of one length",
    ),
    ([json.dumps({"user": 1.5, "week": 1, "arm": "b", "net": 1})], r"must be a whole number or a word"),
    ([records()[0], records()[0].replace('"u0"', "7")], r"line 2: user must be a whole number or a word, in all lines"),
    ([records()[60], LATE], r"line 2 \(unit u1\): week 0 comes after week 1; time runs backwards"),
    ([records()[0].replace("NaN", "0").replace('"net": ', '"net": 1e999, "x": ')], r"must be a finite number, got inf"),
    ([], r"no records came"),
]


@pytest.mark.parametrize(("lines", "told"), LINES, ids=[told[:40] for _, told in LINES])
def test_a_line_that_breaks_a_rule_is_named(
    lines: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fed(lines, monkeypatch) == 2
    err = capsys.readouterr().err
    assert re.search(told, err), err


def started(*flags: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "experiments.cli", "monitor", "-", "--stream", *FLAGS, *flags]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stream_between_weeks(number: signal.Signals, tmp_path: Path) -> None:
    run = started(f"--state={tmp_path / 'kept.zip'}")
    assert run.stdin is not None
    assert run.stdout is not None
    run.stdin.write("".join(f"{line}\n" for line in batches()[:2]).encode())
    run.stdin.flush()
    shown = [run.stdout.readline() for _ in range(3)]  # week 0 is closed, week 1 open
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0
    assert [json.loads(line)["week"] for line in shown] == [0, 0, 0]
    assert out == b""
    assert b"stopped; the last week closed is 0" in err
    assert (tmp_path / "kept.zip").is_file()


def test_a_reader_who_leaves_ends_a_stream_in_peace() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "experiments.cli", "monitor", "-", "--stream", *FLAGS]
    text = "".join(f"{line}\n" for line in batches()).encode()
    done = subprocess.run(command, input=text, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert done.returncode == 0
    assert done.stderr.startswith(b"nobody reads on")
