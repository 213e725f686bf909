"""The Open Bandit log: real, adaptive propensities, and a log of the uniform policy to compare with."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import estimators
from experiments.log_source import open_source
from experiments.mapping import locate, read_mapping
from rage_env import configs
from rage_env.errors import ConfigError

NAME = "open_bandit_men_bts"
CTR_OF_UNIFORM, CTR_OF_BTS = 0.0046, 0.0069  # of 10,000 impressions each


def _present() -> bool:
    try:
        locate(read_mapping(configs.find("logs", NAME)))
    except ConfigError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _present(), reason="the data folder (RAGE_DATA) with obd_small_men is absent")


def test_weights_of_an_adaptive_log_are_as_poor_as_published_and_it_agrees_with_the_uniform_log() -> None:
    table = open_source(NAME).table
    uniform = np.full((table.num_rows, 34), 1 / 34)
    found = estimators.evaluate(table, uniform, ["ips", "snips", "dr"]).set_index("estimator")
    assert np.asarray(table["reward"]).mean() == pytest.approx(CTR_OF_BTS)
    assert found["ess"].to_list() == pytest.approx([656] * 3, abs=0.5)
    assert found["max_weight"].to_list() == pytest.approx([178] * 3, abs=0.5)
    assert found["evaluable"].all(), found["reason"].to_list()
    assert found["reason"].str.contains("skewed").all()
    own = np.sqrt(CTR_OF_UNIFORM * (1 - CTR_OF_UNIFORM) / 10_000)
    assert (np.abs(found["value"] - CTR_OF_UNIFORM) < 3 * np.hypot(found["stderr"], own)).all()
