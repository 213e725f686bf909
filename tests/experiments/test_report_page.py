"""The HTML report is whole by itself: every section is there, nothing is loaded, and what lacks is said."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from experiments.cli import main
from experiments.exhibits import EXHIBITS
from experiments.report.page import PAGE, page, write_page
from experiments.report.page.svg import Panel, tick_text, ticks
from experiments.results import Results

SECTIONS = (
    "leaderboard", "learning", "oracle", "safe", "frontier", "slack", "funnel", "failures", "targeting", "uplift",
    "ope", "monitors", "verdicts", "models", "data",
)  # fmt: skip
VOID = {"meta", "link", "img", "br", "input"}
DRAWN = {"path", "rect", "circle"}


class Tags(HTMLParser):
    """Checks that tags close in order; collects what would load something, and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._look(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, dict(attrs))

    def _look(self, tag: str, held: dict[str, str | None]) -> None:
        self.ids += [held["id"]] if held.get("id") else []  # type: ignore[list-item]
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            if name in held and not str(held[name]).startswith("#"):
                self.loads.append(f"{tag} {name}={held[name]}")
        if tag in ("script", "link", "iframe", "object", "embed"):
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Tags:
    """The tags of a page, closed in order."""
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    return tags


def test_the_page_loads_nothing_and_has_every_section(shown_study: Results) -> None:
    text = page(shown_study)
    tags = read(text)
    assert tags.loads == []
    assert not re.search(r"url\(|@import|https?://", text)
    assert [key for key in tags.ids if key in SECTIONS] == list(SECTIONS)
    assert text.count("<svg") > 15
    assert "nan" not in re.findall(r'[dxy]="[^"]*nan', text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_a_page_that_loads_something_would_be_noticed() -> None:
    assert read('<p><img src="https://example.org/a.png"></p>').loads
    assert read("<script>1</script>").loads
    assert not read('<a href="#x">y</a>').loads


def test_sections_of_an_older_study_say_what_to_run(shown_study: Results, tmp_path: Path) -> None:
    shutil.copytree(shown_study.path, tmp_path / "old")
    for name in (*EXHIBITS, "monitors"):
        for file in [*(tmp_path / "old").rglob(f"{name}.parquet")]:
            if file.parent.name.startswith("seed") and name == "monitors":
                continue
            file.unlink()
    text = page(Results.open(tmp_path / "old"))
    for key in ("funnel", "failures", "targeting", "uplift", "monitors"):
        body = text.partition(f'<section id="{key}">')[2].partition("</section>")[0]
        assert 'class="missing"' in body, key
        assert "rage run" in body or "asks for" in body, key
    assert 'class="missing"' not in text.partition('<section id="leaderboard">')[2].partition("</section>")[0]


def test_what_users_wrote_cannot_become_markup(shown_study: Results, tmp_path: Path) -> None:
    shutil.copytree(shown_study.path, tmp_path / "odd")
    file = tmp_path / "odd" / "study.json"
    file.write_text(file.read_text().replace("guardrails", "<script>alert(1)</script>"))
    text = page(Results.open(tmp_path / "odd"))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_command_writes_the_page_beside_the_tables(
    shown_study: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shown_study.path, tmp_path / "small-12345678")
    assert main(["report", "--out", str(tmp_path)]) == 0
    assert str(tmp_path / "small-12345678" / PAGE) in capsys.readouterr().out.replace("\n", "")
    elsewhere = tmp_path / "page.html"
    assert main(["report", "--out", str(tmp_path), "--to", str(elsewhere)]) == 0
    assert elsewhere.read_text() == (tmp_path / "small-12345678" / PAGE).read_text()


def test_a_damaged_table_and_a_missing_folder_are_named(
    shown_study: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shown_study.path, tmp_path / "small-12345678")
    (tmp_path / "small-12345678" / "leaderboard.parquet").write_bytes(b"PAR1 no longer")
    assert main(["report", str(tmp_path / "small-12345678")]) == 2
    assert "leaderboard.parquet" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2
    assert "is no results folder" in capsys.readouterr().err
    assert not (tmp_path / "small-12345678" / PAGE).exists()


def test_a_page_is_the_same_each_time(shown_study: Results, tmp_path: Path) -> None:
    first, second = (write_page(shown_study, tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.37, 0.81) == [-0.25, 0.0, 0.25, 0.5, 0.75]
    assert [tick_text(t, 0.25) for t in (0.0, 0.25)] == ["0.00", "0.25"]
    assert tick_text(25_000, 5_000) == "25k"


def test_points_that_are_no_numbers_break_a_line_and_draw_nothing() -> None:
    panel = Panel.around("p", [0, 1, 2, 3], [0, 1, float("nan"), 1])
    panel.line([0, 1, 2, 3], [0, 1, float("nan"), 1], "c0")
    panel.dot(float("inf"), 0, "c0")
    drawn = panel.svg()
    assert drawn.count('class="l c0"') == 1
    assert drawn.count("<circle") == 1
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_panel_of_one_point_still_has_axes() -> None:
    assert Panel.around("p", [3], [7]).svg().count('class="g"') >= 2
