"""How an agent is configured: a frozen, strict model of its parameters, all problems reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.interface import Agent
from rage_env.errors import ConfigError, did_you_mean

__all__ = ["AgentParams", "Configured"]


class AgentParams(BaseModel):
    """What every agent takes. seed: of the agent's own randomness, which is separate from the world's luck."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    seed: int = Field(default=0, ge=0)


class Configured(Agent):
    """An agent made from a checked `Params`; the base of everything in agents/policies."""

    name: str = ""
    unconstrained: bool = False
    Params: ClassVar[type[AgentParams]] = AgentParams

    def __init__(self, params: AgentParams | None = None) -> None:
        self.params = self.Params() if params is None else params

    @classmethod
    def configured(cls, raw: Mapping[str, object]) -> Self:
        """One from plain values. Raises ConfigError with one line for each parameter that breaks a rule."""
        try:
            return cls(cls.Params.model_validate(dict(raw)))
        except ValidationError as error:
            known = list(cls.Params.model_fields)
            raise ConfigError([_line(cls.name, dict(e), known) for e in error.errors()]) from error


def _line(agent: str, error: Mapping[str, object], known: list[str]) -> str:
    where = error["loc"]
    path = ".".join(str(part) for part in where) if isinstance(where, tuple) else str(where)
    if error["type"] == "extra_forbidden":
        return f"agent {agent}: {path} is not a parameter{did_you_mean(path, known)} Known: {', '.join(known)}."
    message = str(error["msg"]).removeprefix("Value error, ")
    if not path:  # a rule on several parameters together, which names them itself
        return f"agent {agent}: {message}"
    return f"agent {agent}: {path}: {message}; got {error['input']!r}"
