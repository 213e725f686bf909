"""Full disks, places that cannot be written, files changed behind our back: named, and nothing overwritten."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import experiments
from experiments import outbox, report, tracking
from experiments.cli import main
from experiments.layout import SCHEMA
from experiments.results import Results
from rage_env import whole_file
from rage_env.errors import LogError, RunError
from tests.experiments.lost.folders import contents, tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; shared, so tests read it only."""
    return experiments.run(tiny(), out=tmp_path_factory.mktemp("whole"), track=False, progress=False).path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """The same study, to be damaged."""
    folder = tmp_path / "results" / whole.name
    for file in whole.rglob("*"):
        if file.is_file():
            (folder / file.relative_to(whole)).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.relative_to(whole)).write_bytes(file.read_bytes())
    return folder


def again(folder: Path) -> Path:
    return experiments.run(tiny(), out=folder.parent, track=False, progress=False).path


def edit_value(file: Path) -> None:
    """A figure changed by hand, its length kept."""
    text = file.read_text()
    digit = text.index('"value": ') + len('"value": ') + 3
    file.write_text(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :])


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip_a_bit(file: Path) -> None:
    held = bytearray(file.read_bytes())
    held[len(held) // 2] ^= 1
    file.write_bytes(bytes(held))


DAMAGE: list[tuple[str, Callable[[Path], object]]] = [
    ("runs/random/seed-1/summary.json", edit_value),
    ("runs/random/seed-1/weekly.parquet", truncate),
    ("runs/no_offer/seed-1/users.parquet", flip_a_bit),
    ("runs/random/seed-1/log/log.parquet", flip_a_bit),
    ("runs/random/seed-1/checksums.json", truncate),
    ("leaderboard.csv", lambda file: file.write_text(file.read_text() + "me,9,9\n")),
    ("config.json", lambda file: file.write_text(file.read_text().replace('"users": 60', '"users": 61'))),
    ("study.json", truncate),
    ("checksums.json", lambda file: file.write_text('{"files": [1]}')),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGE)
def test_a_file_changed_since_is_named_and_nothing_in_the_folder_is_overwritten(
    copy: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(copy / name)
    before = contents(copy)
    with pytest.raises(LogError, match=rf"{name}: (corrupted|.*must list)"):
        again(copy)
    assert contents(copy) == before


def test_a_damaged_run_is_neither_shown_nor_fed_to_mlflow(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_value(copy / "runs" / "random" / "seed-1" / "summary.json")
    assert main(["report", str(copy)]) == 2
    assert "summary.json: corrupted: changed since it was written (edited)" in capsys.readouterr().err
    with pytest.raises(LogError, match=r"summary\.json: corrupted"):
        tracking.track(copy, uri=f"sqlite:///{copy.parent}/never.db")


def test_a_file_that_is_gone_is_made_again_to_the_same_bytes(copy: Path, whole: Path) -> None:
    (copy / "runs" / "random" / "seed-1" / "users.parquet").unlink()
    (copy / "leaderboard.csv").unlink()
    again(copy)
    assert contents(copy) == contents(whole)


def test_runs_without_their_study_file_and_a_study_file_of_another_are_named(copy: Path) -> None:
    file = copy / "study.json"
    held = json.loads(file.read_text())
    file.write_text(json.dumps(held | {"hash": "0" * 64}))
    (copy / "checksums.json").unlink()
    with pytest.raises(LogError, match=r"study\.json is of another study"):
        again(copy)
    file.unlink()
    with pytest.raises(LogError, match=r"no study\.json"):
        again(copy)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_folder_of_an_older_schema_is_named_by_number_and_left_as_it_is(copy: Path, *, sealed: bool) -> None:
    file = copy / "study.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": SCHEMA - 1}))
    if not sealed:
        (copy / "checksums.json").unlink()
        (copy / "runs").rename(copy / "elsewhere")
    before = contents(copy)
    with pytest.raises(LogError, match=f"results schema {SCHEMA - 1}, this RAGE reads {SCHEMA}"):
        again(copy)
    assert contents(copy) == before


