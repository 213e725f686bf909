"""Tiers, predictors and the command, by hand; what is broken is told apart from what holds."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.decisions import names
from experiments.decisions.__main__ import main
from experiments.decisions._predictors import shuffled
from experiments.decisions.pre_delinquency import tiers


def test_tiers_are_cut_at_their_least_chance_and_lateness_must_rise() -> None:
    chance = np.array([0.1, 0.19, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9])
    late = np.array([0, 0, 0, 1, 1, 1, 1, 1], np.bool_)
    told = tiers(chance, late)
    assert [told[f"share_{t}"] for t in ("low", "medium", "high", "critical")] == [0.25] * 4
    assert [told[f"late_{t}"] for t in ("low", "medium", "high", "critical")] == [0, 0.5, 1, 1]
    assert told["tiers_rise"] == 0.0
    assert told["late_in_first"] == pytest.approx(4 / 5)
    late[:] = [0, 0, 0, 1, 0, 1, 1, 1]
    assert tiers(chance, late)["tiers_rise"] == 0.0  # medium and high alike
    late[:] = [0, 0, 0, 1, 1, 1, 1, 1]
    chance[4:6] = 0.3
    assert np.isnan(tiers(chance, late)["late_high"])


def test_the_feature_that_a_prediction_leans_on_comes_first() -> None:
    x = np.random.default_rng(5).normal(size=(500, 3)).astype(np.float32)
    moved = shuffled(lambda rows: rows[:, 1] * 2.0 + rows[:, 0] * 0.5, x, ("a", "b", "c"))
    assert list(moved) == ["b", "a", "c"]
    assert moved["c"] == 0
    assert moved["b"] == pytest.approx(8.0, rel=0.3)  # (2 x)^2 of two independent rows


def test_the_command_refuses_what_it_does_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in (["fintech"], ["marketing", "--seeds", "0"]):
        with pytest.raises(SystemExit) as told:
            main(asked)
        assert told.value.code == 2
    assert ", ".join(names()) in capsys.readouterr().err
