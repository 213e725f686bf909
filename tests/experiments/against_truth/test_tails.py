"""Tails marked by the truth: worked by hand, tied to the log, and right as often as they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.against_truth.cells import TARGETS, Cell, cells
from experiments.against_truth.lived import lived
from experiments.against_truth.page import page
from experiments.against_truth.study import Found, study
from experiments.against_truth.summary import tail_lines
from experiments.against_truth.tails import ASKED_OF, QUESTIONS, tails, true_tail


def small(scenario: str, logging: str, users: int) -> Cell:
    (cell,) = (c for c in cells(scenario) if c.logging == logging)
    return replace(cell, world=replace(cell.world, users=users, weeks=min(2, cell.world.weeks)))


def test_a_true_tail_is_the_one_worked_by_hand() -> None:
    values = np.array([4.0, -6.0, 0.0, 2.0])
    assert true_tail(values, {"quantile": 0.5}) == 0.0
    assert true_tail(values, {"quantile": 0.75}) == 2.0
    assert true_tail(values, {"cvar": 0.25}) == -6.0
    assert true_tail(values, {"cvar": 0.5}) == -3.0  # of -6 and 0
    assert true_tail(values, {"cvar": 0.75}) == pytest.approx(-4 / 3)  # of -6, 0 and 2


def test_what_a_row_would_have_brought_is_what_it_brought_where_the_target_did_the_same() -> None:
    cell = small("commerce_churn", "uniform", 2_000)
    found = lived(cell, 3)
    arm, reward = (np.asarray(found.table[c].to_numpy()) for c in ("arm", "reward"))
    for target in TARGETS:
        same = np.take_along_axis(found.targets[target], arm[:, None], axis=1)[:, 0] > 0
        assert same.any()
        assert not same.all()
        np.testing.assert_allclose(found.realised[target][same], reward[same], rtol=1e-5, atol=1e-6)
        assert (found.realised[target] != reward).any()


def test_tails_hold_the_truth_and_those_of_the_other_target_do_not() -> None:
    cell = small("marketing", "risk_biased", 3_000)
    rows = pd.concat([tails(lived(cell, seed), seed) for seed in range(1, 31)])
    worst = "mean of the worst twentieth"
    right = {line.target: line for line in tail_lines(_found(cell, rows)) if line.question == worst}
    assert set(right) == set(ASKED_OF)
    for line in right.values():
        assert line.answered == 1
        assert line.coverage >= 0.7  # a true 95 % falls below 21 of 30 less than once in 10,000
    swapped = rows.assign(target=rows["target"].map(dict(zip(ASKED_OF, ASKED_OF[::-1], strict=True))))
    truth = rows.set_index(["seed", "target", "question"])["truth"]
    swapped["truth"] = truth.loc[list(swapped[["seed", "target", "question"]].itertuples(index=False))].to_numpy()
    wrong = [line for line in tail_lines(_found(cell, swapped)) if line.question == worst]
    assert max(line.coverage for line in wrong) < 0.7


def test_the_page_tells_of_every_question(tmp_path: Path) -> None:
    text = page(study([small("marketing", "uniform", 400)], tmp_path, 1, seeds=2, told=False))
    for question in QUESTIONS:
        for target in ASKED_OF:
            assert f"| {target} | {question} | 2 |" in text


def _found(cell: Cell, rows: pd.DataFrame) -> Found:
    return Found(cell, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), rows)
