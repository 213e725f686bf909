"""Whatever happens to a CSV, Parquet or JSON-lines file, a command answers, or names file, row or column, and rule."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.mutated.strategies import CELLS, COLUMNS, throw, told, wrong_cells, wrong_parquet

FEW, MANY = 3, 400
USERS, WEEKS = 240, 9

MAPPING = """\
name: mine
source: by hand
file: own.csv
unit: user
week: week
arm_column: arm
arms:
  - { name: none, value: control, propensity: 1/2 }
  - { name: some, value: treated, propensity: 1/2 }
outcomes:
  - { name: gmv, unit: usd }
covariates:
  numeric: [pre]
  categorical: [place]
"""
FLAGS = (
    "--unit=user", "--time=week", "--group=arm", "--metric=gmv", "--covariate=pre", "--monitor=group_sequential",
    "--monitor=ratio_betting", "--denominator=active", "--denominator-cap=9", "--limit=.5", f"--weeks={WEEKS}",
)  # fmt: skip
READERS = {
    "evaluate": ["evaluate", "F", "--mapping", "mapping.yaml"],
    "monitor": ["monitor", "F", *FLAGS],
    "learn": ["learn", "F", "--mapping", "mapping.yaml", "--metric", "gmv", "--out", "policy", "--force"],
    "export": ["export", "F", "--mapping", "mapping.yaml", "--metric", "gmv", "--to", "vw", "--out", "x.vw", "--force"],
    "calibrate": ["calibrate", "F", "--draws", "100"],
}
PLACE = r"rows?\b|users\b|line \d+|#\d+|column|columns|user \S+|unit|week|group|cannot be read as|bytes|header|empty"


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    week, user = np.repeat(np.arange(WEEKS), USERS), np.tile(np.arange(USERS), WEEKS)
    active = rng.random(len(user)) < 0.3 + user / 800
    return pa.table(
        {
            "user": [f"u{u}" for u in user],
            "week": week,
            "arm": np.where(user % 2, "treated", "control"),
            "active": active.astype(np.int64),
            "gmv": np.round(active * rng.gamma(2, 20, len(user)), 2),
            "pre": user + 0.5,
            "place": np.where(user % 3, "x", "y"),
        }
    )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.yaml").write_text(MAPPING)


def judge(arguments: list[str], name: str, data: bytes) -> int:
    """The exit code; what is said on standard error names the file and a place in it."""
    Path(name).write_bytes(data)
    code, said = told([name if a == "F" else a for a in arguments])
    assert code in (0, 2), said
    if code == 2:
        assert name in said, said
        assert re.search(PLACE, said), said
    return code


TABLE = table()


def thrown(command: str, suffix: str, examples: int) -> None:
    """Asks for that many mutations of the table; the same ones in every run."""

    def csv(changes: list[tuple[str, int, int, str]]) -> None:
        judge(READERS[command], "own.csv", wrong_cells(TABLE, changes))

    def parquet(changes: list[tuple[str, int, int]]) -> None:
        judge(READERS[command], "own.parquet", wrong_parquet(TABLE, changes))

    if suffix == "csv":
        throw(CELLS, csv, examples)
    else:
        throw(COLUMNS, parquet, examples)


CASES = [(command, suffix) for command in READERS for suffix in ("csv", "parquet")]


@pytest.mark.parametrize(("command", "suffix"), [c for c in CASES if c[0] != "calibrate"])
def test_the_sound_table_is_answered(command: str, suffix: str) -> None:
    data = wrong_cells(TABLE, []) if suffix == "csv" else wrong_parquet(TABLE, [])
    assert judge(READERS[command], f"own.{suffix}", data) == 0


@pytest.mark.parametrize(("command", "suffix"), [c for c in CASES if c[0] != "calibrate"])
def test_no_damage_to_a_table_brings_a_traceback(command: str, suffix: str) -> None:
    thrown(command, suffix, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "suffix"), CASES)
def test_no_damage_in_hundreds_brings_a_traceback(command: str, suffix: str) -> None:
    thrown(command, suffix, FEW if command == "calibrate" else MANY)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of ours, as a run leaves it."""
    folder = tmp_path_factory.mktemp("log")
    overrides = [
        "users=200",
        "weeks=3",
        "seeds=[1]",
        "agents=[{kind: no_offer}, {kind: random}]",
        "oracle.users_fit=1000",
        "workers=1",
        "keep_logs=true",
    ]
    code, said = told(["run", "quickstart", *overrides, "--no-track", "--out", str(folder)])
    assert code == 0, said
    return next(folder.rglob("log.parquet")).parent


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log.parquet", "reports.parquet"])
def test_no_damage_to_a_log_of_ours_brings_a_traceback(log: Path, name: str) -> None:
    shutil.copytree(log, "log")
    held = pq.read_table(log / name)

    def damaged(changes: list[tuple[str, int, int]]) -> None:
        Path("log", name).write_bytes(wrong_parquet(held, changes))
        code, said = told(["evaluate", "log"])
        assert code in (0, 2), said
        assert code == 0 or re.search(r"\blog\b", said), said

    throw(COLUMNS, damaged, FEW)
