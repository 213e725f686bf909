"""What came before a study: a campaign on other users whose log every agent that learns has read."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from rage_env.yamltree import Json, Path

__all__ = ["Past", "past_problems"]

_Problems = Iterator[tuple[Path, str]]


class Past(BaseModel):
    """`users` others lived `weeks` weeks of the same world under `policy`, a rule that learns nothing.

    Seed s of the study has the past of seed s + seeds_apart, so nobody is judged on users that it learned from.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    policy: str = "status_quo"
    params: dict[str, object] = Field(default_factory=dict)
    users: int = Field(ge=2, le=10_000_000)
    weeks: int = Field(ge=1, le=1_000)
    seeds_apart: int = Field(default=1_000_000, ge=1, lt=2**31)


def past_problems(data: dict[str, Json]) -> _Problems:
    """(path, message) for a past that no study of this mode has, or that its policy cannot make."""
    import agents
    from agents.fixed import FixedAgent
    from experiments.config_parts import agent_problems
    from rage_env.errors import did_you_mean

    past = data.get("past")
    if not isinstance(past, dict):
        return
    if data.get("mode") == "ab":
        yield ("past",), "belongs to mode paired, and mode is 'ab'; leave it out, or give each agent a `history`"
    kind, params = past.get("policy", "status_quo"), past.get("params") or {}
    if not isinstance(kind, str) or not isinstance(params, dict):
        return
    rules = [name for name in agents.names() if issubclass(agents.policy(name), FixedAgent)]
    if kind not in rules:
        yield ("past", "policy"), f"no rule is called {kind!r}{did_you_mean(kind, rules)} Known: {', '.join(rules)}."
        return
    yield from ((("past", "params", *path), message) for path, message in agent_problems(kind, params))
