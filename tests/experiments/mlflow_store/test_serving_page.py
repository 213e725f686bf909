"""docs/serving.md: its commands run, its code prints what is shown."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import cli, report
from tests.experiments.mlflow_store.stores import store_given_back

PAGE = Path(__file__).resolve().parents[3] / "docs" / "serving.md"
BLOCK = re.compile(r"```(sh|python)\n(.*?)```", flags=re.DOTALL)
SHOWN = re.compile(r"# (.*)$")


@pytest.fixture
def place(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with a store that is initialised already; MLflow's own variable is as it was afterwards."""
    (tmp_path / "results").mkdir()
    shutil.copy(empty_store, tmp_path / "results" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "draw", lambda _: ())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with store_given_back():
        yield tmp_path


def test_the_page_on_serving_does_what_it_says(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for kind, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "sh":
            for line in block.replace("\\\n", "").splitlines():
                program, *arguments = shlex.split(line, comments=True)
                assert program == "rage"
                assert cli.main(arguments) == 0, (line, capsys.readouterr().err)
            continue
        capsys.readouterr()
        exec(compile(block, str(PAGE), "exec"), names)
        told = capsys.readouterr().out.splitlines()
        wanted = [found[1] for line in block.splitlines() if "#" in line and (found := SHOWN.search(line))]
        assert len(told) == len(wanted)
        for line, shown in zip(told, wanted, strict=True):
            assert line.startswith(shown.removesuffix(", ..."))
