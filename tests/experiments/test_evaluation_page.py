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


def test_the_examples_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for example in EXAMPLES[:-1]:
        exec(compile(example, "evaluate-a-log.md", "exec", dont_inherit=True), names)
        shown = PAGE.split(example)[1].split("```")[2]
        assert lines(capsys.readouterr().out) == lines(shown)


def test_the_example_of_a_new_estimator_is_one() -> None:
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(EXAMPLES[-1], "evaluate-a-log.md", "exec", dont_inherit=True), names)
    rows = Rows(np.array([0, 1]), np.array([0.01, 0.5]), np.array([3.0, 4.0]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    truncated = names["Truncated"]
    assert isinstance(truncated, type)
    assert issubclass(truncated, Estimator)
    (term,) = truncated().terms(rows)
    np.testing.assert_allclose(term, [0.0, 4.0])
