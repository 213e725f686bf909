"""The Hillstrom e-mail trial: published figures, found again by every road that leads to them.

The trial is public and not shipped; see experiments/mapping.py for where it is looked for.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import estimators
from experiments.evaluation import EvaluationReport, evaluate_command, evaluate_log
from experiments.evaluation_report import ValueRow
from experiments.log_source import open_source
from experiments.mapping import locate, read_mapping
from experiments.thinning import ranked, thinned
from rage_env import configs
from rage_env.errors import ConfigError, LogError


def _present() -> bool:
    try:
        locate(read_mapping(configs.find("logs", "hillstrom")))
    except ConfigError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _present(), reason="the data folder (RAGE_DATA) with hillstrom.csv is absent")

# metric: (no e-mail, men's, women's) and half the unit of the last published digit
MEANS = {
    "visit": ((0.1062, 0.1828, 0.1514), 5e-5),
    "conversion": ((0.00573, 0.01253, 0.00884), 5e-6),
    "spend": ((0.6528, 1.4226, 1.0772), 5e-5),
}
# (metric, arm): effect, half width of its 95 % interval, half the unit of the last published digit
EFFECTS = {
    ("visit", "mens_email"): (0.0766, 0.0066, 5e-5),
    ("visit", "womens_email"): (0.0452, 0.0063, 5e-5),
    ("spend", "mens_email"): (0.770, 0.285, 5e-4),
    ("spend", "womens_email"): (0.424, 0.255, 5e-4),
}
THINNED = {0: 0.040, 1: 0.016, 2: -0.008, 4: -0.026}  # logistic slope: naive effect of the women's mail on visits


@cache
def report() -> EvaluationReport:
    return evaluate_log("hillstrom")


@cache
def frame() -> pd.DataFrame:
    table: pd.DataFrame = open_source("hillstrom").table.to_pandas()
    return table


def row(rows: tuple[ValueRow, ...], metric: str, policy: str, estimator: str, baseline: str = "") -> ValueRow:
    found = [r for r in rows if (r.metric, r.policy, r.estimator, r.baseline) == (metric, policy, estimator, baseline)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("metric", MEANS)
def test_the_value_of_each_mail_for_all_and_of_nobody_is_the_published_mean(metric: str) -> None:
    published, digit = MEANS[metric]
    for arm, mean in zip(report().arms, published, strict=True):
        assert row(report().values, metric, f"{arm} for all", "snips").value == pytest.approx(mean, abs=digit)
        for estimator in ("naive", "ips", "dr"):
            other = row(report().values, metric, f"{arm} for all", estimator)
            assert other.lower <= mean <= other.upper
            assert other.evaluable


@pytest.mark.parametrize(("metric", "arm"), EFFECTS)
def test_the_effect_of_each_mail_and_its_interval_are_the_published_ones(metric: str, arm: str) -> None:
    effect, half, digit = EFFECTS[metric, arm]
    for estimator in ("naive", "snips"):
        line = row(report().effects, metric, arm, estimator, "no_email")
        assert line.value == pytest.approx(effect, abs=digit)
        assert (line.upper - line.lower) / 2 == pytest.approx(half, abs=digit)
    for estimator in ("ips", "dr"):
        line = row(report().effects, metric, arm, estimator, "no_email")
        assert line.lower <= effect <= line.upper
        assert abs(line.value - effect) < half / 4


def test_snips_is_the_difference_in_means() -> None:
    means = frame().groupby("arm")[["visit", "conversion", "spend"]].mean()
    for line in report().effects:
        if line.estimator == "snips":
            arm = report().arms.index(line.policy)
            assert line.value == pytest.approx(means[line.metric][arm] - means[line.metric][0], abs=1e-12)


BY_BUYER = {  # (arm, column, its value): effect on visits, half the unit of the last published digit
    ("womens_email", "x_womens", 1): (0.0731, 5e-5),
    ("womens_email", "x_womens", 0): (0.0111, 5e-5),
    ("mens_email", "x_mens", 1): (0.082, 5e-4),
    ("mens_email", "x_mens", 0): (0.071, 5e-4),
}


@pytest.mark.parametrize(("arm", "column", "held"), BY_BUYER)
def test_the_womens_mail_works_on_buyers_of_womens_things_and_the_mens_mail_on_all(
    arm: str, column: str, held: int
) -> None:
    effect, digit = BY_BUYER[arm, column, held]
    part = frame()[frame()[column] == held]
    target, none = (np.eye(3)[[a] * len(part)] for a in (report().arms.index(arm), 0))
    line = estimators.evaluate(part, target, ["snips"], baseline_probs=none, metric="visit").iloc[0]
    assert line["value"] == pytest.approx(effect, abs=digit)


@cache
def of_women() -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Women's mail or none, and how likely each was to visit anyway."""
    return ranked(open_source("hillstrom"), 2, "visit")


@pytest.mark.parametrize("slope", THINNED)
def test_a_biased_log_misleads_the_naive_mean_as_published_and_not_the_weighted_one(slope: int) -> None:
    found = []
    for seed in range(20):
        log = thinned(*of_women(), slope, seed)
        target, none = (np.eye(2)[[a] * len(log)] for a in (1, 0))
        lines = estimators.evaluate(log, target, ["naive", "ips", "snips"], baseline_probs=none, metric="visit")
        found.append(lines["value"].to_numpy())
    naive, ips, snips = np.mean(found, axis=0)
    assert naive == pytest.approx(THINNED[slope], abs=0.005)  # a single thinning's standard error is .003
    assert 0.040 <= ips <= 0.049
    assert 0.040 <= snips <= 0.049


def test_a_learned_policy_is_valued_out_of_fold_within_what_its_model_could_not_have_seen() -> None:
    for metric, (means, _) in MEANS.items():
        ips, dr = (row(report().learned, metric, "learned", e) for e in ("ips", "dr"))
        assert ips.lower <= dr.value <= ips.upper
        assert row(report().learned, metric, "learned", "dr", "no_email").lower > 0
        assert dr.lower <= means[1]  # no better than the men's mail for all, and not claimed to be


def test_the_womens_mail_can_be_targeted_and_the_mens_mail_hardly() -> None:
    qini = {(u.metric, u.arm): u.metrics.qini for u in report().uplift}
    assert qini["visit", "womens_email"].lower > 0
    mens = qini["visit", "mens_email"]
    assert mens.lower <= 0 <= mens.upper
    for one in qini.values():
        assert one.lower <= one.value <= one.upper


def test_a_score_made_of_noise_ranks_nobody() -> None:
    from experiments.uplift_metrics import uplift_metrics

    two, _ = of_women()
    noise = np.random.default_rng(0).random(len(two))
    found = uplift_metrics(noise, two["arm"].to_numpy() == 1, two["visit"].to_numpy(float), np.full(len(two), 0.5))
    assert found.qini.lower <= 0 <= found.qini.upper


def test_the_command_prints_tables_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_command("hillstrom", metric="visit")
    text = capsys.readouterr().out
    assert "womens_email" in text
    assert "Qini" in text
    evaluate_command("hillstrom", metric="spend/visit", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert {line["metric"] for line in told["effects"]} == {"spend/visit"}


def test_a_misspelt_metric_is_told_before_anything_is_fitted() -> None:
    with pytest.raises(LogError, match="no column 'visits': did you mean 'visit'"):
        evaluate_command("hillstrom", metric="visits")
