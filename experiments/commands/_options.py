"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "OUT",
    "Address",
    "AsJson",
    "AsOf",
    "Delayed",
    "DropInvalid",
    "ExecutorName",
    "Experiment",
    "Out",
    "Overrides",
    "Policy",
    "PolicyParams",
    "Seed",
    "Uri",
    "WorldName",
    "WorldOverrides",
]

OUT = Path("results")

WorldName = Annotated[str, typer.Argument(metavar="SCENARIO", help="Name of a shipped scenario, or a YAML file.")]
WorldOverrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="e.g. weeks=30 guardrails.loss_rate.limit=0.004"),
]
Uri = Annotated[
    str | None,
    typer.Option(help="MLflow store; if left out, the study's, else $MLFLOW_TRACKING_URI, else mlflow.db beside."),
]
Experiment = Annotated[str | None, typer.Option(help="MLflow experiment; the study's if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the world's luck; the same seed, the same data.")]
Policy = Annotated[str, typer.Option(help="Who decides: an agent of `rage list agents`.")]
PolicyParams = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="KEY=VALUE", help="A parameter of the policy; may be given several times."),
]
DropInvalid = Annotated[
    bool, typer.Option("--drop-invalid", help="Leave out rows that break a rule, and say how many.")
]
Delayed = Annotated[str, typer.Option(help="How late columns count: settled, matured_only or inverse_reported_share.")]
AsOf = Annotated[int | None, typer.Option(help="Week by whose end late columns are known; the last if left out.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="e.g. users=2000 scenario_overrides.guardrails.loss_rate.limit=0.004"
    ),
]
Out = Annotated[Path, typer.Option(help="Folder that holds results folders.")]
ExecutorName = Annotated[str, typer.Option("--executor", help="process, or ray (extra `ray`); same results.")]
Address = Annotated[
    str | None, typer.Option(help="Of the Ray cluster: HOST:PORT, auto, or local, which starts one here.")
]
