"""Where some slots are empty, what is kept of users is theirs and not that of the slots in their place."""

from __future__ import annotations

import numpy as np

from experiments import config
from experiments.cohorts import cohort
from experiments.runner import exhibits_of
from experiments.showcase._accounts import audited
from rage_env.cohort import CohortEnv


def test_archetypes_and_the_audit_are_those_of_the_users_shown() -> None:
    study = config.load("b2b_nudge", [{"users": 1024, "weeks": 1, "seeds": [7]}])
    env, seen = cohort(study, 7)
    assert env.assigned < env.num_envs
    plain = CohortEnv(1024, "b2b_nudge", weeks=1)
    plain.reset(seed=7)
    alive = plain.lives.alive
    assert np.array_equal(exhibits_of(env, study, 7).archetype, plain.traits.archetype[alive])
    some = np.arange(5)
    assert np.array_equal(exhibits_of(env, study, 7, some).archetype, plain.traits.archetype[alive][:5])
    ours, theirs = audited(env, 100), audited(plain, 100)
    assert seen.n == alive.sum()
    for name in ("account", "archetype", "usage", "lift", "reactions"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
