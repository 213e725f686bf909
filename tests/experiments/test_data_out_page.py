"""The page on data out shows commands that work, code that runs and output that is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from experiments import cli

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data-out.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", PAGE, flags=re.DOTALL)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def run(commands: str) -> None:
    for line in commands.strip().splitlines():
        program, *arguments = shlex.split(line)
        assert program == "rage"
        assert cli.main([*arguments, *(["--no-wait"] if arguments[0] == "stream" else [])]) == 0, line


def test_the_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for kind, block in BLOCKS:
        if kind == "sh":
            run(block)
            capsys.readouterr()
        else:
            exec(compile(block, "data-out.md", "exec", dont_inherit=True), names)
            shown = PAGE.split(block)[1].split("```")[2]
            assert lines(capsys.readouterr().out) == lines(shown)
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert {"data/users.parquet", "with-truth/truth_weekly.csv", "mine/reports.parquet"} <= written
    assert {"lives.json", "lives.schema.json", "week.jsonl"} <= written
    assert len((tmp_path / "week.jsonl").read_text().splitlines()) == 60 * 30


def test_the_commands_that_are_only_shown_take_these_options(capsys: pytest.CaptureFixture[str]) -> None:
    for line in re.findall(r"^rage (\w+ .*)$", PAGE, flags=re.MULTILINE):
        command, *rest = shlex.split(line)
        assert cli.main([command, "--help"]) == 0
        helped = capsys.readouterr().out
        assert [option for option in rest if option.startswith("--") and option not in helped] == []
