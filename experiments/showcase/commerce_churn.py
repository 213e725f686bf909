"""A shop in three tiers of risk: do its columns lie where the tiers say, and does the drift carry customers down?

Tiers are those of the latent level, which only the truth file holds; the readings are what the shop sees of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.showcase import Claim
from rage_env.cohort import CohortEnv
from rage_env.mechanisms.lifecycle import TIERS, tier

__all__ = ["CLAIMS", "measure"]

USERS = 20_000
READINGS = {
    "orders_a_month": ((1.5, 4.0), (0.3, 1.5), (0.05, 0.3)),
    "email_open_rate": ((0.60, 0.95), (0.30, 0.60), (0.0, 0.30)),
    "cart_abandonment": ((0.05, 0.25), (0.35, 0.65), (0.70, 0.95)),
}
"""Published ranges by tier, low to high risk."""

_DAYS = ((1, 14), (15, 45), (45, 120))
_MIXES = {"first": ((0.5, 0.3, 0.2), "50/30/20"), "last": ((0.1, 0.3, 0.6), "10/30/60")}
_WIDTH = 0.05
_UNLIKE = (
    "a customer who orders .05 to .3 times a month last ordered 100 to 600 days ago on average, so the published 45 to "
    "120 days cannot be typical of the tier's order rate; the median is shown"
)


def _claims() -> dict[str, Claim]:
    told = {}
    for which, (mix, published) in _MIXES.items():
        for name, share in zip(TIERS, mix, strict=True):
            about = "week 0" if which == "first" else "week 26, with the declared drift"
            text = f"share of present customers at {name} risk, {about}"
            told[f"{which}_{name}"] = Claim(text, published, share - _WIDTH, share + _WIDTH)
    for column, ranges in READINGS.items():
        for name, (low, high) in zip(TIERS, ranges, strict=True):
            text = f"share of {name}-risk customers whose {column} lies in {low:g} to {high:g}"
            told[f"{column}_{name}"] = Claim(text, "all", 0.9)
    for name, (low, high) in zip(TIERS, _DAYS, strict=True):
        judged = name != "high"
        told[f"days_{name}"] = Claim(
            f"median days since the last order at {name} risk", f"{low} to {high}",
            float(low) if judged else None, float(high) if judged else None, "" if judged else _UNLIKE,
        )  # fmt: skip
    told["columns"] = Claim("columns that the shop sees of a customer", "about 20", 18, 32)
    told["rising"] = Claim("newborn customers whose level is higher after 26 weeks of drift", "most", 0.5)
    told["still"] = Claim("the same without the drift", "fewer", None, 0.5)
    return told


CLAIMS = _claims()


def measure(seed: int, users: int = USERS) -> dict[str, float]:
    """{claim: figure} of one cohort left alone for the scenario's weeks, and of newborn ones with and without drift."""
    env = CohortEnv(users, "commerce_churn")
    features, _ = env.reset(seed=seed)
    names, tiers = env.features.names, _tiers(env)
    out = {"columns": float(len(names)), **_shares("first", tiers)}
    for column, ranges in READINGS.items():
        seen = features[:, names.index(column)]
        for code, (name, (low, high)) in enumerate(zip(TIERS, ranges, strict=True)):
            mine = seen[tiers == code]
            out[f"{column}_{name}"] = float(((mine >= low) & (mine <= high)).mean())
    days = features[:, names.index("days_since_order")]
    out.update({f"days_{name}": float(np.median(days[tiers == code])) for code, name in enumerate(TIERS)})
    _leave_alone(env)
    out.update(_shares("last", _tiers(env)[env.lives.alive]))
    return {**out, "rising": _rising(seed, users // 4, {}), "still": _rising(seed, users // 4, {"drift": []})}


def _tiers(env: CohortEnv) -> NDArray[np.int8]:
    return tier(env.lives.more["risk_level"])


def _shares(which: str, tiers: NDArray[np.int8]) -> dict[str, float]:
    return {f"{which}_{name}": float((tiers == code).mean()) for code, name in enumerate(TIERS)}


def _leave_alone(env: CohortEnv) -> None:
    for _ in range(env.scenario.weeks):
        env.step(np.zeros(env.num_envs, np.int64))


def _rising(seed: int, users: int, changes: dict[str, list[object]]) -> float:
    """Share of newborn customers still there whose level has risen over the scenario's weeks."""
    env = CohortEnv(users, "commerce_churn", newborn=True, scenario={"burn_in_weeks": 0, **changes})
    env.reset(seed=seed)
    before = env.lives.more["risk_level"].copy()
    _leave_alone(env)
    here = env.lives.alive
    return float((env.lives.more["risk_level"][here] > before[here]).mean())
