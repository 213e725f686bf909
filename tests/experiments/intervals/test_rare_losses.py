"""The interval that allows for losses which a log need not have met: by hand, how often it holds, what it asks for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments.cli import main
from experiments.estimators import evaluate
from experiments.intervals import Declared, rare_losses
from experiments.intervals.rare_losses import BEYOND, STAKES, most_beyond
from rage_env.errors import ConfigError, InputError, LogError

Floats = NDArray[np.float64]
WORST, CHANCE = 1_000.0, 5e-4
SOME = 1  # a seed whose log of 2,000 rows holds a loss


def log(users: int, seed: int, weeks: int = 1) -> tuple[pd.DataFrame, Floats]:
    """Everybody earns about $2; with chance `CHANCE` a row loses $1,000: the true mean is 2 - .5, whatever the arm."""
    rng, n = np.random.default_rng(seed), users * weeks
    arm = rng.integers(0, 2, n)
    paid = rng.normal(2.0, 1.0, n).clip(-50, 50)
    earned = np.where(rng.random(n) < CHANCE, -WORST, paid)
    frame = pd.DataFrame({"user_id": np.tile(np.arange(users), weeks), "week": np.repeat(np.arange(weeks), users)})
    return frame.assign(arm=arm, propensity=0.5, reward=0.0, net=earned), np.eye(2)[np.ones(n, int)]


def test_where_nothing_was_lost_the_bound_is_near_the_exact_one() -> None:
    for n, alpha in ((1_000, 0.05), (50_000, 0.01)):
        exact = 1 - alpha ** (1 / n)  # a larger chance of the worst loss would have shown with probability 1 - alpha
        dearer = 1 - (alpha / len(STAKES)) ** (1 / n)  # a quarter of the wealth is on the stake of 1
        assert exact < most_beyond(np.zeros(n), 1.0, alpha) <= dearer * (1 + 1e-9)


def test_the_bound_is_in_the_units_of_the_loss_and_rises_with_what_was_seen() -> None:
    seen = np.zeros(2_000)
    seen[:4] = 0.5
    plain = most_beyond(seen, 1.0, 0.05)
    assert most_beyond(300 * seen, 300.0, 0.05) == pytest.approx(300 * plain)
    assert most_beyond(np.zeros(2_000), 1.0, 0.05) < plain
    assert seen.mean() < plain < most_beyond(2 * seen, 1.0, 0.05)
    assert most_beyond(np.ones(2_000), 1.0, 0.05) == pytest.approx(1.0)


def test_bound_holds_for_every_shape_of_loss() -> None:
    """300 samples each; luck passes alpha + 3.9 standard errors once in 10,000. The mean itself, as a bound, fails."""
    rng, alpha, n, logs = np.random.default_rng(1), 0.1, 500, 300
    most = alpha + 3.9 * math.sqrt(alpha * (1 - alpha) / logs)
    for chance, size in ((0.002, 1.0), (0.02, 0.3), (0.2, 0.05)):
        missed = naive = 0
        for _ in range(logs):
            x = np.where(rng.random(n) < chance, size, 0.0)
            missed += most_beyond(x, 1.0, alpha) < chance * size
            naive += x.mean() < chance * size
        assert missed / logs <= most < naive / logs


def test_it_holds_the_mean_where_the_influence_interval_does_not() -> None:
    """One sample in three of 2,000 rows with weight 2 holds no loss of the target's; 150 of them. The ordinary interval
    is the known-wrong one: it misses a third."""
    truth, held, ordinary, logs = 2.0 - CHANCE * (WORST + 2.0), 0, 0, 150
    for seed in range(logs):
        frame, target = log(2_000, seed)
        found = rare_losses(frame, target, Declared(WORST, 0.5), ["snips"], metric="net").iloc[0]
        plain = evaluate(frame, target, ["snips"], metric="net").iloc[0]
        held += found["lower"] <= truth <= found["upper"]
        ordinary += plain["lower"] <= truth <= plain["upper"]
        assert found["value"] == plain["value"]
    assert held / logs >= 0.95 - 3.9 * math.sqrt(0.95 * 0.05 / logs)
    assert ordinary / logs < 0.85


def test_the_two_parts_are_what_is_said_of_them() -> None:
    frame, target = log(1_000, 3, weeks=2)
    declared = Declared(WORST, 0.5, cap=200.0)
    found = rare_losses(frame, target, declared, ["snips"], metric="net", alpha=0.1).iloc[0]
    within = evaluate(frame, target, ["snips"], metric="floored(net, 200)", alpha=0.1 * (1 - BEYOND)).iloc[0]
    weight = np.where(frame["arm"] == 1, 2.0, 0.0)
    beyond = (weight * np.maximum(-frame["net"] - 200.0, 0)).groupby(frame["user_id"]).sum().to_numpy()
    most = most_beyond(beyond, 2 * 2 * 800.0, 0.1 * BEYOND) / 2  # of two rows, with weight 2 each
    assert found["upper"] == pytest.approx(within["upper"])
    assert found["lower"] == pytest.approx(within["lower"] - most)
    assert f"up to {most:.3g} a row beyond 200" in found["reason"]


def test_a_difference_is_widened_on_both_sides() -> None:
    frame, target = log(1_000, 4)
    none = np.eye(2)[np.zeros(len(frame), int)]
    found = rare_losses(frame, target, Declared(WORST, 0.5), ["snips"], none, metric="net").iloc[0]
    plain = evaluate(frame, target, ["snips"], None, none, metric="floored(net, 100)").iloc[0]
    assert found["lower"] < plain["lower"] - 1
    assert found["upper"] > plain["upper"] + 1


@pytest.mark.parametrize(
    ("change", "declared", "options", "error", "says"),
    [
        ({}, (WORST, 0.0), {}, ConfigError, "floor in"),
        ({}, (-1.0, 0.5), {}, ConfigError, "need 0 < cap < worst"),
        ({}, (900.0, 0.5), {}, LogError, r"row \d+ loses 1000, more than the declared worst of 900"),
        ({}, (WORST, 0.6), {}, LogError, r"row \d+ has a propensity of 0.5, below the declared floor of 0.6"),
        ({"propensity": np.nan}, (WORST, 0.5), {}, LogError, "withholds its propensities"),
        ({}, (WORST, 0.5), {"metric": "net/active"}, LogError, "net/active is a ratio"),
        ({}, (WORST, 0.5), {"metric": "nett"}, LogError, "did you mean 'net'"),
    ],
)
def test_what_cannot_be_bounded_is_refused(
    change: dict[str, float],
    declared: tuple[float, float],
    options: dict[str, str],
    error: type[InputError],
    says: str,
) -> None:
    frame, target = log(2_000, SOME)
    with pytest.raises(error, match=says):
        rare_losses(frame.assign(**change), target, Declared(*declared), **({"metric": "net"} | options))  # type: ignore[arg-type]  # wrong on purpose


MAPPING = """name: made_up
source: nobody
file: log.csv
unit: user_id
week: null
arm_column: name
arms:
  - { name: none, value: none, propensity: 0.5 }
  - { name: offer, value: offer, propensity: 0.5 }
