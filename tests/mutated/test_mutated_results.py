"""Whatever happens to a file that RAGE wrote, every command that reads it answers, or names it and the rule.

Each slip is tried twice over: as an accident, which the checksums must notice, and with the checksums made anew over
it, as somebody would who edits a result on purpose, so that the reading itself must notice.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import strategies as st

import experiments
from experiments import report, tracking
from experiments.seal import SEAL, seal
from rage_env.log import CohortLog
from rage_env.log_tables import delayed_columns, week_table
from tests.experiments.lost.folders import tiny
from tests.mutated.json_slips import SLIPS, Slip, wrong_json
from tests.mutated.strategies import COLUMNS, throw, told, wrong_parquet
from tests.mutated.test_mutated_yaml import MOMENTS, SWEEP

FEW, MANY = 2, 150
USERS = 300
RUN = "runs/random/seed-1"
ABOUT = ("study.json", "config.json", SEAL)
OF_RUN = tuple(f"{RUN}/{name}" for name in (SEAL, "summary.json", "provenance.json", "weekly.parquet", "users.parquet"))
LOG = (f"{RUN}/log/log.parquet", f"{RUN}/log/reports.parquet")
POLICY = ("policy.json", "policy.npz")
FLAT = ("flat.parquet",)
TOLD = ("moments.json",)

CELL = "mine/CELL"
SWEPT = ("mine/sweep.json", *(f"{CELL}/{name}" for name in (*ABOUT, *OF_RUN)))
STUDY = (*ABOUT, *OF_RUN, "leaderboard.parquet")
CASES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "track": (STUDY, ["track", "S", "--uri", "sqlite:///store.db"]),
    "promote": (STUDY, ["promote", "S", "--agent", "random", "--uri", "sqlite:///store.db"]),
    "report": (STUDY, ["report", "S"]),
    "dashboard": (ABOUT, ["dashboard", "S", "--port", "59871"]),
    "diff from": (STUDY, ["diff", "S", "sound"]),
    "diff to": (STUDY, ["diff", "sound", "S"]),
    "run --check": ((*STUDY, *LOG), ["run", "--check", f"S/{RUN}"]),
    "replay": ((*LOG, f"{RUN}/{SEAL}"), ["replay", f"S/{RUN}"]),
    "replay under another": (LOG, ["replay", f"S/{RUN}", "--policy", "no_offer"]),
    "sweep --status": (SWEPT, ["sweep", "sweep.yaml", "--status", "--out", "S"]),
    "sweep": (SWEPT, ["sweep", "sweep.yaml", "--out", "S", "--workers", "1", "--no-track"]),
    "evaluate a log": (LOG, ["evaluate", f"S/{RUN}/log"]),
    "evaluate a stream": (LOG, ["evaluate", f"S/{RUN}/log", "--stream", "--workers", "1"]),
    "evaluate a plain stream": (FLAT, ["evaluate", f"S/{FLAT[0]}", "--stream", "--workers", "1"]),
    "evaluate a policy": (POLICY, ["evaluate", "new", "--policy", "S"]),
    "export": (LOG, ["export", f"S/{RUN}/log", "--to", "vw", "--out", "out.vw", "--force"]),
    "learn": (LOG, ["learn", f"S/{RUN}/log", "--out", "learned", "--force"]),
    "calibrate": (LOG, ["calibrate", f"S/{RUN}/log", "--draws", "100"]),
    "calibrate from moments": (TOLD, ["calibrate", "--moments", f"S/{TOLD[0]}", "--draws", "100"]),
}
FOLDERS = ((POLICY, "policy"), (FLAT, "flat"), (TOLD, "moments"), (SWEPT, "swept"))
MAY_FAIL = ("promote", "run --check", "replay", "replay under another", "track", "sweep")
"""May end with 1: numbers differ, decisions are not reproduced, a store does not take it, a cell failed."""
EXAMPLES = {"calibrate": 3, "calibrate from moments": 3, "promote": 3}
"""Of commands that take many seconds where the file is still sound."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with logs, a policy learned from one, a log that the policy does not know, and a store."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "draw", lambda _: ())
        _make(folder)
    return folder


