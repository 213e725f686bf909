"""The site holds every page and every part there is, and builds without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.site import __main__ as site
from docs.site import stage
from docs.site.commands import commands
from docs.site.public import modules
from experiments import cli
from experiments.catalogue import KINDS, entries
from experiments.schemas import MODELS
from rage_env import mechanisms

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the site."""
    return stage.stage(tmp_path_factory.mktemp("site") / "source")


def test_every_page_of_the_repository_stands_in_the_navigation(staged: Path) -> None:
    lists = "\n".join(p.read_text() for p in staged.rglob("*.md") if "{toctree}" in p.read_text())
    for page in stage.pages().values():
        folder = page.rpartition("/")[0]
        assert page == "index.md" or folder in stage.LISTS or re.search(rf"^{page[:-3]}$", lists, re.MULTILINE), page


def test_every_part_that_can_be_chosen_stands_in_the_reference(staged: Path) -> None:
    parts = (staged / "reference" / "parts.md").read_text()
    named = [e.name for kind in KINDS for e in entries(kind)] + [*mechanisms.names()]
    assert len(named) > 80
    assert [name for name in named if f"| `{name}` |" not in parts] == []


def test_every_command_key_and_module_stands_in_the_reference(staged: Path) -> None:
    shown = (staged / "reference" / "commands.md").read_text()
    from typer.main import get_command

    names = [name for name, _ in commands(get_command(cli.app), "rage")]
    assert {"rage run", "rage monitor design", "rage list"} <= set(names)
    assert [name for name in names if f"## {name}\n" not in shown] == []
    keys = (staged / "reference" / "keys.md").read_text()
    assert [kind for kind in MODELS if f"## {kind}\n" not in keys] == []
    assert "| `oracle.every_weeks` |" in keys
    assert [m for m in modules() if not (staged / "reference" / f"{m}.md").exists()] == []


def test_a_page_that_is_gone_leaves_nothing_behind(staged: Path) -> None:
    (staged / "gone.md").write_text("# Gone\n")
    before = (staged / "index.md").stat().st_mtime_ns
    stage.stage(staged)
    assert not (staged / "gone.md").exists()
    assert (staged / "index.md").stat().st_mtime_ns == before


def test_links_lead_to_where_pages_stand_in_the_site() -> None:
    text = "[a](../README.md) [b](decisions/) [c](howto/agent.md#x) [d](https://example.org)\n```\n[e](../README.md)\n```\n"
    assert stage.mended("docs/README.md", text) == (
        "[a](about.md) [b](decisions/index.md) [c](howto/agent.md#x) [d](https://example.org)\n```\n[e](../README.md)\n```\n"
    )
    assert stage.mended("docs/howto/agent.md", "[a](../README.md)") == "[a](../index.md)"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:'myst_parser")  # the parser's own use of what a later Sphinx drops
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    assert site.main([str(tmp_path / "site")]) == 0
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > len(stage.pages())
    for page in pages:
        loaded = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(https?://[^"]*)"', page.read_text())
        assert loaded == [], page
