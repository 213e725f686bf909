"""The page on limits and rankings shows code that runs and output that is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "limits-and-ranking.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", PAGE, flags=re.DOTALL)


def test_the_examples_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for code, shown in EXAMPLES:
        exec(compile(code, "limits-and-ranking.md", "exec", dont_inherit=True), names)
        assert capsys.readouterr().out.split() == shown.split()
    assert sum(bool(shown) for _, shown in EXAMPLES) >= 5
