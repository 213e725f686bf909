"""The code that the README shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_readme_shows_an_example_that_fits_on_a_screen() -> None:
    assert len(EXAMPLES) == 1
    assert len(EXAMPLES[0].splitlines()) <= 20


def test_the_example_of_the_readme_runs_and_prints_its_weeks(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(EXAMPLES[0], "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["week 0", "week 1", "week 2", "week 3"]
    assert lines[4] == "{'churned': (1000, 6)}"


def test_every_command_that_the_readme_names_exists() -> None:
    from experiments import cli

    commands = {c.name or c.callback.__name__ for c in cli.app.registered_commands if c.callback}
    commands |= {str(g.typer_instance.info.name) for g in cli.app.registered_groups if g.typer_instance}
    named = set(re.findall(r"\brage ([a-z]+)\b", README))
    assert named
    assert named <= commands


def test_every_file_that_the_readme_links_to_exists() -> None:
    root = Path(__file__).resolve().parent.parent
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (root / link).exists(), link
