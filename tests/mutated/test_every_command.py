"""Every command that reads a file is thrown damaged ones, and a few by a process of its own, as a shell sees it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from experiments.cli import app
from tests.experiments.lost.test_kills import ROOT, environment
from tests.mutated import test_mutated_results, test_mutated_tables, test_mutated_yaml

TAKES_NO_FILE = {
    "list": "names kinds of things that are shipped",
    "ui": "hands the address of a store to MLflow's own server, and reads nothing itself",
}
"""{command: why nothing is thrown at it}."""


def commands(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Words of every command, those of groups with the group's first."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


def thrown_at() -> set[tuple[str, ...]]:
    """Words of the commands that the tests beside this one throw damaged files at."""
    calls = [
        *(call for _, call in test_mutated_yaml.CASES.values()),
        *(call for _, call in test_mutated_results.CASES.values()),
        *test_mutated_tables.READERS.values(),
    ]
    groups = {words[0] for words in commands(typer.main.get_command(app)) if len(words) == 2}
    return {
        (call[0], call[1] if call[1] == "design" else "data") if call[0] in groups else (call[0],) for call in calls
    }


def test_every_command_is_thrown_damaged_files_or_says_why_it_takes_none() -> None:
    every = set(commands(typer.main.get_command(app)))
    assert len(every) > 15
    excused = {(name,) for name in TAKES_NO_FILE}
    assert excused <= every
    assert not excused & thrown_at()
    assert every - excused == thrown_at()


NO_YAML = "users: [1\n"
ARGUMENTS = {
    "run": ["run", "F.yaml", "--no-track"],
    "sweep": ["sweep", "F.yaml", "--dry-run"],
    "evaluate": ["evaluate", "F.yaml"],
    "monitor": ["monitor", "F.csv", "--unit", "u", "--time", "t", "--group", "g", "--metric", "m"],
    "report": ["report", "F"],
    "replay": ["replay", "F"],
}


@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_shell_sees_exit_code_2_and_a_message_that_names_the_file(command: str, tmp_path: Path) -> None:
    (tmp_path / "F.yaml").write_text(NO_YAML)
    (tmp_path / "F.csv").write_bytes(b"u,t,g,m\n1,\xff,3\n")
    (tmp_path / "F").mkdir()
    (tmp_path / "F" / "study.json").write_text('{"schema": 2}')
    script = "import sys; from experiments.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, *ARGUMENTS[command]],
        cwd=tmp_path,
        env={**environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "F" in done.stderr.split(":")[1] or "F." in done.stderr, done.stderr