outcomes:
  - { name: net, unit: usd }
covariates: { numeric: [], categorical: [] }
"""


def asked(tmp_path: Path, *options: str) -> list[str]:
    path, mapping = tmp_path / "log.csv", tmp_path / "log.yaml"
    frame, _ = log(2_000, SOME)
    frame.assign(name=np.where(frame["arm"] == 1, "offer", "none")).to_csv(path, index=False)
    mapping.write_text(MAPPING)
    return ["evaluate", str(path), "--mapping", str(mapping), "--interval", "rare_losses", *options]


def test_the_command_gives_it_and_says_what_it_allows_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--metric", "net", "--max-loss", "1000", "--floor", "0.5", "--estimator", "snips", "--json")
    assert main(asked(tmp_path, *options)) == 0
    told = json.loads(capsys.readouterr().out)
    row = next(r for r in told["values"] if r["policy"] == "offer for all")
    frame, target = log(2_000, SOME)
    same = rare_losses(frame, target, Declared(WORST, 0.5), ["snips"], metric="net").iloc[0]
    assert (row["lower"], row["upper"]) == pytest.approx((same["lower"], same["upper"]))
    assert "whether the log met them or not" in row["reason"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--metric", "net"), "declare the most that net can lose in a row"),
        (("--max-loss", "1000", "--metric", "net/net"), "is of one column; name it"),
        (("--metric", "net", "--max-loss", "1000", "--limit", "1"), "ask for a certificate apart"),
        (("--metric", "net", "--max-loss", "10", "--floor", "0.5"), "more than the declared worst of 10"),
    ],
)
def test_the_command_names_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert main(asked(tmp_path, *options)) == 2
    assert says in " ".join(capsys.readouterr().err.split())
