"""Model cards and the data card of a study: what it was made of and how to read it, as (heading, text) pairs."""

from __future__ import annotations

import json

import pandas as pd

from experiments.results import Results
from experiments.stored_experiment import config_of
from experiments.views.guardrails import world_of

__all__ = ["data_card", "model_cards"]

Card = tuple[tuple[str, str], ...]


def model_cards(results: Results, board: pd.DataFrame) -> dict[str, Card]:
    """{agent: its card}. board: the leaderboard, or an empty table."""
    config = config_of(results)
    lines = board.set_index("agent").to_dict("index") if len(board) else {}
    return {entry.label: _card(results, entry.kind, entry.params, lines.get(entry.label)) for entry in config.agents}


def _card(results: Results, kind: str, params: dict[str, object], line: dict[str, object] | None) -> Card:
    study, world = results.study, world_of(results)
    about = _about(kind)
    card = [
        ("What it is", about),
        ("Parameters", json.dumps(params) if params else "as shipped"),
        ("Lived in", f"{study.scenario}, {study.users:,} users, {study.weeks} weeks, seeds {_seeds(results)}"),
        ("Guardrails it was given", "; ".join(f"{g.name} {g.sense} {g.limit:g}" for g in world.guardrails) or "none"),
    ]
    if line is not None:
        gain = f"{line['gain']:+.3f} [{line['gain_lower']:+.3f}, {line['gain_upper']:+.3f}]"
        card.append(("Gain", f"{gain} usd per assigned user-week over {results.baseline}"))
        card.append(("Weeks with a broken limit", f"{line['weeks_violated']:g} of {line['weeks']:g}"))
        if line.get("gain_too_skewed"):
            card.append(("Caution", "losses are so rare and large that the interval is too narrow for so few users"))
    card.append(("Good for", "comparing ways to decide in a world like this one"))
    card.append(("Not for", "forecasts of what real customers would do"))
    return tuple(card)


def _about(kind: str) -> str:
    import agents

    if kind not in agents.names():
        return f"{kind}: an oracle, which is shown what no agent can know"
    text = agents.policy(kind).__doc__ or kind
    return f"{kind}: {text.strip().splitlines()[0]}"


def data_card(results: Results) -> Card:
    """Where the data come from, how many there are, and what they cannot say."""
    study, world = results.study, world_of(results)
    assumed = sum(text.startswith("assumed") for text in world.sources.values())
    origin = f"simulated; of {len(world.sources)} sources of its numbers {assumed} read `assumed`"
    size = f"{study.users:,} users x {study.weeks} weeks x {len(study.seeds)} seeds x {len(study.agents)} agents"
    hashes = {
        "study": study.hash,
        "experiment": study.config_hash,
        "world": study.scenario_hash,
        "code": study.code_hash,
    }
    return (
        ("Question", study.question),
        ("World", f"{study.scenario}: {world.description.strip()}"),
        ("Origin", f"{origin} (rage describe {study.scenario} --sources)"),
        ("Size", f"{size}; seeds {_seeds(results)}"),
        ("Arms", ", ".join(arm.name for arm in world.arms)),
        ("Value", f"net revenue less {world.retention_value_usd:g} usd for every user lost"),
        ("Late labels", "losses that become known late are settled: what was pending at the end is counted"),
        ("Identity", ", ".join(f"{what} {held[:12]}" for what, held in hashes.items())),
        ("Written", f"{study.created}, commit {study.commit or 'unknown'}"),
        ("Personal data", "none: every user is drawn by chance"),
    )


def _seeds(results: Results) -> str:
    seeds = results.study.seeds
    return ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{seeds[0]} to {seeds[-1]}"
