"""What `rage promote` does, and says."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.console import print_json, print_rows, show
from experiments.results import Results
from experiments.serving.choice import ALIASES, Alias
from experiments.tracking import track
from experiments.tracking.promote import Choice, Move, Promotion, promote
from rage_env.errors import InputError, UnknownNameError

__all__ = ["Place", "choice_of", "promote_command"]


@dataclass(frozen=True)
class Place:
    """Store, experiment and registered model; each the usual one where it is None."""

    uri: str | None = None
    experiment: str | None = None
    name: str | None = None


def choice_of(agent: str | None, alias: str | None, seed: int | None) -> Choice:
    """What is asked for. Raises InputError for an alias that is none, or that goes with no agent."""
    if alias is None:
        return Choice(agent, seed=seed)
    found: Alias | None = next((known for known in ALIASES if known == alias), None)
    if found is None:
        raise UnknownNameError("alias", alias, ALIASES)
    if agent is None:
        raise InputError(f"--alias {alias}: says what an agent becomes; name one with --agent, or leave both out")
    return Choice(agent, found, seed)


def promote_command(results: Results, place: Place, choice: Choice, *, as_json: bool) -> None:
    """Feed the study to MLflow, promote, and say what changed."""
    fed = track(results.path, place.uri, place.experiment)
    done = promote(results, fed.uri, fed.experiment, place.name, choice)
    if as_json:
        print_json(done.to_json())
        return
    print_rows([_row(move) for move in done.moves], f"{done.name} in {done.uri}")
    show(_told(done))
    print(_served(done))  # a command to be copied is not folded


def _row(move: Move) -> dict[str, object]:
    broken = "" if move.weeks_violated is None else f"{move.weeks_violated} of {move.weeks}"
    words = {"alias": move.alias, "was": move.was or "-", "now": move.now or "-"}
    return {**words, "value": "" if move.value is None else f"{move.value:.3f}", "weeks broken": broken}


def _told(done: Promotion) -> str:
    moved = [move.alias for move in done.moves if move.moved]
    new = ", ".join(done.registered) or "none"
    return f"\nnew versions: {new}; moved: {', '.join(moved) or 'nothing, it stood so already'}"


def _served(done: Promotion) -> str:
    now = next(move.alias for move in done.moves if move.now)
    serve = f"mlflow models serve -m models:/{done.name}@{now} --env-manager local -h 127.0.0.1 -p 5001"
    return f"serve it with:\n  MLFLOW_TRACKING_URI={done.uri} {serve}"
