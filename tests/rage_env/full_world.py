"""fintech with every optional mechanism switched on, for tests that must hold for all of them."""

from __future__ import annotations

from typing import Any

from rage_env.cohort import CohortEnv

__all__ = ["FULL", "full_cohort"]

FULL: dict[str, Any] = {
    "mechanisms": {
        "reach": {
            "delivered": {"push": 0.7, "account": 0.9},
            "cool_down_weeks": 1,
            "eligible": {"credit_line": {"min_age_weeks": 4.0, "kyc_high": True, "most_fraud_reported": 0.0}},
        },
        "attraction": {"share_per_usd": 0.002, "highest_share": 0.08},
        "abuse": {"adaptive": True, "eagerness": 2.0},
        "recovery": {"share": 0.2},
        "corruption": {"unreported": 0.1, "false_reports": [0.0005, 0.0005, 0.02, 0.0005]},
    },
    "drift": [
        {
            "target": "mechanisms.spending.gmv_per_active_week_usd",
            "kind": "seasonal",
            "size": 0.2,
            "period_weeks": 13.0,
        },
        {
            "target": "mechanisms.engagement.momentum_logit",
            "kind": "linear",
            "size": 0.3,
            "how": "shift",
            "over_weeks": 8,
        },
        {"target": "arms.bonus_5.redemption_rate", "kind": "abrupt", "size": 0.5, "from_week": 3},
        {"target": "mechanisms.fraud.third_party_rate", "kind": "random_walk", "size": 0.05},
        {"target": "population.fraud_mix", "kind": "linear", "to": [0.9, 0.05, 0.02, 0.03], "over_weeks": 10},
    ],
    "arrivals": {"initial_share": 0.5, "growth": 0.05, "until_week": 8},
    "sources": {"mechanisms": "assumed", "drift": "assumed", "arrivals": "assumed"},
}


def full_cohort(n: int, **changes: Any) -> CohortEnv:  # Any: keywords of CohortEnv
    """A cohort of that world."""
    return CohortEnv(n, scenario=FULL, **changes)
