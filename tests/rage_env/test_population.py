"""People are who the scenario says, and each is drawn alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.population import Population
from rage_env.randomness import seed_key
from rage_env.state import FraudType, Lives, Traits

N = 40_000
SE = 5.0  # luck fails one comparison in 1.7 million; seeds are fixed


def people(seed: int = 3, n: int = N, *, newborn: bool = False, **overrides: object) -> tuple[Traits, Lives]:
    world = scenario.load("fintech", {"population": overrides})
    used = world.used
    population = Population(world.population, used["engagement"], used["spending"])
    return population.draw(seed_key(seed), np.arange(n), newborn=newborn)


def z_of_shares(codes: NDArray[np.int8], mix: tuple[float, ...]) -> float:
    shares = np.bincount(codes, minlength=len(mix)) / len(codes)
    error = np.sqrt(np.array(mix) * (1 - np.array(mix)) / len(codes))
    return float(np.abs((shares - mix) / np.maximum(error, 1e-12)).max())


def test_the_configured_mixes_hold() -> None:
    traits, _ = people()
    params = scenario.load("fintech").population
    reference = np.sqrt(1 + N / 20_000)  # intercepts are solved on 20,000 drawn people
    assert z_of_shares(traits.archetype, params.archetype.mix) < SE * reference
    assert z_of_shares(traits.fraud_type, params.fraud_mix) < SE
    assert z_of_shares(traits.region, params.region_mix) < SE
    assert z_of_shares(traits.channel, params.channel_mix) < SE
    assert z_of_shares(traits.archetype, (0.28, 0.37, 0.25, 0.10)) > SE * reference


def test_another_mix_holds_too_and_an_absent_archetype_never_comes() -> None:
    mix = [0.5, 0.0, 0.3, 0.2]
    traits, _ = people(archetype={"mix": mix})
    shares = np.bincount(traits.archetype, minlength=4) / N
    assert shares == pytest.approx(mix, abs=0.02)
    assert shares[1] == 0


def test_features_say_nothing_of_archetypes_at_sharpness_zero() -> None:
    def spread(sharpness: float) -> float:
        traits, _ = people(archetype={"sharpness": sharpness})
        means = [traits.intensity[traits.archetype == a].mean() for a in range(4)]
        return float(max(means) - min(means))

    assert spread(0.0) < 0.08
    assert spread(1.0) > 0.5


def survival(rate: NDArray[np.float32], weeks: int) -> float:
    return float(((1 - rate.astype(np.float64)) ** weeks).mean())


def test_half_of_newborns_stay_a_year_and_nine_tenths_of_those_another() -> None:
    traits, lives = people(newborn=True)
    assert (lives.age == 0).all()
    assert survival(traits.churn_rate, 52) == pytest.approx(0.50, abs=0.02)
    assert survival(traits.churn_rate, 104) / survival(traits.churn_rate, 52) == pytest.approx(0.90, abs=0.02)


def test_survivors_of_a_newborn_cohort_look_like_those_who_start_at_that_age() -> None:
    newborn, _ = people(newborn=True, seed=5)
    usual, lives = people(seed=6)
    stayed = np.random.default_rng(0).random(N) < (1 - newborn.churn_rate.astype(np.float64)) ** 40
    aged = usual.churn_rate[(lives.age >= 36) & (lives.age <= 44)]
    assert stats.ks_2samp(newborn.churn_rate[stayed], aged).pvalue > 1e-4
    assert stats.ks_2samp(newborn.churn_rate, aged).pvalue < 1e-4


def test_ages_reach_up_to_the_oldest_and_fall_with_survival() -> None:
    _, lives = people(churn={"oldest_age_weeks": 104})
    assert lives.age.min() == 0
    assert lives.age.max() == 104
    counts = np.bincount(lives.age.astype(int))
    assert counts[:10].mean() > counts[90:].mean()


def test_signals_carry_what_they_should_and_no_more() -> None:
    traits, _ = people()
    told = scenario.load("fintech").population.signals
    honest = traits.fraud_type == FraudType.HONEST
    for kind in (FraudType.ABUSER, FraudType.FIRST_PARTY, FraudType.THIRD_PARTY):
        mine, shift = traits.fraud_type == kind, told.device_mean[kind] - told.device_mean[0]
        assert traits.device[mine].mean() - traits.device[honest].mean() == pytest.approx(
            shift, abs=5 / np.sqrt(mine.sum())
        )
    assert traits.kyc[honest].mean() == pytest.approx(told.kyc_high[0], abs=0.01)
    assert 0.3 < np.corrcoef(np.log(traits.credit_risk), traits.credit_signal)[0, 1] < 0.9
    logit = np.log(np.clip(traits.churn_rate, 1e-3, 0.9) / (1 - np.clip(traits.churn_rate, 1e-3, 0.9)))
    assert 0.5 < np.corrcoef(logit, traits.churn_signal)[0, 1] < 0.97
    assert traits.credit_risk.mean() == pytest.approx(1.0, abs=0.02)


def test_a_person_is_the_same_among_any_others() -> None:
    many, lives_many = people(n=5000)
    few, lives_few = people(n=100)
    for mine, whole in ((few, many), (lives_few, lives_many)):
        first = whole.rows(slice(100))
        for field in set(mine.__dataclass_fields__) - {"more"}:
            assert (getattr(mine, field) == getattr(first, field)).all(), field
        assert set(mine.more) == set(first.more)
        assert all((mine.more[name] == first.more[name]).all() for name in mine.more)


def test_an_active_week_is_worth_what_the_scenario_says_on_average() -> None:
    env = CohortEnv(N, newborn=True, burn_in_weeks=0)
    env.reset(seed=2)
    means = env.truth.mean_outcomes()
    told = env.scenario.used["spending"].gmv_per_active_week_usd
    worth = means["gmv"][:, 0].sum() / means["active"][:, 0].sum()
    assert worth == pytest.approx(told, rel=0.03)
