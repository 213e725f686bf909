"""The Open Bandit logs: real, adaptive propensities, and a log of each policy to compare with.

The data are public and not shipped; see experiments/mapping.py for where they are looked for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from experiments import estimators
from experiments.cli import main
from experiments.log_source import open_source
from experiments.mapping import locate, read_mapping
from experiments.policy_of_log import with_policy_of
from experiments.real_logs import BTS, RANDOM, bandit
from rage_env import configs
from rage_env.errors import ConfigError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "real-logs.md"
CTR_OF_UNIFORM, CTR_OF_BTS = 0.0046, 0.0069  # of 10,000 impressions each


def _present() -> bool:
    try:
        locate(read_mapping(configs.find("logs", BTS)))
    except ConfigError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _present(), reason="the data folder (RAGE_DATA) with obd_small_men is absent")


def test_weights_of_an_adaptive_log_are_as_poor_as_published_and_it_agrees_with_the_uniform_log() -> None:
    table = open_source(BTS).table
    uniform = np.full((table.num_rows, 34), 1 / 34)
    found = estimators.evaluate(table, uniform, ["ips", "snips", "dr"]).set_index("estimator")
    assert np.asarray(table["reward"]).mean() == pytest.approx(CTR_OF_BTS)
    assert found["ess"].to_list() == pytest.approx([656] * 3, abs=0.5)
    assert found["max_weight"].to_list() == pytest.approx([178] * 3, abs=0.5)
    assert found["evaluable"].all(), found["reason"].to_list()
    assert found["reason"].str.contains("skewed").all()
    own = np.sqrt(CTR_OF_UNIFORM * (1 - CTR_OF_UNIFORM) / 10_000)
    assert (np.abs(found["value"] - CTR_OF_UNIFORM) < 3 * np.hypot(found["stderr"], own)).all()


def test_the_uniform_log_finds_what_the_adaptive_policy_clicks_and_its_own_mean_does_not_pass_for_it() -> None:
    random, bts = open_source(RANDOM), open_source(BTS)
    asked = with_policy_of(random, bts)
    target = asked.others[f"as in {BTS}"]
    assert np.asarray(random.table["reward"]).mean() == pytest.approx(CTR_OF_UNIFORM)
    np.testing.assert_allclose(target.sum(axis=1), 1.0)
    assert len(np.unique(target, axis=0)) == 3  # one row of shares a position
    found = estimators.evaluate(random.table, target, ["ips", "snips", "dr"]).set_index("estimator")
    assert found["evaluable"].all()
    assert found["ess"].min() > 2_000
    own = np.sqrt(CTR_OF_BTS * (1 - CTR_OF_BTS) / 10_000)
    assert (np.abs(found["value"] - CTR_OF_BTS) < 3 * np.hypot(found["stderr"], own)).all()
    assert (found["value"] > CTR_OF_UNIFORM).all()


def test_weights_that_forget_the_policy_are_not_evaluable(capsys: pytest.CaptureFixture[str]) -> None:
    """One item for all on the adaptive log: some items were shown a few times, and the answer says so."""
    assert main(["evaluate", BTS, "--metric", "click", "--estimator", "ips", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    items = [row for row in values if row["policy"].startswith("item_")]
    refused = [row for row in items if not row["evaluable"]]
    assert len(items) == 34
    assert len(refused) > 10
    assert all(re.match("too few|weights off", row["reason"]) for row in refused)
    assert next(row for row in values if row["policy"] == "uniform")["evaluable"]


def test_the_command_values_the_policy_of_another_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", RANDOM, "--metric", "click", "--estimator", "snips", "--as-in", BTS, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert [row["evaluable"] for row in values if row["policy"] == f"as in {BTS}"] == [True]
    assert main(["evaluate", RANDOM, "--as-in", "hillstrom"]) == 2
    assert "arms must be the same" in capsys.readouterr().err


def test_the_page_on_real_logs_shows_what_is_found_now() -> None:
    assert "\n".join(bandit()) in PAGE.read_text(encoding="utf-8")
