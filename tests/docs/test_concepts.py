"""Concept pages: their examples print what is shown, and each names modules and commands that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from typer.main import get_command

from docs.site.commands import commands
from experiments import cli
from tests.docs.played import BLOCK, ROOT, Player

PAGES = sorted((ROOT / "docs" / "concepts").glob("*.md"))
COMMANDS = {name for name, _ in commands(get_command(cli.app), "rage")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_an_example_prints_what_is_shown(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert [kind for kind, _ in BLOCK.findall(text)] == ["python", "text"]
    Player(capsys).play(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_concept_names_modules_and_commands_that_exist(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    modules = re.search(r"- Modules?: (.*?)\. Commands?: (.*?) - ", text)
    assert modules is not None
    for name in re.findall(r"`([\w.]+)`", modules[1]):
        importlib.import_module(name)
    named = re.findall(r"`(rage \w+(?: \w+)?)", modules[2])
    assert named
    for command in named:
        assert command in COMMANDS or command.rpartition(" ")[0] in COMMANDS or f"{command} data" in COMMANDS, command
    assert "../decisions/" in text
