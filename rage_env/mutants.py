"""Worlds that are broken on purpose, one way each: check_world must refuse every one of them.

A check that cannot fail is a defect; these show that ours can. Adding a mutant is adding a class to `__all__`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import seating
from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.randomness import Noise, person_keys
from rage_env.scenario import Scenario, load
from rage_env.state import Lives, Traits
from rage_env.truth import Truth
from rage_env.week import START, Columns, When
from rage_env.world import World

__all__ = [
    "CapAfterMean",
    "ContagionWithinTheWeek",
    "CreditRepaid",
    "DepartedStillAct",
    "LabelEarly",
    "LabelLost",
    "LatentInInfo",
    "LatentObserved",
    "LeavesTwice",
    "LuckByRow",
    "SeedIgnored",
    "SpendRelativeToCohort",
    "TruthOfAnotherWeek",
    "UniformReachesOne",
    "UnitDivided",
    "every",
    "refusals",
]

Info = dict[str, Any]  # Gymnasium's own type


def every() -> dict[str, type[CohortEnv]]:
    """{name: broken environment}; a mutant's docstring says what is wrong with it."""
    return {name: globals()[name] for name in __all__ if name[0].isupper()}


def refusals(base: str | Scenario = "fintech", users: int = 800, weeks: int = 8) -> dict[str, str | None]:
    """{mutant: what check_world said when it refused it, or None where it let it pass}.

    One that passes is tried once more in a trial ten times as large: what it breaks may be rare in this world. One
    that breaks a mechanism which this world lacks (`needs`) is tried in a world that has it (`home`).
    """
    return {
        name: _refusal(kind, base, users, weeks) or _refusal(kind, base, 10 * users, 2 * weeks)
        for name, kind in every().items()
    }


def _refusal(kind: type[CohortEnv], base: str | Scenario, users: int, weeks: int) -> str | None:
    lacking = set(getattr(kind, "needs", ())) - set(load(base).used)
    try:
        check_world(kind(1, getattr(kind, "home", "fintech") if lacking else base), users=users, weeks=weeks)
    except WorldError as error:
        return str(error)
    return None


class _CreditRepaidWorld(World):
    def live(
        self,
        traits: Traits,
        lives: Lives,
        arm: NDArray[np.intp],
        luck: Noise,
        *,
        when: When = START,
        may_leave: bool = True,
    ) -> tuple[Columns, Lives]:
        now, after = super().live(traits, lives, arm, luck, when=when, may_leave=may_leave)
        return {**now, "loss_credit": -now["loss_credit"]}, after


class CreditRepaid(CohortEnv):
    """Credit losses are booked with the wrong sign."""

    needs = ("credit",)

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _CreditRepaidWorld(self.scenario)


class _CapAfterMeanWorld(World):
    def means(self, traits: Traits, lives: Lives, arm: NDArray[np.intp], *, when: When = START) -> Columns:
        out = super().means(traits, lives, arm, when=when)
        fraud = self.scenario.used["fraud"]
        mean = fraud.amount_median_usd * np.exp(0.5 * fraud.amount_log_sd**2)
        return {**out, "loss_fraud": out["fraud_reports"] * min(mean, fraud.max_loss_usd)}


class CapAfterMean(CohortEnv):
    """The conditional mean of fraud caps the mean where the draw caps the amount."""

    needs = ("fraud",)

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _CapAfterMeanWorld(self.scenario)


class LuckByRow(CohortEnv):
    """Luck belongs to the place in a chunk, not to the person."""

    def luck(self, rows: slice, week: int) -> Noise:
        """Keys of rows."""
        luck = super().luck(rows, week)
        return Noise(luck.key, person_keys(luck.key, np.arange(len(luck.keys))), luck.week)


class _ReachingOne(Noise):
    def uniform(self, draw: int) -> NDArray[np.float32]:
        h = self._hash(draw) >> np.uint64(40)
        return (h.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)


class UniformReachesOne(CohortEnv):
    """Uniforms are (k + 1/2) 2^-24, which float32 rounds up to 1."""

    def luck(self, rows: slice, week: int) -> Noise:
        """The same hashes, read carelessly."""
        luck = super().luck(rows, week)
        return _ReachingOne(luck.key, luck.keys, luck.week)


