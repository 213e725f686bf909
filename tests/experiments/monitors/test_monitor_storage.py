import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiments import monitor_grid, monitors
from experiments.monitors import Batch, monitor_class, rehearsal, storage
from rage_env.errors import LogError


def some_file(path: Path) -> Path:
    made = monitors.monitor("ssrm", shares=[0.5, 0.5])
    made.update(Batch(0, np.arange(4), np.array([0, 1, 0, 1]), np.zeros(4)))
    return storage.write(made, path / "state.npz")


def rewritten(path: Path, facts: object, name: str = "_facts") -> Path:
    """The same file with another entry."""
    with zipfile.ZipFile(path) as held:
        entries = {n: held.read(n) for n in held.namelist() if n != f"{name}.npy"}
    with zipfile.ZipFile(path, "w") as out:
        for n, data in entries.items():
            out.writestr(n, data)
        with out.open(f"{name}.npy", "w") as member:
            np.lib.format.write_array(member, np.array(facts), allow_pickle=False)
    return path


@pytest.mark.parametrize("kind", monitors.names())
def test_a_monitor_read_from_disk_goes_on_as_if_nothing_had_happened(kind: str, tmp_path: Path) -> None:
    stream = next(
        s for s in rehearsal.STREAMS if monitor_class(kind).for_stream(monitor_grid.draw(s, 1, 6)) is not None
    )
    drawn = monitor_grid.draw(stream, 1, 6)
    made = monitor_class(kind).for_stream(drawn)
    assert made is not None
    for week in range(3):
        made.update(drawn.batch(0, week))
    again = storage.read(storage.write(made, tmp_path / kind))
    for week in range(3, 6):
        now, then = again.update(drawn.batch(0, week)), made.update(drawn.batch(0, week))
        assert (now.log_e, now.estimate, now.z, now.n_units) == pytest.approx(
            (then.log_e, then.estimate, then.z, then.n_units), nan_ok=True
        )
    assert again.null == made.null


def test_files_that_are_newer_broken_or_foreign_are_refused_by_name(tmp_path: Path) -> None:
    path = some_file(tmp_path)
    with np.load(path, allow_pickle=False) as held:
        facts = json.loads(str(held["_facts"]))
    for changed, message in (
        ({**facts, "format": 99}, "has format 99, this release reads up to 1; use a later release"),
        ({**facts, "kind": "ssrn"}, "did you mean 'ssrm'"),
        ({**facts, "made_with": {"share": [1]}}, "no parameter 'share'"),
        ({**facts, "made_with": None}, "does not say which monitor it holds"),
        ({**facts, "words": 7}, "the state of ssrm is damaged"),
        ([1], "facts must be a JSON object, got list"),
    ):
        with pytest.raises(LogError, match=message):
            storage.read(rewritten(path, json.dumps(changed)))
    with pytest.raises(LogError, match="is no readable state of a monitor"):
        storage.read(rewritten(path, "{"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LogError, match=r"state\.npz: is no readable state of a monitor"):
        storage.read(path)
    with pytest.raises(LogError, match="no such file"):
        storage.read(tmp_path / "nowhere")


def test_an_array_that_went_missing_is_told(tmp_path: Path) -> None:
    path = some_file(tmp_path)
    with zipfile.ZipFile(path) as held:
        entries = {n: held.read(n) for n in held.namelist() if n != "records.npy"}
    with zipfile.ZipFile(path, "w") as out:
        for n, data in entries.items():
            out.writestr(n, data)
    with pytest.raises(LogError, match="the state of ssrm is damaged"):
        storage.read(path)
