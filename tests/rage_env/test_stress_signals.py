"""Stress stays hidden, and what the bank sees of a household answers to it in the direction that the design says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rage_env import invariants
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.interface import observe
from rage_env.mechanisms.bank_account import SIGNALS
from rage_env.scenario import load
from rage_env.trial import Trial

RISES = ("salary_delay_days", "atm_withdrawals", "gambling_usd", "lending_transfers", "utility_days_late",
         "failed_debits")  # fmt: skip
FALLS = ("savings_usd", "discretionary_share")


@cache
def lived() -> tuple[
    dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]], np.ndarray[tuple[int], np.dtype[np.float32]]
]:
    """Signals averaged over twelve weeks, (n,) each, and the stress behind them."""
    env = CohortEnv(8_000, "pre_delinquency", weeks=12)
    env.reset(seed=6)
    totals = {name: np.zeros(env.num_envs) for name in SIGNALS}
    for _ in range(12):
        env.step(np.zeros(env.num_envs, np.int64))
        for name, total in totals.items():
            total += env.lives.more[name]
    return totals, env.traits.more["stress_base"] + env.lives.more["stress_shock"]


@pytest.mark.parametrize("name", RISES)
def test_strained_households_show_more_of_every_warning_sign(name: str) -> None:
    signals, stress = lived()
    assert np.corrcoef(signals[name], stress)[0, 1] > 0.1


@pytest.mark.parametrize("name", FALLS)
def test_strained_households_save_less_and_spend_less_for_fun(name: str) -> None:
    signals, stress = lived()
    assert np.corrcoef(np.log1p(signals[name]), stress)[0, 1] < -0.05


def test_without_loadings_on_stress_the_signals_would_say_nothing() -> None:
    quiet = {"usual": 0.05, "per_stress": 0.0}
    names = ("late_salary", "late_utility", "gambling", "atm", "lending", "failed_debit")
    env = CohortEnv(8_000, "pre_delinquency", scenario={"mechanisms": {"bank_account": dict.fromkeys(names, quiet)}})
    env.reset(seed=6)
    stress = env.traits.more["stress_base"] + env.lives.more["stress_shock"]
    for name in RISES:
        assert abs(np.corrcoef(env.lives.more[name], stress)[0, 1]) < 5 / np.sqrt(env.num_envs), name


def test_salaries_come_once_a_month() -> None:
    env = CohortEnv(500, "pre_delinquency", weeks=8)
    env.reset(seed=1)
    paid = np.zeros((8, 500), np.bool_)
    for week in range(8):
        env.step(np.zeros(500, np.int64))
        paid[week] = env.lives.more["salary_usd"] > 0
    here = env.lives.alive & (env.lives.age > 8)
    assert (paid[:4, here].sum(axis=0) == 1).all()
    assert (paid[:4, here] == paid[4:, here]).all()


def test_the_second_group_is_under_more_stress_and_is_a_segment_that_limits_can_name() -> None:
    env = CohortEnv(20_000, "pre_delinquency")
    seen = observe(*env.reset(seed=1))
    group, stress = seen.segments["group"], env.traits.more["stress_base"]
    assert set(np.unique(group)) == {0, 1}
    assert stress[group == 1].mean() - stress[group == 0].mean() == pytest.approx(0.30, abs=0.08)


class StressShown(CohortEnv):
    """The device score is replaced by the lasting part of stress."""

    def _features(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        out = super()._features().copy()
        out[:, self.features.names.index("device_risk")] = self.traits.more["stress_base"]
        return out


def test_a_world_that_shows_stress_is_refused() -> None:
    trial = Trial.run(StressShown(1, "pre_delinquency"), 500, 3, seed=0)
    with pytest.raises(WorldError, match="shows stress_base"):
        invariants.every()["nothing_latent_is_seen"](trial)


def test_savings_of_someone_just_seen_do_not_tell_the_level_that_they_return_to() -> None:
    env = CohortEnv(4_000, load("pre_delinquency", {"burn_in_weeks": 0}))
    env.reset(seed=8)
    shown = env.lives.more["savings_usd"]
    level = env.traits.more["savings_level"]
    told = np.exp(level)  # what the world must not show
    assert np.corrcoef(np.log(shown), level)[0, 1] < 0.98 < np.corrcoef(np.log(told), level)[0, 1]
    stress = env.traits.more["stress_base"] + env.lives.more["stress_shock"]
    strained = stress > 1
    assert (np.log(shown) - level)[strained].mean() < -0.3 < (np.log(shown) - level)[~strained].mean()
