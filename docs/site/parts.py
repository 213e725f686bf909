"""The page of what there is to choose from, read off the registries: a part that is added stands there by itself."""

from __future__ import annotations

from collections.abc import Iterator

from docs.site.markdown import table
from experiments.catalogue import KINDS, entries
from experiments.explained import explain
from rage_env import configs, mechanisms
from rage_env import scenario as scenarios

__all__ = ["pages"]

_WITH_PARAMETERS = ("agents", "estimators", "monitors")
_BESIDE_PARAMETERS = ("key", "about")


def pages() -> Iterator[tuple[str, str]]:
    """(name, text) of the one page of all parts."""
    text = ["# What there is to choose from", "", "`rage list` prints the same names, your own included.", ""]
    for kind in KINDS:
        text += [f"## {kind}", "", _entries(kind), ""]
    text += ["## guardrails", "", _guardrails(), "", "## mechanisms", "", _mechanisms()]
    yield "parts.md", "\n".join(text) + "\n"


def _entries(kind: str) -> str:
    if kind not in _WITH_PARAMETERS:
        return table(("name", "what it is"), [(f"`{e.name}`", e.about) for e in entries(kind)])
    rows = [(f"`{e.name}`", e.about, _parameters(kind, e.name)) for e in entries(kind)]
    return table(("name", "what it is", "parameters"), rows)


def _parameters(kind: str, name: str) -> str:
    """`name default`, one after the other."""
    told = explain("experiments", f"{kind}.{name}")
    params = {key: text for key, text in told.items() if key not in _BESIDE_PARAMETERS}
    return ", ".join(f"`{key}` ({text.removeprefix('default ')})" for key, text in params.items())


def _guardrails() -> str:
    rows = []
    for name in configs.names("scenarios"):
        for g in scenarios.load(name).guardrails:
            rate = f"{_sum(g.numerator)} / {_sum(g.denominator)}" if g.denominator else _sum(g.numerator)
            kept = "kept in every draw" if g.hard else "kept in expectation"
            beyond = ", beyond the status quo" if g.relative_to else ""
            rows.append((f"`{name}`", f"`{g.name}`", f"`{rate}`", f"{g.sense} {g.limit:g} a {g.horizon}{beyond}", kept))
    return table(("scenario", "guardrail", "usage", "limit", "how"), rows)


def _sum(weights: dict[str, float]) -> str:
    return " + ".join(column if weight == 1 else f"{weight:g} {column}" for column, weight in weights.items())


def _mechanisms() -> str:
    worlds = {name: scenarios.load(name) for name in configs.names("scenarios")}
    used = {name: set(world.mechanisms.model_dump(exclude_none=True)) for name, world in worlds.items()}
    rows = []
    for name in mechanisms.names():
        about = (mechanisms.module(name).__doc__ or "").partition("\n")[0]
        rows.append((f"`{name}`", about, ", ".join(f"`{s}`" for s, held in used.items() if name in held)))
    return table(("name", "what it is", "in scenarios"), rows)
