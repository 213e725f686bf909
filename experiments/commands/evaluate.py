"""`rage evaluate`: judge policies from a log, ours or a foreign one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands._beside import refuse_beside
from experiments.commands._options import Address, AsJson, AsOf, Delayed, DropInvalid, ExecutorName
from experiments.threads import one_thread

if TYPE_CHECKING:
    from experiments.executor import RayCluster

__all__ = ["evaluate"]


def evaluate(
    context: typer.Context,
    log: Annotated[
        str | None, typer.Argument(help="A RAGE log folder, a mapping (name or YAML), or a CSV or Parquet file.")
    ] = None,
    mapping: Annotated[str | None, typer.Option(help="How to read a foreign log: name or YAML file.")] = None,
    metric: Annotated[str | None, typer.Option(help="A column, num/den, or a named ratio such as nrpau.")] = None,
    interval: Annotated[str, typer.Option(help="influence, bootstrap_t, bca, percentile, rare_losses.")] = "influence",
    limit: Annotated[float | None, typer.Option(help="Certify that the metric stays at or below it.")] = None,
    guardrail: Annotated[str | None, typer.Option(help="Certify this guardrail of the log's shipped world.")] = None,
    max_loss: Annotated[float | None, typer.Option(help="Most a row's numerator can be, enforced; never seen.")] = None,
    floor: Annotated[float | None, typer.Option(help="Least propensity of an arm, as the log was designed.")] = None,
    margin: Annotated[float | None, typer.Option(help="How far below its limit a rate must be told; half.")] = None,
    estimator: Annotated[list[str] | None, typer.Option(help="One of `rage list estimators`; repeatable.")] = None,
    drop_invalid: DropInvalid = False,
    delayed: Delayed = "settled",
    as_of: AsOf = None,
    estimate_propensities: Annotated[
        bool, typer.Option("--estimate-propensities", help="Guess withheld ones, and mark every number.")
    ] = False,
    overlap: Annotated[str | None, typer.Option(help="Where the log can answer, by this column.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Score this folder of `rage learn` instead.")] = None,
    streamed: Annotated[
        bool, typer.Option("--stream", help="Parquet larger than memory: block by block, plain policies, no effects.")
    ] = False,
    arms: Annotated[str | None, typer.Option(help="With --stream: names, a,b,c, where no prob_* columns tell.")] = None,
    as_in: Annotated[str | None, typer.Option(help="Value the policy of this other log, with the same arms.")] = None,
    uplift: Annotated[
        bool, typer.Option("--uplift", help="How well users are ranked by effect, and its worth.")
    ] = False,
    cost: Annotated[float, typer.Option(help="Uplift: usd per treated user.")] = 0.0,
    worth: Annotated[float, typer.Option(help="Uplift: usd per unit of the metric.")] = 1.0,
    trees: Annotated[bool, typer.Option("--trees", help="Uplift: boosted trees in place of ridge.")] = False,
    figures: Annotated[Path | None, typer.Option(help="Uplift: folder for curves and calibration as PNG.")] = None,
    against_truth: Annotated[
        bool, typer.Option("--against-truth", help="Mark all estimators on simulated logs of LOG, a scenario.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Of every scenario; writes docs/ope_report.md.")] = False,
    seeds: Annotated[int | None, typer.Option(min=2, help="At most so many logs a cell.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; threads with --stream. Same results.")] = 2,
    executor: ExecutorName = "process",
    address: Address = None,
    page: Annotated[Path | None, typer.Option(help="Where the page goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge policies from a log: values with intervals, effects, and whether a limit is proven to be kept."""
    one_thread()
    if against_truth:
        refuse_beside(context, "against_truth")
    if against_truth or every:
        _mark(log, against_truth, every, seeds, workers, _cluster(executor, address), page, as_json)
        return
    from experiments.evaluation import evaluate_command
    from experiments.limits import RARE_LOSSES, Bounds, Limits
    from experiments.log_source import Reading
    from rage_env.errors import InputError

    if metric is not None and not metric.strip():
        raise InputError("--metric: is empty; give a column of the log, two as num/den, or leave it out")
    if log is None:
        raise InputError("evaluate: name a log, or --against-truth with a scenario or --all")
    if overlap is not None:
        refuse_beside(context, "overlap")
        from experiments.overlap_report import overlap_command

        overlap_command(log, mapping, overlap, Reading(drop_invalid, delayed, as_of), as_json=as_json)
        return
    if policy is not None:
        refuse_beside(context, "policy")
        from experiments.learning.command import score_command
        from experiments.log_source import open_source

        score_command(open_source(log, mapping, Reading(drop_invalid, delayed, as_of)), policy, as_json=as_json)
        return
    if streamed:
        refuse_beside(context, "streamed")
        from experiments.streaming.command import stream_command

        named = arms.split(",") if arms else ()
        cluster = _cluster(executor, address)
        stream_command(log, named, metric or "reward", estimator or (), workers, as_json=as_json, cluster=cluster)
        return
    if _cluster(executor, address) is not None:
        raise InputError("--executor ray: is for --stream and --against-truth; a log in memory is evaluated here")
    if arms is not None:
        raise InputError("--arms: belongs to --stream; elsewhere the log or its mapping names the arms")
    reading = Reading(drop_invalid, delayed, as_of, estimate_propensities)
    if uplift:
        from experiments.uplift_report import uplift_command
        from experiments.uplift_value import Money

        money = Money(cost, worth)
        uplift_command(log, mapping, metric, money, reading, trees=trees, figures=figures, as_json=as_json)
        return
    if figures is not None or trees or cost or worth != 1:
        raise InputError("--figures, --trees, --cost and --worth belong to --uplift")
    bounds = None
    if interval == RARE_LOSSES:
        if limit is not None or guardrail is not None:
            raise InputError(f"--interval {RARE_LOSSES}: its bounds are the metric's own; ask for a certificate apart")
        bounds, max_loss, floor, interval = Bounds(max_loss, floor), None, None, "influence"
    limits = Limits.of(metric, limit, guardrail, max_loss, floor, margin)
    evaluate_command(log, mapping, metric, limits, interval, reading, estimator or (), as_json, as_in, bounds)


def _mark(
    scenario: str | None,
    against_truth: bool,
    every: bool,
    seeds: int | None,
    workers: int,
    cluster: RayCluster | None,
    page: Path | None,
    as_json: bool,
) -> None:
    from experiments.against_truth.command import truth_command
    from rage_env.errors import ConfigError

    if not against_truth:
        raise ConfigError("--all: belongs to --against-truth")
    out = Path("results") / "against_truth"
    truth_command(
        scenario,
        everything=every,
        out=out,
        page=page,
        workers=workers,
        seeds=seeds,
        as_json=as_json,
        executor="process" if cluster is None else cluster,
    )


def _cluster(executor: str, address: str | None) -> RayCluster | None:
    from experiments.executor import asked_for

    found = asked_for(executor, address)
    return None if isinstance(found, str) else found
