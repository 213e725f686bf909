"""The past of a study: other users, another seed, a rule; told to whoever learns, and part of the study's identity."""

from __future__ import annotations

import numpy as np
import pytest

import agents
from agents.learner import Learner
from experiments import config
from experiments.config import ExperimentConfig
from experiments.past import past_log, tell_past
from rage_env.errors import ConfigError

PAST = {"policy": "random", "users": 80, "weeks": 2}


def _study(**more: object) -> ExperimentConfig:
    return config.load("quickstart", [{"users": 50, "weeks": 2, "seeds": [3, 4], **more}])


def test_the_past_is_of_other_users_under_the_rule_and_of_every_seed_its_own() -> None:
    study = _study(past=PAST)
    first, second = past_log(study, 3), past_log(study, 4)
    assert [week.week for week in first.weeks] == [0, 1]
    assert {week.n for week in first.weeks} == {80}
    assert first.meta.agent == "random"
    assert len(np.unique(first.weeks[0].arm)) > 2
    assert not np.array_equal(first.weeks[0].arm, second.weeks[0].arm)
    assert np.array_equal(first.weeks[0].features, past_log(study, 3).weeks[0].features)


def test_learners_are_told_the_past_once_and_rules_are_not() -> None:
    study, learner, rule = _study(past=PAST), agents.load("squarecb"), agents.load("random")
    assert isinstance(learner, Learner)
    tell_past(learner, _study(), 3)
    assert learner.history is None
    tell_past(learner, study, 3)
    told = learner.history
    assert told is past_log(study, 3)
    tell_past(learner, study, 4)
    assert learner.history is told
    tell_past(rule, study, 3)


def test_a_past_changes_the_identity_of_a_study_and_its_absence_does_not() -> None:
    plain = _study()
    assert _study(past=PAST).hash != plain.hash
    assert _study(past=PAST).hash != _study(past={**PAST, "weeks": 3}).hash
    assert _study(past=None).hash == plain.hash


@pytest.mark.parametrize(
    ("past", "told"),
    [
        ({**PAST, "policy": "squarecb"}, "no rule is called 'squarecb'"),
        ({**PAST, "policy": "randm"}, "did you mean 'random'"),
        ({**PAST, "policy": "blanket", "params": {"amr": "credit_line"}}, "amr"),
        ({**PAST, "users": 1}, "past.users"),
        ({**PAST, "seeds_apart": 0}, "past.seeds_apart"),
    ],
)
def test_a_past_that_cannot_be_lived_is_refused_by_name(past: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        _study(past=past)
