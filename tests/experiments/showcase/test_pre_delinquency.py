"""The bank's world shows what is published of banks; each claim fails where the world lacks what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from experiments import showcase
from experiments.showcase import Claim, Row, _severity
from experiments.showcase._arrears import by_month
from experiments.showcase._risk import least_area
from experiments.showcase._severity import Programme
from experiments.showcase.pre_delinquency import CLAIMS
from rage_env import scenario
from rage_env.cohort import CohortEnv

SEEDS = (1001, 1002)


@cache
def shown() -> tuple[Row, ...]:
    return tuple(showcase.rows("pre_delinquency", SEEDS))


def holds(figures: Mapping[str, float], claim: str) -> bool | None:
    return Row(CLAIMS[claim], (figures[claim],)).holds


def test_every_claim_holds_on_seeds_that_tuning_never_saw() -> None:
    broken = [(row.claim.text, row.figures) for row in shown() if row.holds is False]
    assert not broken


def test_naive_success_ranks_the_arms_the_wrong_way_round() -> None:
    told = {name: row.mean for name, row in zip(CLAIMS, shown(), strict=True)}
    assert told["naive_reminder"] > told["naive_call"] > told["naive_restructure"]
    assert told["effect_reminder"] + told["call_over_reminder"] > told["effect_reminder"] > told["effect_restructure"]


def test_without_selection_by_severity_the_naive_rates_would_not_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_severity, "JUDGEMENT_SD", 1e6)
    figures = Programme(1001, 6_000).figures()
    assert holds(figures, "naive_gap") is False
    assert holds(figures, "naive_restructure") is False


class _Effective(Programme):
    """A reminder as strong as nobody has ever measured one."""

    def _cohort(self, *, keep_burn_in: bool = False) -> CohortEnv:
        arms = scenario.load("pre_delinquency").model_dump(mode="json")["arms"]
        arms[1]["effects"]["log_late"] = [-1.0] * 4
        return CohortEnv(self.users, "pre_delinquency", scenario={"arms": arms}, keep_burn_in=keep_burn_in)


def test_an_effect_beyond_what_trials_found_would_be_seen() -> None:
    figures = _Effective(1001, 3_000).figures()
    assert holds(figures, "effect_reminder") is False
    assert holds(figures, "call_over_reminder") is False


def test_everybody_at_risk_and_nobody_else_is_treated_and_the_worst_cases_most_heavily() -> None:
    programme = Programme(1001, 4_000)
    arm, table = programme.by_severity, programme.table
    assert ((arm > 0) == programme.panel).all()
    shares = np.bincount(arm[programme.panel], minlength=4)[1:] / programme.panel.sum()
    assert shares == pytest.approx(_severity.SHARES, abs=0.002)
    signs = [table["signs_8w"][arm == a].mean() for a in (1, 2, 3)]
    assert signs[0] < signs[1] < signs[2]


def test_the_least_area_of_a_curve_is_worked_by_hand() -> None:
    assert least_area(0.8, 0.5, 0.2) == pytest.approx((1 + 0.8 - 0.2) / 2)
    assert least_area(0.85, 0.65, 0.316) == pytest.approx(0.8193, abs=1e-4)
    assert least_area(0.85, 0.65, 0.316) > 0.70


def test_a_month_is_late_if_one_of_its_four_weeks_is() -> None:
    weekly = np.zeros((8, 2))
    weekly[5, 1] = 1
    assert by_month(weekly).tolist() == [[0, 0], [0, 1]]


def test_claims_that_are_only_shown_say_why() -> None:
    shown_only = [c for c in CLAIMS.values() if isinstance(c, Claim) and c.low is None and c.high is None]
    assert shown_only
    assert all(c.note for c in shown_only)
