"""Every link between the Markdown pages leads somewhere, and some link leads to every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
START = "README.md"
_CODE = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)


def links(text: str) -> Iterator[tuple[str, str]]:
    """(file, anchor) of every relative link; file is empty within the page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _CODE.sub("", text)):
        if not re.match(r"\w+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(text: str) -> set[str]:
    """What a heading may be linked by, as GitHub makes it."""
    heads = re.findall(r"^#+ (.*)$", _CODE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def broken(page: Path, text: str) -> list[str]:
    found = []
    for file, anchor in links(text):
        there = page.parent / file if file else page
        if not there.exists():
            found.append(f"{file} is not there")
        elif anchor and anchor not in anchors(read(there)):
            found.append(f"{file}#{anchor}: no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken(page, read(page)) == []


def test_broken_links_are_noticed() -> None:
    page = ROOT / "docs" / "README.md"
    assert broken(page, "[a](nowhere.md) [b](../README.md#no-such-heading) [c](../README.md#from-python)") == [
        "nowhere.md is not there",
        "../README.md#no-such-heading: no such heading",
    ]


def reached() -> set[str]:
    """Pages that links lead to from the README, one after the other; a link to a folder leads to all in it."""
    known, waiting = {START}, [START]
    while waiting:
        page = waiting.pop()
        for file, _ in links(read(ROOT / page)):
            there = ROOT / normpath((Path(page).parent / file).as_posix())
            pages = there.glob("*.md") if there.is_dir() else [there] if there.suffix == ".md" else []
            for new in {p.relative_to(ROOT).as_posix() for p in pages} - known:
                known.add(new)
                waiting.append(new)
    return known


def test_no_page_is_left_alone() -> None:
    assert {p.relative_to(ROOT).as_posix() for p in PAGES} - reached() == set()