def _make(folder: Path) -> None:
    study = experiments.run(tiny(users=USERS), out=folder / "out", track=False, progress=False).path
    study.rename(folder / "study")
    shutil.copytree(folder / "study" / RUN / "log", folder / "new")
    _of_strangers(folder / "new")
    assert told(["learn", str(folder / "study" / RUN / "log"), "--out", str(folder / "policy")])[0] == 0
    (folder / "sweep.yaml").write_text(SWEEP)
    asked = ["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "swept"), "--workers", "1", "--no-track"]
    assert told(asked)[0] == 0
    (folder / "flat").mkdir()
    _flat(CohortLog.read(folder / "study" / RUN / "log"), folder / "flat" / FLAT[0])
    (folder / "moments").mkdir()
    (folder / "moments" / TOLD[0]).write_text(json.dumps(yaml.safe_load(MOMENTS)))
    tracking.initialise(f"sqlite:///{folder / 'store.db'}")


def _flat(log: CohortLog, file: Path) -> None:
    """The log as one table with all that is known of it, as somebody else would keep it."""
    weeks = [week_table(week, log.meta, delayed_columns(week, log.reports)) for week in log.weeks]
    pq.write_table(pa.concat_tables(weeks), file)


def _of_strangers(log: Path) -> None:
    """The log with users that nobody has learned from."""
    for name in ("log.parquet", "reports.parquet"):
        table = pq.read_table(log / name)
        for at, column in enumerate(table.column_names):
            if column in ("user_id", "unit"):
                moved = pc.add(table.column(at), pa.scalar(10_000, table.schema.field(at).type))
                table = table.set_column(at, table.schema.field(at), moved)
        pq.write_table(table, log / name, row_group_size=USERS)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("new", "policy", "flat", "moments", "swept"):
        shutil.copytree(kept / name, name)
    shutil.copytree(kept / "study", "sound")
    for name in ("store.db", "sweep.yaml"):
        shutil.copy(kept / name, name)
    if "[report]" not in request.node.name:  # figures take longer than all the rest of a small study
        monkeypatch.setattr(report, "draw", lambda _: ())
    from streamlit.web import bootstrap

    for name in ("run", "load_config_options"):
        monkeypatch.setattr(bootstrap, name, lambda *_: None)


def root(file: str) -> str:
    """Folder of the sound file."""
    return next((folder for files, folder in FOLDERS if file in files), "sound")


def damaged(file: Path, slips: list[Slip], columns: list[tuple[str, int, int]]) -> bytes:
    if file.suffix == ".json":
        return wrong_json(file.read_bytes(), slips)
    if file.suffix == ".parquet":
        return wrong_parquet(pq.read_table(file), columns, USERS if file.name == "log.parquet" else None)
    data = bytearray(file.read_bytes())
    for what, at, other in columns:
        if what == "flip":
            data[(at * 7919) % len(data)] = other
        else:
            del data[len(data) * (at % 10) // 10 :]
            break
    return bytes(data)


def sealed_anew(folder: Path) -> None:
    """The checksums of every folder as if its files had been written so; as they are where they cannot be read."""
    for file in folder.rglob(SEAL):
        with contextlib.suppress(ValueError, AttributeError, OSError):
            listed = json.loads(file.read_bytes())["files"]
            seal(file.parent, [name for name in listed if (file.parent / name).is_file()])


def judge(case: str, file: str, sealed: bool, slips: list[Slip], columns: list[tuple[str, int, int]]) -> None:
    shutil.rmtree("S", ignore_errors=True)
    shutil.copytree(root(file), "S")
    place = Path("S", file)
    if "CELL" in file:
        place = next(p for p in sorted(Path("S", "mine").iterdir()) if p.is_dir()) / file.removeprefix(f"{CELL}/")
    place.write_bytes(damaged(place, slips, columns))
    if sealed and place.name != SEAL:
        sealed_anew(Path("S"))
    code, said = told(CASES[case][1])
    assert code in ((0, 1, 2) if case in MAY_FAIL else (0, 2)), said
    if code == 2:
        assert re.search(r"\bS\b", said), said
        assert len(said) > 40, said


def thrown(case: str, examples: int) -> None:
    """Asks for that many damages; the same ones in every run."""
    files = st.sampled_from(CASES[case][0])
    drawn = st.tuples(files, st.booleans(), SLIPS, COLUMNS)
    throw(drawn, lambda damage: judge(case, *damage), examples)


@pytest.mark.parametrize("case", [c for c in CASES if c not in EXAMPLES])
def test_the_sound_result_is_answered(case: str) -> None:
    shutil.copytree(root(CASES[case][0][0]), "S")
    assert told(CASES[case][1])[0] == 0


@pytest.mark.parametrize("case", CASES)
def test_no_damage_to_a_result_brings_a_traceback(case: str) -> None:
    thrown(case, EXAMPLES.get(case, FEW))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_damage_to_a_result_in_hundreds_brings_a_traceback(case: str) -> None:
    thrown(case, EXAMPLES.get(case, 1) * MANY // (1 if case not in EXAMPLES else 15))
