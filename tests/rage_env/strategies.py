"""Worlds drawn at random: any mix, effect, rate, delay, drift and set of mechanisms that the schema allows.

Numbers stay where a signal is noisy (what is clear gives latent traits away) and where what happens at all happens
often enough to be redrawn (a mean of one case in a million cannot be checked by two thousand draws).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.outcomes import LOSSES
from rage_env.scenario import Scenario
from rage_env.trial import Trial

__all__ = ["true_bounds", "worlds"]

Tree = dict[str, Any]  # Any: a JSON tree
MOST_ARMS = 12
_SOURCES = dict.fromkeys(
    ("population", "mechanisms", "arms", "status_quo", "delays", "drift", "arrivals", "burn_in_weeks", "guardrails"),
    "drawn at random",
)


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    """Two digits are enough, and shrink well."""
    return st.integers(0, 20).map(lambda i: round(low + (high - low) * i / 20, 6))


def _four(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    return st.lists(numbers, min_size=4, max_size=4)


@st.composite
def _mix(draw: st.DrawFn, size: int = 4) -> list[float]:
    parts = draw(st.lists(st.integers(0, 10), min_size=size, max_size=size).filter(lambda held: sum(held) > 0))
    return [part / sum(parts) for part in parts]


def _maybe(shown: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # Any: a JSON tree or None
    return st.none() | shown


def _arm(at: int) -> st.SearchStrategy[Tree]:
    effects = {name: _four(_number(-1.5, 1.5)) for name in ("activity_logit", "log_hazard")}
    effects |= {name: _four(_number(-0.3, 0.3)) for name in ("log_spend", "log_late")}
    drawn = {
        "name": st.just(f"arm_{at}"),
        "channel": st.sampled_from(["push", "email"]) if at > 1 else st.just("push"),  # some arm needs what may fail
        "contact_cost_usd": _number(0, 8),
        "bonus_usd": _number(0, 20),
        "redemption_rate": _number(0, 0.5),
        "cashback_rate": _number(0, 0.1),
        "extra_margin": _number(0, 0.02),
        "abuse_rate": _number(0, 0.4),
        "credit": st.booleans(),
        "effects": st.fixed_dictionaries(effects),
    }
    unknown_yet: Tree = {"offer_cap_usd": 25.0, "max_loss_usd": 1e6, "mean_loss_bound_usd": 0.0}
    return st.fixed_dictionaries(drawn).map(lambda arm: {**arm, **unknown_yet})


def _arms() -> st.SearchStrategy[list[Tree]]:
    none: Tree = {"name": "no_offer", "channel": "none", "contact_cost_usd": 0.0, "offer_cap_usd": 0.0,
                  "max_loss_usd": 1e6, "mean_loss_bound_usd": 0.0}  # fmt: skip
    return st.integers(2, MOST_ARMS).flatmap(lambda k: st.tuples(*map(_arm, range(1, k)))).map(lambda a: [none, *a])


def _population() -> st.SearchStrategy[Tree]:
    drivers = {name: _four(_number(-2, 2)) for name in ("intensity", "activity", "tenure", "momentum")}
    churn = {"alpha": _number(0.1, 2), "beta": _number(1, 100), "oldest_age_weeks": st.integers(0, 150)}
    archetype = {"mix": _mix(), "sharpness": _number(0, 2), "drivers": st.fixed_dictionaries(drivers)}
    return st.fixed_dictionaries(
        {
            "archetype": st.fixed_dictionaries(archetype),
            "fraud_mix": _mix(),
            "region_mix": st.integers(1, 8).flatmap(_mix),
            "churn": st.fixed_dictionaries(churn),
            "signals": st.fixed_dictionaries({"device_mean": _four(_number(0, 2)), "kyc_high": _four(_number(0, 1))}),
        }
    )


_ALWAYS: dict[str, st.SearchStrategy[Any]] = {
    "response": st.fixed_dictionaries(
        {name: _number(0, 0.5) for name in ("saturation", "fatigue", "fatigue_sleeping_dog", "memory")}
    ),
    "engagement": st.fixed_dictionaries(
        {
            "between": _number(0, 1),
            "ar": _number(0, 0.95),
            "beta_a": _number(0.3, 5),
            "beta_b": _number(0.3, 5),
            "momentum_logit": _number(-0.5, 0.5),
        }
    ),
    "spending": st.fixed_dictionaries(
        {
            "gmv_per_active_week_usd": _number(1, 500),
            "ticket_usd": _number(1, 100),
            "between_sd": _number(0, 0.8),
            "within_sd": _number(0.5, 1.2),
            "copula": _number(-0.8, 0.8),
        }
    ),
    "offers": st.fixed_dictionaries({"take_rate": _number(0, 1), "abuser_redemption": _number(0, 4)}),
    "fraud": st.fixed_dictionaries(
        {
            "first_party_rate": _number(0, 0.5),
            "third_party_rate": _number(0.1, 0.5),
            "settled_share": _number(0.2, 1),
            "amount_log_sd": _number(0.1, 1.5),
            "disputes_per_case": _number(0, 8),
        }
    ),
    "abuse": st.fixed_dictionaries({"loss_multiple": _number(0, 3), "adaptive": st.booleans()}),
    "churn": st.fixed_dictionaries({"highest_rate": _number(0.05, 1)}),
}
_SOMETIMES: dict[str, st.SearchStrategy[Any]] = {
    "reach": st.fixed_dictionaries(
        {
            "delivered": st.fixed_dictionaries({"push": _number(0, 1)}),
            "cool_down_weeks": st.integers(0, 4),
            "eligible": st.just({"arm_1": {"min_age_weeks": 6.0, "kyc_high": True, "most_fraud_reported": 1.0}}),
        }
    ),
    "attraction": st.just({"share_per_usd": 0.02, "highest_share": 0.3}),
    "recovery": st.fixed_dictionaries({"share": _number(0, 1)}),
    "corruption": st.fixed_dictionaries({"unreported": _number(0, 1), "false_reports": _four(_number(0, 0.4))}),
    "reactions": st.fixed_dictionaries(
        {
            "rates": _four(_number(0, 0.4)),
            "highest_rate": st.just(0.9),
            "admin_times": _number(0, 4),
            "contagion": _number(0, 4),
            "log_hazard": _number(0, 2),
            "unrest_log_hazard": _number(0, 2),
            "admin_log_hazard": _number(0, 2),
        }
    ),
}


def _taken(world: str, *names: str) -> Tree:
    tree = scenario.load(world).model_dump(mode="json", include={"mechanisms"})["mechanisms"]
    return {name: tree[name] for name in names}


def _groups() -> st.SearchStrategy[Tree]:
    """Mechanisms that go together, as shipped worlds have them."""
    lifecycle = _taken("commerce_churn", "lifecycle", "shop_signals")
    accounts = _taken("b2b_nudge", "accounts", "attention", "muting")
    arrears = _taken("pre_delinquency", "stress", "bank_account", "delinquency")
    lending: list[Tree] = [{}, {**arrears, "credit": None, "disputes": None}, {"credit": None, "disputes": None}]
    parts = st.tuples(st.sampled_from(lending), st.sampled_from([{}, lifecycle]), st.sampled_from([{}, {}, accounts]))
    return parts.map(lambda held: {name: params for part in held for name, params in part.items()})


def _drift() -> st.SearchStrategy[Tree]:
    moved: dict[str, st.SearchStrategy[Any]] = {
        "target": st.sampled_from(
            [
                "mechanisms.spending.gmv_per_active_week_usd",
                "mechanisms.engagement.momentum_logit",
                "mechanisms.fraud.third_party_rate",
                "arms.arm_1.contact_cost_usd",
                "arms.arm_1.effects.activity_logit.0",
                "population.churn.alpha",
            ]
        ),
        "kind": st.sampled_from(["none", "linear", "abrupt", "seasonal", "random_walk"]),
        "size": _number(0, 0.05),
        "from_week": st.integers(-4, 3),
        "over_weeks": st.integers(1, 4),
        "period_weeks": _number(2, 52),
    }
    return st.fixed_dictionaries(moved)


@st.composite
def worlds(draw: st.DrawFn) -> Scenario:
    """A valid world whose arms are still without the bounds that `true_bounds` finds."""
    mechanisms = {**_taken("fintech", "credit", "disputes"), **draw(_groups())}
    mechanisms |= {name: draw(params) for name, params in _ALWAYS.items()}
    mechanisms |= {name: draw(_maybe(params)) for name, params in _SOMETIMES.items()}
    arms = draw(_arms())
    law = {"median_days": draw(_number(3, 60)), "sigma": draw(_number(0.2, 1.2)), "max_days": 126.0}
    arrivals = {"initial_share": draw(_number(0.2, 1)), "growth": draw(_number(0, 0.3)), "until_week": None}
    tree: Tree = {
        "name": "drawn",
        "burn_in_weeks": draw(st.integers(0, 8)),
        "population": draw(_population()),
        "mechanisms": mechanisms,
        "arms": arms,
        "status_quo": {"arm": f"arm_{draw(st.integers(1, len(arms) - 1))}", "share": draw(_number(0, 1))},
        "delays": dict.fromkeys(scenario.load("fintech").delays, law),
        "drift": draw(st.lists(_drift(), max_size=3)),
        "arrivals": draw(st.sampled_from([None, arrivals])),
        "sources": _SOURCES,
    }
    return scenario.load("fintech", tree)


def true_bounds(world: Scenario, users: int, weeks: int) -> Scenario:
    """The world with arms that tell agents half as much again as the mean loss that this trial of it shows."""
    trial = Trial.run(CohortEnv(1, world), users, weeks, seed=0)
    lost = np.concatenate([np.sum([w.means[c] for c in LOSSES], axis=0)[w.present] for w in trial.weeks])
    bounds = 1.5 * (lost.mean(axis=0) if len(lost) else np.zeros(len(world.arms)))
    arms = {name: {"mean_loss_bound_usd": float(b)} for name, b in zip(world.arm_names, bounds, strict=True)}
    return scenario.load(world, {"arms": arms})
