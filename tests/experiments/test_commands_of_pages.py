"""Commands that docs/dashboard.md and docs/report.md show are run, the server that has no end only up to its start."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import cli, report
from experiments.dashboard import serve
from experiments.results import Results

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```sh\n(.*?)```", flags=re.DOTALL)


def commands(page: str) -> Iterator[list[str]]:
    """Words of every command that the page shows."""
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert blocks
    for block in blocks:
        yield from (shlex.split(line, comments=True) for line in block.splitlines())


@pytest.fixture
def quickstart(shown_study: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose only study is taken for a quickstart."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results") / "quickstart-01234567"
    shutil.copytree(shown_study.path, folder)
    return folder


def test_the_page_on_reports_does_what_it_says(quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    for program, *arguments in commands("report.md"):
        assert program == "rage"
        assert cli.main(arguments) == 0
    for page in (quickstart / "report.html", Path("page.html")):
        assert "small" in page.read_text(encoding="utf-8")


def test_the_page_on_the_tower_does_what_it_says(
    quickstart: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from streamlit.web import bootstrap

    started: list[tuple[list[str], object]] = []
    monkeypatch.setattr(bootstrap, "load_config_options", lambda _: None)
    monkeypatch.setattr(bootstrap, "run", lambda _, __, args, options: started.append((args, options["server.port"])))
    monkeypatch.setattr(serve, "refuse_taken", lambda _: None)  # whatever else runs on this machine
    for program, *arguments in commands("dashboard.md"):
        if program == "pip":
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            assert arguments == ["install", "rage-env[dashboard]"]
            assert "dashboard" in extras["optional-dependencies"]
            continue
        assert program == "rage"
        assert cli.main(arguments) == 0
    assert started == [(["results", quickstart.name], 8501), (["results", quickstart.name], 8600)]
    assert "http://127.0.0.1:8501" in capsys.readouterr().out
    assert re.search(r"^look:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
