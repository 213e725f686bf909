"""The tutorial is one story in one folder: every file is saved, every command runs, all code prints what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from experiments import report, study
from tests.docs.played import BLOCK, ROOT, Player, own_parts

PAGES = sorted((ROOT / "docs" / "tutorial").glob("*.md"))
FIRST_RUN = "rage run quickstart"
SMALL = "users=200 weeks=2 seeds=[1] oracle.users_fit=1000 workers=1"
ALONE = {f"rage run {study}.yaml": "workers=1" for study in ("corner", "corner_ab")}
"""Other processes would not find agents in this test's own folder."""

SMALLER = {
    "users: 3000": "users: 300",
    "users: 6000": "users: 600",
    "weeks: 12": "weeks: 3",
    "seeds: [1, 2]": "seeds: [1]",
}
SMALLER |= {"users_fit: 20000": "users_fit: 1000", "--users 6000": "--users 400"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_parts(tmp_path, monkeypatch):
        yield


def test_the_tutorial_can_be_followed_from_page_to_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer people and weeks, without figures and MLflow; what is printed then differs, and is not compared."""
    monkeypatch.setattr(report, "draw", lambda _: ())
    monkeypatch.setattr(study, "feed", lambda *_: None)
    small = {**ALONE, FIRST_RUN: f"{SMALL} 'agents=[{{kind: no_offer}}, {{kind: random}}]' monitors=[]"}
    player = Player(capsys, SMALLER, skipping=("mlflow",), more=small)
    for page in PAGES:
        player.play(page)
    assert Path("results").is_dir()


@pytest.mark.slow
def test_the_tutorial_shows_what_its_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands there, MLflow included; only `make run` is made small, whose leaderboard is the README's."""
    player = Player(capsys, more={**ALONE, FIRST_RUN: SMALL})
    for page in PAGES:
        player.play(page)


def test_every_page_but_the_last_leads_to_the_next() -> None:
    for page, following in pairwise(PAGES):
        assert f"({following.name})" in page.read_text(encoding="utf-8")


def test_whatever_is_printed_is_shown() -> None:
    """A block of code that prints is followed by what it prints, so that nothing goes unchecked."""
    for page in PAGES:
        kinds = [(kind, "print(" in block) for kind, block in BLOCK.findall(page.read_text(encoding="utf-8"))]
        for at, (kind, prints) in enumerate(kinds):
            if kind == "python" and prints:
                assert kinds[at + 1][0] == "text", page.name
