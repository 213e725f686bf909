"""What the page on coverage claims: read off it as it stands. `python -m experiments.coverage` writes it."""

from __future__ import annotations

from pathlib import Path

from tests.experiments.against_truth.test_truth_page import rows

PAGE = Path(__file__).resolve().parents[3] / "docs" / "coverage.md"


def test_the_page_meets_every_goal_but_those_of_net_revenue_over_too_few_weeks() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = rows(page, "## Goals")
    assert {row[0].split(",")[0] for row in told} == {"normal", "binary", "gmv", "net revenue"}
    assert min(int(row[4].replace(",", "")) for row in told) >= 2_000
    assert {row[2] for row in told} >= {"`ips`", "`snips`", "`dr`, given", "`dr`, ridge"}
    missed = {row[0] for row in told if row[-1] != "yes"}
    assert all(name.startswith("net revenue") and "capped" not in name for name in missed)
    shares = {(row[0], row[1]): float(row[5].rstrip("%")) for row in told if row[2] == "`dr`, given"}
    one, quarter = (shares[f"net revenue, {time}", "10,000"] for time in ("one week", "12 weeks a user"))
    assert one < 80 < 90 <= quarter


def test_rows_taken_for_users_were_caught_in_every_clustered_population() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "was not caught" not in page
    caught = {row[0] for row in rows(page, "## Known to be wrong") if row[3] == "rows for users"}
    assert len(caught) == 4
