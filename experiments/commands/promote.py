"""`rage promote`: champion and challenger."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.commands._options import OUT, AsJson, Experiment, Out, Uri
from experiments.threads import one_thread

__all__ = ["promote"]


def promote(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[NAME_OR_FOLDER]", help="A results folder, or the name of a study: its newest."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Promote this agent rather than ask the leaderboard.")] = None,
    alias: Annotated[str | None, typer.Option(help="With --agent: champion, as if left out, or challenger.")] = None,
    seed: Annotated[int | None, typer.Option(help="Whose run the policy is taken from; the first if left out.")] = None,
    name: Annotated[str | None, typer.Option(help="Registered model; rage-SCENARIO if left out.")] = None,
    uri: Uri = None,
    experiment: Experiment = None,
    out: Out = OUT,
    as_json: AsJson = False,
) -> None:
    """Register final policies with MLflow, and say who serves: models:/NAME@champion and @challenger.

    Champion is the best of the leaderboard that kept its guardrails, challenger the best of the others that plans
    within them. The run is lived again for its policy, and must come to its own figures.
    """
    one_thread()
    from experiments.newest import named
    from experiments.tracking.command import Place, choice_of, promote_command

    asked = choice_of(agent, alias, seed)
    promote_command(named(study, out), Place(uri, experiment, name), asked, as_json=as_json)
