"""The page on logs for offline study: its examples print what it shows, and it names agents that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import agents

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "logs-for-offline-study.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_examples_print_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    assert len(EXAMPLES) == 3
    for code, shown in EXAMPLES:
        exec(compile(code, "logs-for-offline-study.md", "exec", dont_inherit=True), names)
        assert capsys.readouterr().out == shown


def test_every_agent_of_the_table_can_be_loaded_and_takes_these_parameters() -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 6
    for name, params in rows:
        assert set(re.findall(r"`(\w+)`", params)) <= set(agents.policy(name).Params.model_fields), name
