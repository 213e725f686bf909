"""docs/studies.md: its file is written, its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from experiments import cli, report

PAGE = Path(__file__).resolve().parents[2] / "docs" / "studies.md"
BLOCK = re.compile(r"```(yaml|sh)\n(.*?)```", flags=re.DOTALL)


@pytest.mark.slow
def test_the_page_on_studies_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "draw", lambda _: ())
    told = []
    for kind, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "yaml":
            (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block, encoding="utf-8")
            continue
        for line in block.replace("\\\n", "").splitlines():
            program, *arguments = shlex.split(line)
            alone = {"run": ["agents=[{kind: no_offer},{kind: random}]", "workers=1"], "sweep": ["--workers", "1"]}
            assert program == "rage"
            assert cli.main([*arguments, *alone.get(arguments[0], [])]) == 0, (line, capsys.readouterr().err)
        told.append(capsys.readouterr().out)
    assert "paired by seed with agent-random/random" in told[0]
    assert "scenario_overrides.arms" in told[1]
    assert "every_weeks" in told[2]
