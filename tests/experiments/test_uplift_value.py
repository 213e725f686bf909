"""What ranked targeting is worth: by hand, by how often its interval holds, and without flattering the choice."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.cli import main
from experiments.uplift_metrics import rank
from experiments.uplift_value import Money, TargetingValue, targeting_value
from rage_env.errors import ConfigError
from tests.experiments.test_evaluation import folder

Floats = NDArray[np.float64]


def trial(seed: int, n: int = 2_000, effect: float = 1.0) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Uniform x on (0, 1), effect `effect x` of the arm, drawn evenly; the score is x times effect."""
    rng = np.random.default_rng(seed)
    x, treated = rng.random(n), rng.random(n) < 0.5
    return effect * x, treated, effect * x * treated + 0.5 * rng.normal(size=n), np.full(n, 0.5)


def test_the_net_of_eight_people_is_the_one_worked_by_hand() -> None:
    score = np.array([4, 4, 3, 3, 2, 2, 1, 1.0])
    treated = np.array([1, 0] * 4, dtype=np.bool_)
    outcome = np.array([5, 1, 3, 2, 2, 2, 0, 1.0])  # gains 1, 1.25, 1.25, 1 by quarter
    found = targeting_value(score, treated, outcome, np.full(8, 0.5), Money(cost=1.0, worth=2.0))
    by_share = {t.share: t.net.value for t in found.at}
    assert by_share[0.5] == pytest.approx(2 * 1.25 - 0.5)
    assert by_share[1.0] == pytest.approx(2 * 1.0 - 1.0)
    assert (found.rule.share, found.rule.net.value) == pytest.approx((1.0, 1.0))  # every prediction is worth over $1


def test_an_offer_that_nobody_is_worth_is_made_to_nobody() -> None:
    found = targeting_value(*trial(1), Money(cost=5.0))
    assert (found.rule.share, found.rule.net.value) == (0.0, 0.0)
    assert found.best.share < 0.05
    assert [t.net.upper < 0 for t in found.at[1:]] == [True] * 5


def test_the_rule_and_the_best_share_find_who_is_worth_the_offer() -> None:
    found = targeting_value(*trial(2, n=20_000), Money(cost=0.5))  # worth it above x = .5: net 1/8
    assert found.rule.share == pytest.approx(0.5, abs=0.02)
    for one in (found.rule, found.best):
        assert one.net.lower < 0.125 < one.net.upper
    assert found.at[-1].net.lower < 0 < found.at[-1].net.upper  # for everybody it is worth nothing


def test_intervals_of_the_net_hold_as_often_as_they_promise() -> None:
    def held(found: TargetingValue) -> list[bool]:
        return [one.net.lower <= 0.125 <= one.net.upper for one in (found.rule, found.at[3])]

    hits = np.sum([held(targeting_value(*trial(s, n=1_000), Money(cost=0.5))) for s in range(60)], axis=0)
    assert hits.min() >= 48  # binomial: luck takes a true 95 % below 48 of 60 less than once in 100,000


def test_the_best_share_of_a_useless_offer_is_worth_nothing_and_picking_it_in_sample_is_caught() -> None:
    honest, flattered = [], []
    for seed in range(80):
        score, treated, outcome, propensity = trial(seed, n=400, effect=0.0)
        score = np.random.default_rng(seed).random(400)
        honest.append(targeting_value(score, treated, outcome, propensity, Money()).best.net.value)
        flattered.append(float(rank(score, treated, outcome, propensity, resamples=1).gain()[0].max()))
    surprise = [np.mean(v) / (np.std(v) / math.sqrt(len(v))) for v in (honest, flattered)]
    assert abs(surprise[0]) < 3.9  # luck exceeds this once in 10,000
    assert surprise[1] > 3.9


@pytest.mark.parametrize(("cost", "worth", "says"), [(-1.0, 1.0, "cost: must be"), (0.0, math.nan, "worth: must be")])
def test_money_that_is_none_is_refused(cost: float, worth: float, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Money(cost, worth)


def test_the_command_ranks_a_log_of_many_weeks_by_user_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(folder(tmp_path))
    figures = tmp_path / "figures"
    asked = ["evaluate", path, "--uplift", "--metric", "reward", "--cost", "0.5", "--figures", str(figures)]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["arm"] for row in told] == ["coupon", "credit"]
    assert {p.name for p in figures.iterdir()} == {"uplift_curves.png", "uplift_calibration.png"}
    assert main(asked) == 0
    text = capsys.readouterr().out
    for heading in ("Qini", "AUUC", "uplift@30%", "calibration", "ranked targeting", "chosen by the other half"):
        assert heading in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--cost", "1"], "belong to --uplift"),
        (["--uplift", "--cost", "-1"], "cost: must be"),
        (["--uplift", "--metric", "reward/active"], "is a ratio"),
        (["--uplift", "--metric", "revard"], "did you mean 'reward'"),
    ],
)
def test_what_cannot_be_ranked_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert main(["evaluate", str(folder(tmp_path)), *options]) == 2
    assert says in capsys.readouterr().err


def test_a_deterministic_log_ranks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder(tmp_path, chance=0.0)), "--uplift"]) == 2
    assert "the log left nothing to chance" in capsys.readouterr().err
