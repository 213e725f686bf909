"""What the fintech world must show, by the truth: the margins of doing nothing, of care and of recklessness.

Three seeds of 4,000 users here; twenty fresh ones of 10,000 with every other world's in `make test-all`.
"""

from __future__ import annotations

import pytest

from experiments.showcase import Row
from experiments.showcase.fintech import CLAIMS, Told, figures, tell

Story = list[dict[str, Told]]


@pytest.fixture(scope="module")
def story() -> Story:
    return [tell(seed, 4_000) for seed in range(1, 4)]


def broken(story: Story) -> list[str]:
    measured = [figures(told) for told in story]
    rows = [Row(claim, tuple(one[key] for one in measured)) for key, claim in CLAIMS.items()]
    return [row.claim.text for row in rows if row.holds is False]


def test_care_pays_and_recklessness_breaks_limits(story: Story) -> None:
    assert broken(story) == []


@pytest.mark.parametrize(("liar", "claims_to_be"), [("unconstrained", "latent"), ("random", "no_offer")])
def test_a_world_where_the_reckless_pass_for_careful_would_be_caught(
    story: Story, liar: str, claims_to_be: str
) -> None:
    assert broken([{**told, claims_to_be: told[liar]} for told in story])
