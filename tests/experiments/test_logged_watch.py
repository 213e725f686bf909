"""A run feeds every monitor that it can feed with what was logged, and refuses the others before its first week."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments import config, monitors
from experiments.ab.trial import run_groups
from experiments.config import ExperimentConfig
from experiments.feeds import feed_of, metric_problem
from experiments.rehearsal import refuse_misfits
from experiments.runner import run_agent
from rage_env.errors import ConfigError

Small = Callable[..., ExperimentConfig]
LOGGED: list[dict[str, object]] = [
    {"kind": "arm_shares", "metric": "arms"},
    {"kind": "arm_effect", "users_per_skew2": 0.0},
    {"kind": "rare_events", "metric": "negative_reaction", "limit": 0.001},
    {"kind": "drift", "metric": "log_gmv_4w"},
]


@pytest.mark.parametrize("kind", monitors.names())
def test_every_monitor_can_be_fed_by_a_run_or_is_refused_with_a_reason(kind: str) -> None:
    reads = monitors.monitor_class(kind).reads
    feed = feed_of(reads)
    assert bool(feed.metrics) != bool(feed.refusal)
    metric = "any" if feed.open else (*feed.metrics, "")[0]
    assert bool(metric_problem(kind, reads, metric, "groups")) == bool(feed.refusal)
    assert metric_problem(kind, reads, "no_such_thing", "groups", known=("loss_rate",))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"kind": "off_policy", "limit": 1.0, "most": 2.0, "largest_weight": 9.0}, "cannot be fed by a run: it needs"),
        ({"kind": "ssrm", "shares": [0.5, 0.5]}, "mode ab checks the head-counts of its groups by itself"),
        ({"kind": "betting_mean", "limit": 0.1, "most": 1.0}, "everybody enters a run in its first week"),
        ({"kind": "events_against_control", "metric": "churned"}, "a paired run has none; use it in mode ab"),
        ({"kind": "arm_shares"}, "cannot watch 'value'; let `metric` be arms"),
        ({"kind": "naive_z", "metric": "loss_rate"}, "cannot watch 'loss_rate'; let `metric` be value"),
        ({"kind": "rare_events", "metric": "chargebacks", "limit": 0.1}, "cannot watch 'chargebacks'"),
    ],
)
def test_what_no_run_can_feed_is_refused_when_the_study_is_read(
    small: Small, entry: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=r"monitors\.0") as refused:
        small(monitors=[entry])
    assert said in str(refused.value)


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, object]]:
    """What the monitors of a run came to, whose agent tries everything."""
    study = config.load(
        "quickstart",
        [
            {"users": 2_500, "weeks": 8, "seeds": [1], "agents": [{"kind": "no_offer"}, {"kind": "random"}]},
            {"oracle": {"every_weeks": 0, "users_fit": 2000}, "monitors": LOGGED},
        ],
    )
    outcome = run_agent(study, study.agents[1], 1)
    found: dict[str, dict[str, object]] = outcome.summary["monitors"]  # type: ignore[assignment]  # by label
    return found


def test_arms_drawn_as_logged_raise_no_alarm(told: dict[str, dict[str, object]]) -> None:
    assert told["arm_shares.arms"]["mark"] == "rightly silent"


def test_many_complaints_raise_an_alarm_that_is_right(told: dict[str, dict[str, object]]) -> None:
    assert told["rare_events.negative_reaction"]["mark"] == "right"


def test_the_effect_of_an_arm_is_marked_by_its_true_mean(told: dict[str, dict[str, object]]) -> None:
    effect = told["arm_effect.value"]
    assert effect["verdict"] != "refused"
    assert effect["mark"] in ("right", "rightly silent", "too close to mark", "missed")
    assert told["drift.log_gmv_4w"]["mark"] == "no call"


def test_a_feature_that_the_world_lacks_is_refused_by_name(small: Small) -> None:
    with pytest.raises(ConfigError, match="no feature is called 'gvm'"):
        refuse_misfits(small(monitors=[{"kind": "drift", "metric": "gvm"}]))


def test_events_are_compared_between_a_group_and_the_control(small: Small) -> None:
    study = config.load(
        "quickstart",
        [
            {"mode": "ab", "ab": {"salt": "x", "control": 0.4, "deploy_truth": False}, "users": 1500, "weeks": 4},
            {"agents": [{"kind": "random"}, {"kind": "no_offer", "name": "nothing"}], "seeds": [1], "estimators": []},
            {"monitors": [{"kind": "events_against_control", "metric": "negative_reaction", "name": "angry"}]},
            {"oracle": {"every_weeks": 0, "users_fit": 2000}},
        ],
    )
    marks = {g.name: g.verdicts.set_index("monitor") for g in run_groups(study, 1)}
    assert marks["random"].loc["angry", "verdict"] == "harm"
    assert marks["random"].loc["angry", "mark"] == "right"
    assert marks["nothing"].loc["angry", "mark"] == "rightly silent"
