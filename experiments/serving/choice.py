"""Who is champion and who challenger by a study's leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

import agents
from experiments.results import Results
from experiments.safe_share import MOST_SEEDS
from rage_env.errors import LogError, UnknownNameError

__all__ = ["ALIASES", "Alias", "Pick", "by_leaderboard", "pick"]

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, Alias] = ("champion", "challenger")


@dataclass(frozen=True)
class Pick:
    """An agent of a study, with what its leaderboard says. value: usd per assigned user-week."""

    agent: str
    value: float
    weeks_violated: int
    weeks: int


def by_leaderboard(results: Results) -> dict[Alias, Pick]:
    """The best that kept its guardrails, and the best of the others that may yet.

    Kept, as in `safe_share`: a limit truly broken in at most one seed of twenty. Challenger is whoever is next in value
    and kept them too, or at least plans within them; rules that ignore limits, and oracles, are never chosen. Raises
    LogError where nobody kept them.
    """
    board = _board(results)
    kinds = _kinds(results)
    served = board[[kinds[a] in agents.names() for a in board["agent"]]]
    kept = served[served["seeds_violated"] <= MOST_SEEDS * len(results.study.seeds)]
    if kept.empty:
        raise LogError(
            f"{results.path}: no agent kept its guardrails in all but one of twenty seeds; name one with --agent"
        )
    champion = _first(kept)
    planned = [a in set(kept["agent"]) or not agents.policy(kinds[a]).unconstrained for a in served["agent"]]
    rest = served[planned]
    rest = rest[rest["agent"] != champion.agent]
    picks: dict[Alias, Pick] = {"champion": champion}
    if not rest.empty:
        picks["challenger"] = _first(rest)
    return picks


def pick(results: Results, agent: str) -> Pick:
    """That agent. Raises UnknownNameError with the nearest name of the study, LogError for an oracle."""
    board = _board(results)
    if agent not in set(board["agent"]):
        raise UnknownNameError(f"agent of {results.path}", agent, board["agent"])
    if _kinds(results)[agent] not in agents.names():
        raise LogError(f"{agent}: decides by the truth, which no server has; promote an agent of `rage list agents`")
    return _first(board[board["agent"] == agent])


def _board(results: Results) -> pd.DataFrame:
    if results.config.get("mode") == "ab":
        raise LogError(
            f"{results.path}: is an A/B study, whose groups learn from a share of the users; "
            "promote from a study of mode paired"
        )
    if not results.has_table("leaderboard"):
        raise LogError(f"{results.path}: has no leaderboard yet; `rage run` goes on where it stopped")
    return results.table("leaderboard").sort_values("value", ascending=False, kind="stable")


def _kinds(results: Results) -> Mapping[str, str]:
    """{label: kind} of the study's agents."""
    entries = results.config["agents"]
    assert isinstance(entries, list)
    return {str(e["name"] or e["kind"]): str(e["kind"]) for e in entries}


def _first(board: pd.DataFrame) -> Pick:
    row = board.iloc[0]
    return Pick(str(row["agent"]), float(row["value"]), int(row["weeks_violated"]), int(row["weeks"]))
