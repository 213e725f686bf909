"""The shop's claims hold on a fresh seed, and would not in a shop that does not drift."""

from __future__ import annotations

import pytest

from experiments import showcase
from experiments.showcase import Row, commerce_churn
from rage_env.cohort import CohortEnv


def test_the_shop_s_claims_hold_on_fresh_seeds() -> None:
    rows = showcase.rows("commerce_churn", [1001, 1002])
    assert [row.claim.text for row in rows if row.holds is False] == []


def test_a_shop_without_drift_fails_the_claim_on_the_last_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still(CohortEnv):
        def __init__(self, n: int, base: str, **keywords: object) -> None:
            keywords["scenario"] = {**dict(keywords.get("scenario") or {}), "drift": []}  # type: ignore[call-overload]  # a mapping where given
            super().__init__(n, base, **keywords)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(commerce_churn, "CohortEnv", Still)
    figures = commerce_churn.measure(1001, users=4_000)
    assert Row(commerce_churn.CLAIMS["last_high"], (figures["last_high"],)).holds is False
    assert Row(commerce_churn.CLAIMS["rising"], (figures["rising"],)).holds is False