@dataclass
class Disk:
    """A folder on a disk that is soon full. make_room: gives it all the room there is."""

    path: Path
    make_room: Callable[[], object]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 96 KiB where this system lets us make one, else a folder whose fourth file is refused as full."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(place)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        more = ["mount", "-o", "remount,size=16m", str(place)]
        yield Disk(place, lambda: subprocess.run(more, check=True))
        subprocess.run(["umount", str(place)], check=True)
        return
    with pytest.MonkeyPatch.context() as patch:
        for where in (whole_file, outbox):
            patch.setattr(where, "move_in", refusing(every=4 if where is whole_file else 1))
        yield Disk(place, patch.undo)


def refusing(every: int) -> Callable[[Path, Path], None]:
    """A move that the disk refuses at the file of that number."""
    real, seen = whole_file.move_in, [0]

    def move(part: Path, path: Path) -> None:
        seen[0] += 1
        if seen[0] == every:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(part, path)

    return move


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_study_with_the_file_it_could_not_write_and_with_room_it_goes_on_to_the_same_bytes(
    small_disk: Disk, capfd: pytest.CaptureFixture[str], whole: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    file = small_disk.path.parent / "study.yaml"
    file.write_text(tiny().model_dump_json())
    words = ["run", str(file), "--out", str(small_disk.path), "--no-track", "--workers", str(workers)]
    assert main(words) == 1
    told = capfd.readouterr().err
    assert "cannot be written (No space left on device); what was finished is kept" in told
    assert "Traceback" not in told
    assert not list(small_disk.path.rglob("*.part"))
    small_disk.make_room()
    assert main(words) == 0
    (study,) = small_disk.path.iterdir()
    # how many workers there were is a setting of the study, and stands there as such
    settings = {"config.json", "checksums.json"}
    kept, wanted = ({k: v for k, v in contents(p).items() if k not in settings} for p in (study, whole))
    assert kept == wanted


@pytest.mark.parametrize(
    "form", [["--users", "2000", "--weeks", "4"], ["--lifecycle", "--customers", "300", "--format", "json"]]
)
def test_a_full_disk_leaves_nothing_of_data_that_were_to_be_simulated_and_says_where(
    small_disk: Disk, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    out = small_disk.path / ("data.json" if "json" in form else "data")
    words = ["simulate", "fintech", *form, "--out", str(out)]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert (
        f"--out: data cannot be written to {out if out.suffix == '' else out.parent} (No space left on device)" in told
    )
    assert list(small_disk.path.iterdir()) == []
    small_disk.make_room()
    assert main(words) == 0
    assert out.exists()


@pytest.mark.parametrize("move", [2, 9, 14, 27])
def test_whatever_file_finds_the_disk_full_the_study_goes_on_to_the_same_bytes(
    tmp_path: Path, whole: Path, move: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    with monkeypatch.context() as patch:
        patch.setattr(whole_file, "move_in", refusing(every=move))
        with pytest.raises(RunError, match="No space left on device"):
            experiments.run(tiny(), out=tmp_path, track=False, progress=False)
    assert not list(tmp_path.rglob("*.part"))
    assert contents(experiments.run(tiny(), out=tmp_path, track=False, progress=False).path) == contents(whole)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "study.yaml").write_text(tiny().model_dump_json())
    for place in (tmp_path / "file" / "results", Path("/proc/results")):
        assert main(["run", str(tmp_path / "study.yaml"), "--out", str(place), "--no-track"]) == 2
        assert f"results cannot be written to {place}" in capsys.readouterr().err


def test_a_run_folder_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    results = Results.create(tmp_path, tiny())
    (results.path / "runs").touch()
    with pytest.raises(RunError, match=r"runs/no_offer/seed-1/log/log\.parquet: cannot be written"):
        experiments.run(tiny(), out=tmp_path, track=False, progress=False)
