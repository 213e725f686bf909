"""The marketing world pays for uplift and not for propensity; the table of claims can fail."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from experiments import showcase
from experiments.showcase import Claim, Row
from experiments.showcase.marketing import contrast, measure
from experiments.showcase.page import section, write


@cache
def few() -> dict[str, float]:
    return measure(1001, users=40_000)


def test_uplift_beats_propensity_which_beats_chance() -> None:
    figures = few()
    assert figures["uplift"] > 1.5 * figures["conversion"] > 1.5 * figures["random"] > 0
    assert figures["truth_over_learned"] >= 1
    assert figures["top_20"] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", showcase.names())
def test_every_claim_of_a_world_holds_over_twenty_fresh_seeds(name: str) -> None:
    broken = [row.claim.text for row in showcase.rows(name, range(1001, 1021)) if row.holds is False]
    assert not broken


def test_a_world_without_effects_would_fail_its_claim() -> None:
    claim = showcase.module("marketing").CLAIMS["uplift"]
    rng = np.random.default_rng(1)
    spend, treated = rng.exponential(16.0, 40_000), rng.random(40_000) < 0.5
    flat = contrast(spend, treated, np.arange(40_000)) * 20_000 / 100_000
    assert Row(claim, (flat,)).holds is False
    assert Row(Claim("x", "y"), (flat,)).holds is None


def test_the_page_keeps_the_sections_of_other_worlds(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "scenarios.md"
    rows = [Row(Claim("a", "1", 0.5, 1.5), (0.9, 1.1)), Row(Claim("b", "2", 5.0), (1.0,))]
    write(page, {"one": section("one", "About one.", range(3), rows)})
    write(page, {"two": section("two", "About two.", range(3), rows[:1])})
    write(page, {"one": section("one", "Again.", range(3), rows)})
    text = page.read_text()
    assert text.count("## one") == text.count("## two") == 1
    assert "About one." not in text
    assert "| a | 1 | 0.5 to 1.5 | 1 (0.9, 1.1) | yes |" in text
    assert "**no**" in text
