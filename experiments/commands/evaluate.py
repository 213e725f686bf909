"""`rage evaluate`: judge policies from a log, ours or a foreign one."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.commands._options import AsJson
from experiments.threads import one_thread

__all__ = ["evaluate"]


def evaluate(
    log: Annotated[str, typer.Argument(help="A RAGE log folder, a mapping (name or YAML), or a CSV or Parquet file.")],
    mapping: Annotated[str | None, typer.Option(help="How to read a foreign log: name or YAML file.")] = None,
    metric: Annotated[str | None, typer.Option(help="A column, num/den, or a named ratio such as nrpau.")] = None,
    limit: Annotated[float | None, typer.Option(help="Certify that the metric stays at or below it.")] = None,
    guardrail: Annotated[str | None, typer.Option(help="Certify this guardrail of the log's own world.")] = None,
    max_loss: Annotated[float | None, typer.Option(help="Most a row's numerator can be, enforced; never seen.")] = None,
    floor: Annotated[float | None, typer.Option(help="Least propensity of an arm, as the log was designed.")] = None,
    margin: Annotated[float | None, typer.Option(help="How far below its limit a rate must be told; half.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge policies from a log: values with intervals, effects, and whether a limit is proven to be kept."""
    one_thread()
    from experiments.evaluation import evaluate_command
    from experiments.limits import Limits
    from rage_env.errors import InputError

    if metric is not None and not metric.strip():
        raise InputError("--metric: is empty; give a column of the log, two as num/den, or leave it out")
    limits = Limits.of(metric, limit, guardrail, max_loss, floor, margin)
    evaluate_command(log, mapping=mapping, metric=metric, limits=limits, as_json=as_json)
