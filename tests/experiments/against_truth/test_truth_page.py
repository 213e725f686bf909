"""What the written report claims: read off the page as it stands, so that one made again cannot quietly say less.

`rage evaluate --against-truth --all` writes it.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from experiments.against_truth.cells import cells

DOCS = Path(__file__).resolve().parents[3] / "docs"


def rows(page: str, after: str) -> list[list[str]]:
    """Cells of the table below a heading, without its first two lines."""
    table = page.split(after, 1)[1].split("\n\n|", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip(" |").split("|")] for line in table.splitlines()[2:]]


def share(text: str) -> float:
    return float(text.rstrip("%")) / 100


def test_the_report_has_every_cell_and_its_risk_biased_log_fools_naive_and_not_dr() -> None:
    page = (DOCS / "ope_report.md").read_text(encoding="utf-8")
    told = {(row[0], row[1]): row for row in rows(page, "## At a glance")}
    assert set(told) == {(c.world.scenario, c.logging) for c in cells()}
    _, _, _, seeds, truth, _, bias, naive_wrong, *_, mean_z, within, _ = told["fintech", "risk_biased"]
    assert int(seeds) >= 200
    assert float(truth) > 0 > float(truth) + float(bias)
    assert share(naive_wrong) > 0.95
    assert abs(float(mean_z)) <= 0.2
    assert share(within) >= 0.91


def test_no_certificate_of_the_report_errs_more_often_than_alpha() -> None:
    page = (DOCS / "ope_report.md").read_text(encoding="utf-8")
    seeds = [int(n) for n in re.findall(r"slots, (\d+) seeds", page)]
    wrong = [[share(e) for e in re.findall(r" I: ([\d.]+%)", part)] for part in page.split("### ")[1:]]
    assert len(seeds) == len(wrong) == len(cells())
    assert sum(map(len, wrong)) > 30
    for errors, n in zip(wrong, seeds, strict=True):
        ours, delta = errors[::2], errors[1::2]
        assert max(ours, default=0.0) <= 0.05 + 3.9 * math.sqrt(0.05 * 0.95 / n)
        assert len(ours) == len(delta)
