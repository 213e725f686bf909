"""The reckless are stopped soon and the harmless are left alone, over many worlds; whoever confuses them is caught.

Seeds are fixed, so luck fails nothing here; how far shares over seeds may lie from the truth is in the bounds.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

import experiments
from experiments import config
from experiments.ab.over_seeds import over_seeds
from experiments.ab.trial import run_groups

ALPHA = 0.05
MOST_WEEKS = 8


def of(summed: pd.DataFrame, group: str, monitor: str) -> pd.Series[float]:
    return summed.set_index(["agent", "monitor"]).loc[(group, monitor)]


def allowed(seeds: float) -> float:
    """The level and three Monte Carlo standard errors."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / seeds)


def check(summed: pd.DataFrame, reckless: str = "reckless", harmless: tuple[str, ...] = ("safe", "nothing")) -> None:
    """What the study is to show of the loss alarm."""
    stopped = of(summed, reckless, "loss_alarm")
    assert stopped["stopped"] == 1
    assert stopped["weeks"] <= MOST_WEEKS
    for group in harmless:
        row = of(summed, group, "loss_alarm")
        assert row["stopped"] <= allowed(row["seeds"])


@pytest.fixture(scope="module")
def few() -> pd.DataFrame:
    """A dozen seeds without the whole-population runs."""
    study = config.load("monitor_calibration", [{"ab": {"deploy_truth": False}, "weeks": 10}])
    tables = [group.verdicts for seed in study.seeds[:12] for group in run_groups(study, seed)]
    return over_seeds(pd.concat([t for t in tables if len(t)]))


@pytest.mark.slow
def test_a_reckless_agent_is_stopped_within_eight_weeks_and_harmless_ones_are_not(few: pd.DataFrame) -> None:
    check(few)
    assert of(few, "reckless", "loss_alarm")["saved_after_usd"] > 0
    assert of(few, "wasteful", "obf")["caught"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("swapped", [{"reckless": "safe"}, {"harmless": ("reckless",)}])
def test_the_check_would_notice_if_the_wrong_groups_were_stopped(
    few: pd.DataFrame, swapped: dict[str, str | tuple[str, ...]]
) -> None:
    with pytest.raises(AssertionError):
        check(few, **swapped)  # type: ignore[arg-type]  # one of the two names at a time


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_over_two_hundred_seeds_valid_monitors_keep_their_level_and_peeking_does_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    done = experiments.run("monitor_calibration", out=tmp_path_factory.mktemp("all"), track=False, progress=False)
    summed = done.over_seeds
    check(summed)
    for monitor in ("loss_alarm", "obf", "pocock", "any_time", "independent"):
        row = of(summed, "nothing", monitor)
        assert row["seeds"] == 200
        assert row["false_alarms"] <= allowed(200)
    assert of(summed, "nothing", "peeking")["false_alarms"] > allowed(200)
