"""check_world passes sound worlds and refuses every broken one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

import rage_env
from rage_env import invariants, mutants
from rage_env.checks import AnyEnv
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, WorldError
from rage_env.mutants.labels import LabelEarly
from rage_env.mutants.neighbours import UnitDivided


def check(env: AnyEnv, seed: int = 0, progress: Callable[[str], None] | None = None) -> tuple[str, ...]:
    """Check a smaller cohort than usual."""
    return rage_env.check_world(env, users=800, weeks=8, seed=seed, progress=progress)


def test_the_shipped_world_keeps_every_invariant() -> None:
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=50, seed=3)
    assert set(rage_env.check_world(env)) == set(invariants.every())


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_so_whatever_the_seed(seed: int) -> None:
    told: list[str] = []
    kept = check(CohortEnv(5), seed, told.append)
    assert list(kept) == told


def test_checking_leaves_the_environment_as_it_was() -> None:
    env, other = CohortEnv(40), CohortEnv(40)
    obs, _ = env.reset(seed=9)
    other.reset(seed=9)
    check(env)
    arm = np.arange(40) % 6
    assert (env.step(arm)[0] == other.step(arm)[0]).all()
    assert obs.shape == (40, len(env.features))


CAUGHT_BY = {
    "CreditRepaid": "amounts_are_finite_and_not_negative",  # a sign flipped in the ledger
    "LuckByRow": "chunks_make_no_difference",
    "LatentObserved": "nothing_latent_is_seen",
    "LabelEarly": "labels_come_when_their_draw_says",  # a label that knows the future
    "MaturityDependsOnEvent": "labels_come_when_their_draw_says",
    "LabelLost": "labels_come_once_and_whole",  # losses of the departed dropped
    "CapAfterMean": "means_agree_with_redraws",
    "ContagionWithinTheWeek": "means_agree_with_redraws",
    "UniformReachesOne": "luck_lies_strictly_between_0_and_1",
    "SeedsShareValues": "luck_belongs_to_one_person_in_one_week",
    "WeeksShareValues": "luck_belongs_to_one_person_in_one_week",
}


def test_every_world_broken_on_purpose_is_refused_by_the_invariant_it_breaks() -> None:
    told = mutants.refusals()
    assert len(told) >= 18
    assert [name for name, refusal in told.items() if refusal.said is None] == []
    by = {name: str(refusal.said).partition(":")[0] for name, refusal in told.items()}
    assert set(by.values()) <= set(invariants.every())
    assert {name: by[name] for name in CAUGHT_BY} == CAUGHT_BY
    assert all(kind.__doc__ for kind in mutants.every().values())


def test_a_mutant_with_nothing_to_break_is_shown_elsewhere_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "every", lambda: {"LabelEarly": LabelEarly, "UnitDivided": UnitDivided})
    told = mutants.refusals("null_fraud", users=400, weeks=4)
    assert {name: refusal.world for name, refusal in told.items()} == {
        "LabelEarly": "fintech",
        "UnitDivided": "b2b_nudge",
    }
    assert all(refusal.said for refusal in told.values())


def test_a_mutant_that_the_check_cannot_see_is_not_called_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unseen(CohortEnv):
        """Lives are drawn under a key of its own, which is as good as any other."""

        def _settle_in(self, key: int) -> None:
            super()._settle_in(key + 1)

    monkeypatch.setattr(mutants, "every", lambda: {"Unseen": Unseen})
    assert mutants.refusals("null_fraud", users=100, weeks=2) == {"Unseen": mutants.Refusal(None, "null_fraud")}


BOUNDS: list[tuple[dict[str, Any], str]] = [  # Any: scenario fields
    ({"max_loss_usd": 100.0}, "bounds_of_the_arms_hold: user .* week .*max_loss_usd"),
    ({"mean_loss_bound_usd": 9.0}, "mean_losses_lie_within_a_third_of_their_bound: arm no_offer.*Set it to about"),
    ({"mean_loss_bound_usd": 0.01}, "mean_losses_lie_within_a_third_of_their_bound: arm no_offer"),
]


@pytest.mark.parametrize(("change", "message"), BOUNDS)
def test_a_bound_that_agents_are_told_must_be_true_and_not_far_off(change: dict[str, float], message: str) -> None:
    arms = [a.model_dump() for a in CohortEnv(1).scenario.arms]
    arms[0] |= change
    with pytest.raises(WorldError, match=message):
        rage_env.check_world(CohortEnv(5, arms=arms), users=2000, weeks=8)


def test_each_invariant_says_in_a_sentence_what_must_hold() -> None:
    for name, invariant in invariants.every().items():
        assert invariant.__doc__, name
        assert invariant.__doc__.endswith("."), name


def test_one_user_and_wrapped_environments_can_be_checked() -> None:
    env = gymnasium.make("rage/fintech-v0", user=7)
    assert check(env)


def test_an_environment_of_others_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs an environment of RAGE"):
        rage_env.check_world(gymnasium.make("CartPole-v1"))
