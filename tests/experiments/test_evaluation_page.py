"""The page on evaluating a log shows code that runs and output that is printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.estimators._base import Estimator, Rows

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "evaluate-a-log.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_the_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(EXAMPLES[0], "evaluate-a-log.md", "exec", dont_inherit=True), {})
    shown = PAGE.split(EXAMPLES[0])[1].split("```")[2]
    assert lines(capsys.readouterr().out) == lines(shown)


def test_the_example_of_a_new_estimator_is_one() -> None:
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(EXAMPLES[1], "evaluate-a-log.md", "exec", dont_inherit=True), names)
    rows = Rows(np.array([0, 1]), np.array([0.01, 0.5]), np.array([3.0, 4.0]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    clipped = names["Clipped"]
    assert isinstance(clipped, type)
    assert issubclass(clipped, Estimator)
    (term,) = clipped().terms(rows)
    np.testing.assert_allclose(term, [30.0, 4.0])
