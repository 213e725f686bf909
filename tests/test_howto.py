"""Pages of docs/howto: files are saved under the names they give, commands run, code prints what is shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import cli
from tests.docs.played import BLOCK, ROOT, Player, own_parts

PAGES = sorted((ROOT / "docs" / "howto").glob("*.md"))
FITS = "rage calibrate"
"""Takes tens of seconds; its own tests run it."""


@pytest.fixture(autouse=True)
def _own_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SB3_LOGDIR", str(tmp_path / "sb3"))  # else each training leaves a folder in the system's own
    with own_parts(tmp_path, monkeypatch):
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Player(capsys, skipping=(FITS,)).play(page)


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
