"""Draws the people of a world: traits and latent types, each a pure function of (seed, episode, person).

Archetypes follow a softmax over drivers; its intercepts are solved on a fixed reference sample, so that the
configured mix holds in expectation and a person's archetype does not depend on who else was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from scipy.special import betaincinv, betaln

from rage_env import hooks, mechanisms
from rage_env.errors import ConfigError
from rage_env.mechanisms import engagement, spending
from rage_env.randomness import POPULATION_WEEK, Draw, Noise, person_keys, seed_key
from rage_env.ranges import Share, check_range
from rage_env.state import Archetype, Lives, Traits
from rage_env.week import START, Newcomers, When

__all__ = ["ArchetypeParams", "ChurnParams", "Population", "PopulationParams", "SignalParams"]

Quad = tuple[float, float, float, float]
Seated = tuple[tuple[str, Any], ...]  # (mechanism, its parameters) that seat people beside each other
_REFERENCE_SIZE = 20_000
_REFERENCE_SEED = 0x5EED


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def _is_mix(mix: tuple[float, ...]) -> tuple[float, ...]:
    if any(p < 0 for p in mix) or abs(sum(mix) - 1) > 1e-9:
        raise ValueError(f"shares must be >= 0 and sum to 1; they sum to {sum(mix):g}")
    return mix


class Drivers(_Strict):
    """How each driver (all standardised) raises the odds of persuadable, sure thing, lost cause, sleeping dog.

    role: for admins, where the mechanism `accounts` says who is one. muted: for each kind of notification switched off,
    where the mechanism `muting` says how many.
    """

    intensity: Quad
    activity: Quad
    tenure: Quad
    momentum: Quad
    role: Quad | None = None
    muted: Quad | None = None


class ArchetypeParams(_Strict):
    """mix: shares of the four archetypes; sharpness: 0 makes them independent of every driver."""

    mix: Quad
    sharpness: float = Field(ge=0)
    drivers: Drivers

    _sums_to_one = field_validator("mix")(_is_mix)


class ChurnParams(_Strict):
    """Weekly churn rate of a newborn ~ Beta(alpha, beta); ages at the start reach up to oldest_age_weeks."""

    alpha: float = Field(gt=0)
    beta: float = Field(gt=0)
    oldest_age_weeks: int = Field(ge=0, le=5000)


class SignalParams(_Strict):
    """What is seen of latent traits: device score, KYC level, churn and credit signals, intensity of use."""

    device_mean: Quad
    device_sd: float = Field(gt=0)
    kyc_high: tuple[Share, Share, Share, Share]
    churn_scale: float = Field(gt=0)
    churn_sd: float = Field(ge=0)
    churn_lowest_rate: float = Field(gt=0, lt=1)
    churn_highest_rate: float = Field(gt=0, lt=1)
    credit_log_sd: float = Field(ge=0)
    credit_signal_sd: float = Field(ge=0)
    intensity_log_sd: float = Field(ge=0)
    intensity_noise_sd: float = Field(ge=0)

    @model_validator(mode="after")
    def _rates_have_a_range(self) -> Self:
        ends = self.churn_lowest_rate, self.churn_highest_rate
        check_range("churn rate", ends, "churn_lowest_rate", "churn_highest_rate")
        return self


class PopulationParams(_Strict):
    """Everything about who the people are."""

    archetype: ArchetypeParams
    fraud_mix: Quad
    region_mix: tuple[float, ...] = Field(min_length=1, max_length=8)
    channel_mix: tuple[float, ...] = Field(min_length=1, max_length=8)
    churn: ChurnParams
    signals: SignalParams

    _sum_to_one = field_validator("fraud_mix", "region_mix", "channel_mix")(_is_mix)


_GIVERS = {"role": ("nobody has a role", "accounts"), "muted": ("nobody mutes anything", "muting")}


def _check_given(drivers: Drivers, seated: Seated) -> None:
    given = {d for name, _ in seated for d in mechanisms.module(name).DRIVERS}
    for driver, (lacking, mechanism) in _GIVERS.items():
        if getattr(drivers, driver) is not None and driver not in given:
            raise ConfigError(f"population.archetype.drivers.{driver}: {lacking}; add the mechanism {mechanism}")


@dataclass(frozen=True)
class _Person:
    """Standard normals and ages from which archetypes and traits are made; arrays (n,)."""

    activity: NDArray[np.float64]
    spend: NDArray[np.float64]
    shock: NDArray[np.float32]
    intensity: NDArray[np.float32]
    age: NDArray[np.float64]
    role: NDArray[np.float64] | None = None  # 1 for admins
    muted: NDArray[np.float64] | None = None  # kinds of notifications switched off


def _codes(u: NDArray[np.floating], mix: tuple[float, ...]) -> NDArray[np.int8]:
    return np.searchsorted(np.cumsum(mix)[:-1], u, side="right").astype(np.int8)


@lru_cache(maxsize=32)
def _age_law(churn: ChurnParams) -> NDArray[np.float64]:
    """Cumulative law of the age of a user who is still there: proportional to survival B(a, b + age) / B(a, b)."""
    ages = np.arange(churn.oldest_age_weeks + 1)
    survival = np.exp(betaln(churn.alpha, churn.beta + ages) - betaln(churn.alpha, churn.beta))
    law: NDArray[np.float64] = np.cumsum(survival) / survival.sum()
    return law


class Population:
    """Draws people for one scenario."""

    def __init__(
        self,
        params: PopulationParams,
        engage: engagement.Params,
        spend: spending.Params,
        used: Mapping[str, Any] | None = None,
    ) -> None:
        self.params, self.engage, self.spend, self.used = params, engage, spend, used or {}
        self.seated = tuple((n, p) for n, p in self.used.items() if hasattr(mechanisms.module(n), "drivers"))
        _check_given(params.archetype.drivers, self.seated)
        self.intercepts = _intercepts(params, self.seated)
        self.log_level = math.log(spend.gmv_per_active_week_usd) - _log_mean_active_spend(engage, spend)

    def draw(
        self, key: int, user_id: NDArray[np.int64], *, newborn: bool, n_max: int | None = None, when: When = START
    ) -> tuple[Traits, Lives]:
        """Traits and lives of these persons when they join, mechanisms' columns too.

        key: of the seed; newborn: everyone joins at age 0; n_max: slots of the whole cohort, else ids are slots; when:
        the week they join in.
        """
        generation, slot = np.divmod(user_id, n_max or (1 << 62))
        mix = hooks.arrival_mix(self.used, self.params.fraud_mix, when.sums)
        traits, lives = self._draw(key, user_id, slot, mix, newborn)
        luck = Noise(key, traits.key, POPULATION_WEEK)
        traits = hooks.newcomers(self.used, Newcomers(luck, slot, generation, traits, lives, n_max))
        return traits, hooks.joining(self.used, traits, lives)

    def _draw(
        self, key: int, user_id: NDArray[np.int64], slot: NDArray[np.int64], fraud_mix: tuple[float, ...], newborn: bool
    ) -> tuple[Traits, Lives]:
        p, signals = self.params, self.params.signals
        keys = person_keys(key, user_id)
        luck = Noise(key, keys, POPULATION_WEEK)
        person = _seated(_person(luck, p.churn, newborn=newborn), self.seated, key, slot)
        kind = _codes(luck.uniform64(Draw.FRAUD_TYPE), fraud_mix)
        rate = betaincinv(p.churn.alpha, p.churn.beta + person.age, luck.uniform64(Draw.CHURN_RATE))
        clipped = np.clip(rate, signals.churn_lowest_rate, signals.churn_highest_rate)
        churn_noise, _ = luck.normals(Draw.CHURN_SIGNAL)
        device_noise, _ = luck.normals(Draw.DEVICE)
        credit, credit_noise = (x.astype(np.float64) * s for x, s in zip(
            luck.normals(Draw.CREDIT), (signals.credit_log_sd, signals.credit_signal_sd), strict=True))  # fmt: skip
        region, channel = luck.pair(Draw.PLACE)
        spend = self.spend.copula * person.activity + math.sqrt(1 - self.spend.copula**2) * person.spend
        traits = Traits(
            user_id=user_id.astype(np.int64),
            key=keys,
            region=_codes(region, p.region_mix),
            channel=_codes(channel, p.channel_mix),
            kyc=(luck.uniform(Draw.KYC) < np.take(signals.kyc_high, kind)).astype(np.float32),
            device=(np.take(signals.device_mean, kind) + signals.device_sd * device_noise).astype(np.float32),
            archetype=_archetypes(person, p.archetype, self.intercepts, luck.uniform64(Draw.ARCHETYPE)),
            fraud_type=kind,
            activity=person.activity.astype(np.float32),
            log_spend=(self.log_level + self.spend.between_sd * spend).astype(np.float32),
            churn_rate=rate.astype(np.float32),
            churn_signal=(
                np.log(clipped / (1 - clipped)) / signals.churn_scale + signals.churn_sd * churn_noise
            ).astype(np.float32),
            intensity=person.intensity,
            credit_risk=np.exp(credit - 0.5 * signals.credit_log_sd**2).astype(np.float32),
            credit_signal=(credit + credit_noise).astype(np.float32),
        )
        return traits, Lives.at_joining(person.age.astype(np.float32), person.shock)


def _person(luck: Noise, churn: ChurnParams, *, newborn: bool) -> _Person:
    n = len(luck.keys)
    activity, spend = luck.normals(Draw.ACTIVITY_AND_SPEND)
    shock, _ = luck.normals(Draw.STARTING_SHOCK)
    intensity, _ = luck.normals(Draw.DRIVER_1)
    age = np.zeros(n) if newborn else np.searchsorted(_age_law(churn), luck.uniform64(Draw.AGE)).astype(np.float64)
    return _Person(activity.astype(np.float64), spend.astype(np.float64), shock, intensity, age)


def _seated(person: _Person, seated: Seated, key: int, slot: NDArray[np.int64]) -> _Person:
    """The same persons with what they share with those who sit beside them."""
    if not seated:
        return person
    found = hooks.drivers(dict(seated), key, slot, {"activity": person.activity})
    return replace(person, **found)


def _scores(person: _Person, archetype: ArchetypeParams) -> NDArray[np.float64]:
    """(n, 4) softmax scores before intercepts; tenure is log age about one year."""
    drivers = archetype.drivers
    tenure = (np.log1p(person.age) - math.log(53)) / 1.2
    columns = (
        (person.intensity, drivers.intensity),
        (person.activity, drivers.activity),
        (tenure, drivers.tenure),
        (person.shock, drivers.momentum),
    )
    total = np.zeros((len(person.age), len(Archetype)))
    for x, weights in columns:
        total += np.asarray(x, np.float64)[:, None] * np.asarray(weights)
    for given, effect in ((person.role, drivers.role), (person.muted, drivers.muted)):
        if given is not None and effect is not None:
            total += given[:, None] * np.asarray(effect)
    return archetype.sharpness * total


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    out: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
    return out


def _archetypes(
    person: _Person, archetype: ArchetypeParams, intercepts: NDArray[np.float64], u: NDArray[np.float64]
) -> NDArray[np.int8]:
    below = np.cumsum(_softmax(_scores(person, archetype) + intercepts), axis=1)[:, :-1]
    out: NDArray[np.int8] = (u[:, None] > below).sum(axis=1).astype(np.int8)
    return out


@lru_cache(maxsize=32)
def _intercepts(params: PopulationParams, seated: Seated = ()) -> NDArray[np.float64]:
    """(4,) intercepts under which the reference sample has the configured mix."""
    key, slot = seed_key(_REFERENCE_SEED), np.arange(_REFERENCE_SIZE)
    luck = Noise(key, person_keys(key, slot), POPULATION_WEEK)
    person = _seated(_person(luck, params.churn, newborn=False), seated, key, slot)
    scores = _scores(person, params.archetype)
    mix = np.maximum(np.array(params.archetype.mix), 1e-300)
    intercepts: NDArray[np.float64] = np.log(mix)
    for _ in range(500):
        shares = _softmax(scores + intercepts).mean(axis=0)
        step = np.log(mix / np.maximum(shares, 1e-300))
        intercepts = intercepts + step
        if np.abs(step[mix > 1e-200]).max() < 1e-12:
            break
    return intercepts


def _log_mean_active_spend(engage: engagement.Params, spend: spending.Params) -> float:
    """Log of the mean spend of an active week at level 0, by Gauss-Hermite quadrature over z_i and s_it."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / weights.sum()
    z, s = nodes[:, None], nodes[None, :]
    latent = (math.sqrt(engage.between) * z + math.sqrt(1 - engage.between) * s).astype(np.float32)
    logit = engagement.base_logit(latent.ravel(), engage.beta_a, engage.beta_b).reshape(latent.shape)
    active = weights[:, None] * weights[None, :] / (1 + np.exp(-logit.astype(np.float64)))
    level = np.exp(spend.between_sd * spend.copula * z)
    rest = 0.5 * (spend.between_sd**2 * (1 - spend.copula**2) + spend.within_sd**2)
    return float(np.log((active * level).sum() / active.sum()) + rest)
