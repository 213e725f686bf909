"""Where users sit in accounts, accounts are shared out, compared and bet on as wholes."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import config
from experiments.ab.comparison import Comparison
from experiments.ab.groups import assign
from experiments.ab.trial import run_groups
from experiments.cohorts import Stage
from experiments.completed import Completed
from experiments.config import ExperimentConfig
from experiments.offered import Told
from experiments.ratio_watch import RatioWatch
from experiments.watch_list import watches


@pytest.fixture(scope="module")
def study() -> ExperimentConfig:
    """Two groups of firms and a control; one is nudged without end."""
    return config.load(
        "quickstart",
        [
            {
                "scenario": "b2b_nudge",
                "mode": "ab",
                "ab": {"salt": "x", "control": 0.3, "deploy_truth": False},
                "users": 1500,
                "weeks": 3,
                "seeds": [1],
                "agents": [{"kind": "blanket", "name": "nudged", "arm": 1}, {"kind": "no_offer", "name": "nothing"}],
                "estimators": [],
                "oracle": {"every_weeks": 0, "users_fit": 2000},
                "monitors": [
                    {"kind": "ratio_betting", "metric": "negative_reactions", "cap_usd": 1.0, "ages": [0]},
                    {"kind": "group_sequential", "metric": "value", "users_per_skew2": 0.0},
                ],
                "workers": 1,
            }
        ],
    )


def test_accounts_stay_whole_and_are_compared_one_row_each(study: ExperimentConfig) -> None:
    _, observation = Stage.of(study, 1).open()
    assert study.ab is not None
    groups = assign(study.ab, ["nudged", "nothing"], 1, observation.unit)
    accounts, seats = np.unique(observation.unit, return_counts=True)
    assert seats.max() > 1
    assert all(len(np.unique(groups.code[observation.unit == a])) == 1 for a in accounts)
    value = np.arange(observation.n, dtype=np.float64)
    pair = Comparison(observation.unit, groups.rows(1), groups.rows(0), value)
    batch = pair.batch(0, value)
    assert len(batch.unit) == len(np.unique(batch.unit)) == len(np.unique(observation.unit[pair.rows]))
    assert batch.value.mean() == pytest.approx(value[pair.rows].mean())  # usd per user-week all the same


def test_a_betting_monitor_is_told_how_many_users_share_an_account(study: ExperimentConfig) -> None:
    env, observation = Stage.of(study, 1).open()
    ratio, _ = watches(study, Told.of(env, Completed.of(env, observation.user_id), observation.unit), is_control=False)
    assert isinstance(ratio, RatioWatch)
    assert ratio.by_account
    assert ratio.monitor.terms.rows_per_unit == np.unique(observation.unit, return_counts=True)[1].max()  # type: ignore[attr-defined]  # of this monitor's own


def test_a_study_of_accounts_runs_and_marks_its_verdicts(study: ExperimentConfig) -> None:
    found = {o.name: o for o in run_groups(study, 1)}
    assert found["nothing"].run.users["value"].equals(found["nothing"].run.users["value_no_offer"].rename("value"))
    assert set(found["nudged"].verdicts["mark"]) <= {"right", "rightly silent", "too close to mark", "missed"}
    assert (found["nudged"].run.weekly["share.no_offer"] < 0.5).any()
