"""What the card networks would say of a month, and why their ratio rises when growth stops."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest

from experiments.facts.networks import Month, by_month, months
from experiments.facts.panel import Floats
from rage_env.cohort import CohortEnv
from rage_env.outcomes import DELAYED

NAMES = ("fraud_reports", "disputes", "chargebacks")


def month(cases: float, chargebacks: float, *, settled: float = 100_000.0, on: date, scale: float = 1.0) -> Month:
    """The second of two months with these totals."""
    weekly = {"fraud_reports": cases / 2, "disputes": cases / 2, "chargebacks": chargebacks, "transactions": settled}
    return months({name: np.full(8, total / 4) for name, total in weekly.items()}, scale=scale, on=on)[1]


@pytest.mark.parametrize(
    ("cases", "on", "status"),
    [
        (2_200, date(2025, 10, 1), "excessive"),
        (2_100, date(2025, 10, 1), "kept"),
        (2_100, date(2026, 3, 31), "kept"),
        (1_600, date(2026, 4, 1), "excessive"),
        (1_400, date(2026, 4, 1), "kept"),
    ],
)
def test_visa_s_limit_is_the_one_of_its_day(cases: float, on: date, status: str) -> None:
    assert month(cases, 0, on=on).vamp_status == status


def test_few_cases_break_no_limit_until_the_scale_makes_them_many() -> None:
    day = date(2026, 4, 1)
    few = month(1_500, 299, settled=5_000.0, on=day)
    assert (few.vamp_status, few.ecp_status) == ("kept", "excessive")
    assert month(20, 99, settled=1_000.0, on=day).ecp_status == "kept"
    assert month(20, 100, settled=1_000.0, on=day).ecp_status == "excessive"
    assert month(20, 300, settled=1_000.0, on=day).ecp_status == "high excessive"
    many = month(20, 30, settled=1_000.0, on=day, scale=100.0)
    assert (many.vamp_status, many.ecp_status) == ("excessive", "high excessive")
    assert many.vamp == month(20, 30, settled=1_000.0, on=day).vamp


@cache
def grown(delay_scale: float) -> dict[str, Floats]:
    """{column: (48,)} as they became known in a fintech that is left alone and grows by 9 % a week for 32 weeks."""
    world = {
        "arrivals": {"initial_share": 0.06, "growth": 0.09, "until_week": 32},
        "delay_scale": delay_scale,
        "population": {"fraud_mix": [0.6, 0.0, 0.2, 0.2]},
        "mechanisms": {"fraud": {"settled_share": 1.0}},
        "sources": {"arrivals": "assumed", "delay_scale": "assumed"},
    }
    env = CohortEnv(20_000, scenario=world, population="open", weeks=49)
    env.reset(seed=14)
    told: dict[str, list[float]] = {name: [] for name in (*NAMES, "transactions")}
    for _ in range(48):
        env.step(np.zeros(env.num_envs, np.int64))
        told["transactions"].append(float(env.truth.ledger()["transactions"].sum()))
        reports = env.reports()
        for name in NAMES:
            told[name].append(float(reports.amount[reports.column == DELAYED.index(name)].sum()))
    return {name: np.array(held) for name, held in told.items()}


def rise(lived: list[Month]) -> float:
    """Charge-back ratio in the three flat months after growth stopped over that of the last three of growth."""
    return float(np.mean([m.ecp for m in lived[9:12]]) / np.mean([m.ecp for m in lived[5:8]]))


def test_one_ratio_follows_from_the_other_in_every_month_of_a_lived_world() -> None:
    weekly = grown(1.0)
    lived, settled = months(weekly), by_month(weekly["transactions"])
    assert np.isnan(lived[0].ecp)
    for at in range(1, 12):
        growth = settled[at] / settled[at - 1] - 1
        share = lived[at].chargebacks / lived[at].fraud_and_disputes
        assert lived[at].ecp == pytest.approx((1 + growth) * share * lived[at].vamp, rel=1e-12)


def test_charge_backs_that_come_late_raise_the_ratio_once_growth_stops_and_prompt_ones_lower_it() -> None:
    settled = by_month(grown(1.0)["transactions"])
    assert settled[7] / settled[6] > 1.2 > 1.1 > settled[10] / settled[9]
    assert rise(months(grown(1.0))) > 1.03
    assert rise(months(grown(0.1))) < 1.0
