"""Pages of docs/howto: files are saved under the names they give, commands run, code prints what is shown."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "howto").glob("*.md"))
PACKAGES = ("agents.policies", "experiments.estimators", "experiments.monitors")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)
FITS = "rage calibrate"
"""Takes tens of seconds; its own tests run it."""


@pytest.fixture(autouse=True)
def _own_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder to work in whose agents, estimators and monitors are found as those of the packages are."""
    monkeypatch.chdir(tmp_path)
    for package in PACKAGES:
        module = importlib.import_module(package)
        folder = tmp_path.joinpath(*package.split("."))
        folder.mkdir(parents=True)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(folder)])
    from experiments.estimators._discovery import _class_of, names

    before = set(sys.modules)
    for found in (names, _class_of):
        found.cache_clear()
    yield
    for found in (names, _class_of):
        found.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith(PACKAGES):
            package, _, part = name.rpartition(".")
            del sys.modules[name]
            if hasattr(sys.modules[package], part):
                delattr(sys.modules[package], part)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", block)
        if named:
            Path(named[1]).write_text(block, encoding="utf-8")
        elif kind == "sh":
            for line in (one for one in block.replace("\\\n", "").splitlines() if not one.startswith(FITS)):
                program, *arguments = shlex.split(line)
                assert program == "rage"
                assert cli.main(arguments) == 0, (line, capsys.readouterr().err)
            capsys.readouterr()
        elif kind == "python":
            exec(compile(block, page.name, "exec", dont_inherit=True), names)
        else:
            assert kind == "text"
            assert lines(capsys.readouterr().out) == lines(block)


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem not in ("gymnasium", "log")], ids=lambda page: page.stem)
def test_writing_your_own_takes_about_ten_lines(page: Path) -> None:
    own = next(b for _, b in BLOCK.findall(page.read_text(encoding="utf-8")) if re.match(r"# \S+\.(py|yaml)\n", b))
    assert len([line for line in own.splitlines() if line.strip()]) <= 20


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in PAGES if f"docs/howto/{p.name}" not in readme] == []


def test_a_command_that_is_only_shown_takes_these_options(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [line for p in PAGES for line in p.read_text(encoding="utf-8").splitlines() if line.startswith(FITS)]
    assert shown
    for line in shown:
        _, command, *rest = shlex.split(line)
        assert cli.main([command, "--help"]) == 0
        helped = capsys.readouterr().out
        assert [option for option in rest if option.startswith("--") and option not in helped] == []
