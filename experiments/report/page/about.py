"""Model cards and the data card."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import pandas as pd

from experiments.report.page.parts import Section, definitions
from experiments.results import Results
from experiments.views import cards, standing

__all__ = ["sections"]


def sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    """One card an agent, and one for the data."""
    board = standing.leaderboard(results)
    body = "".join(
        f"<details{' open' if i == 0 else ''}><summary>{escape(agent)}</summary>{definitions(card)}</details>"
        for i, (agent, card) in enumerate(cards.model_cards(results, board.table).items())
    )
    yield Section("models", "Model cards", "What each agent is, was given, and came to.", body)
    yield Section(
        "data", "Data card", "Where the data come from and what they cannot say.", definitions(cards.data_card(results))
    )
