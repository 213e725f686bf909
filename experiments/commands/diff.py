"""`rage diff`: what changed between two studies, and whether it matters."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.commands._options import OUT, AsJson, Out
from experiments.threads import one_thread

__all__ = ["diff"]

_STUDY = "A results folder, or the name of a study: its newest."


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=_STUDY)],
    b: Annotated[str, typer.Argument(metavar="B", help=_STUDY)],
    margin: Annotated[
        float, typer.Option(min=0, help="Differences within this many usd per user-week do not matter.")
    ] = 0.0,
    out: Out = OUT,
    as_json: AsJson = False,
) -> None:
    """Say what changed from study A to study B: settings, world, code, packages, and results in pairs.

    Runs of one agent and seed share users and luck, so differences have intervals far tighter than either result.
    """
    one_thread()
    from experiments.newest import named
    from experiments.study_diff import diff as compare
    from experiments.study_diff_shown import show_diff

    first, second = (named(study, out) for study in (a, b))
    for study in (first, second):
        study.refuse_changed()
    show_diff(first, second, compare(first, second, margin), as_json=as_json)