class SeedIgnored(CohortEnv):
    """Every reset draws a world of its own."""

    resets = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Never the seed that was given."""
        SeedIgnored.resets += 1
        return super().reset(seed=None if seed is None else seed + SeedIgnored.resets, options=options)


class SpendRelativeToCohort(CohortEnv):
    """Spend levels are centred on the cohort that happens to be drawn."""

    def _begin(self) -> None:
        super()._begin()
        spend = self.traits.log_spend
        spend += self.world.population.log_level - spend.mean()


class LatentObserved(CohortEnv):
    """The device score is replaced by the latent spend level."""

    def _features(self) -> NDArray[np.float32]:
        out = super()._features().copy()
        out[:, self.features.names.index("device_risk")] = 3 * self.traits.log_spend - 1
        return out


class LatentInInfo(CohortEnv):
    """A segment code gives the sleeping dogs away."""

    def _observe(self) -> tuple[NDArray[np.float32], Info]:
        obs, info = super()._observe()
        codes = (self.traits.archetype + 1) % 4
        return obs, {**info, "segment_care": codes, "_segment_care": info["_unit"]}


class LabelEarly(CohortEnv):
    """Fraud is reported a week before it is due."""

    needs = ("fraud",)

    def _report(self, week: int) -> None:
        early = self._pending.pop(week + 1)
        is_fraud = early.column == DELAYED.index("loss_fraud")
        self._pending.add(early.where(~is_fraud))
        moved = early.where(is_fraud)
        due = np.full(len(moved), week, np.int32)
        kept = self._pending.pop(week)
        self._pending.add(kept)
        if len(moved):
            self._pending.add(Reports(moved.user_id, moved.accrual_week, due, moved.column, moved.amount))
        super()._report(week)


class LabelLost(CohortEnv):
    """Losses of users who have left are never reported."""

    needs = ("fraud",)

    def _report(self, week: int) -> None:
        due = self._pending.pop(week)
        slot, _ = self._slots(due.user_id)
        self._pending.add(due.where(self.lives.alive[slot]))
        super()._report(week)


class DepartedStillAct(CohortEnv):
    """Who has left still takes the arm that was asked."""

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        super()._checked(actions)
        return actions.astype(np.intp)


class LeavesTwice(CohortEnv):
    """`terminated` stays true after a user has left."""

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Whoever is not there counts as leaving."""
        obs, reward, _, truncated, info = super().step(actions)
        return obs, reward, ~self.lives.alive, truncated, info


class _LateTruth(Truth):
    def potential_outcomes(self) -> dict[str, NDArray[np.float32]]:
        env = self._env
        return self._over_arms(
            lambda rows, arm: env.world.outcomes(
                env.traits.rows(rows), env.lives.rows(rows), arm, env.luck(rows, env.week + 1), when=env.when(env.week)
            ),
            np.float32,
        )


class TruthOfAnotherWeek(CohortEnv):
    """Potential outcomes use next week's luck."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.truth = _LateTruth(self)


class _ContagiousWorld(World):
    def live(
        self,
        traits: Traits,
        lives: Lives,
        arm: NDArray[np.intp],
        luck: Noise,
        *,
        when: When = START,
        may_leave: bool = True,
    ) -> tuple[Columns, Lives]:
        now, _ = super().live(traits, lives, arm, luck, when=when, may_leave=may_leave)
        upset = seating.colleagues(traits.more["account"], now["negative_reaction"]) > 0
        seen = lives.with_columns(dict.fromkeys(("unrest", "angry_admin"), upset.astype(np.float32)))
        return super().live(traits, seen, arm, luck, when=when, may_leave=may_leave)


class ContagionWithinTheWeek(CohortEnv):
    """Colleagues' reactions act in the week in which they happen."""

    needs, home = ("accounts", "reactions"), "b2b_nudge"

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _ContagiousWorld(self.scenario)


class UnitDivided(CohortEnv):
    """Every second user is left alone, whatever was decided for the account."""

    needs, home = ("accounts",), "b2b_nudge"

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.where(self.traits.user_id % 2, 0, super()._checked(actions)).astype(np.intp)
