"""Answers `rage evaluate --stream`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from experiments import console
from experiments.answers import show_answers
from experiments.estimators._discovery import Spec
from experiments.estimators._log import Probs
from experiments.executor import RayCluster
from experiments.log_source import LogSource
from experiments.named import naming
from experiments.streaming.blocks import LogStream, open_stream
from experiments.streaming.evaluate import Policies, evaluate_stream

__all__ = ["stream_command"]

EVERY_SECONDS = 5.0
ESTIMATORS = ("naive", "dm", "ips", "snips", "dr", "sndr")


def stream_command(
    path: str | Path,
    arms: Sequence[str],
    metric: str,
    estimators: Sequence[Spec],
    workers: int,
    as_json: bool = False,
    cluster: RayCluster | None = None,
) -> None:
    """Print the value of every plain policy by every estimator. Raises InputError."""
    with naming(Path(path)):
        stream = open_stream(path, arms)
        tried = estimators or ESTIMATORS
        found = evaluate_stream(
            stream, plain_policies(stream), tried, metric, workers=workers, tell=Progress(), cluster=cluster
        )
    if as_json:
        rows = json.loads(found.to_json(orient="records"))
        console.print_json({"log": stream.origin, "metric": metric, "rows": stream.rows, "values": rows})
        return
    console.show(f"{stream.origin}: {stream.rows:,} rows, {metric}")
    for policy, rows in found.groupby("policy", sort=False):
        show_answers(rows, str(policy))
    for reason in found.loc[~found["evaluable"], "reason"].unique():
        console.show(f"not evaluable: {reason}")


def plain_policies(stream: LogStream) -> Policies:
    """Every arm for all, chance alone, and what the log itself did, as `rage evaluate` has them."""
    return _Plain(stream.name, stream.arms, stream.clusters)


@dataclass(frozen=True)
class _Plain:
    """Travels between machines, which a stream does not."""

    name: str
    arms: tuple[str, ...]
    clusters: str

    def __call__(self, table: pa.Table) -> Mapping[str, Probs]:
        return LogSource(self.name, "", table, self.arms, (), self.clusters, one_decision=False).policies()


class Progress:
    """Says how far it is, every few seconds, on standard error. Remembers when it last spoke."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def __call__(self, doing: str, done: int, rows: int) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY_SECONDS or done == rows:
            print(f"{doing}: {done:,} of {rows:,} rows, {now - self._began:.0f} s", file=sys.stderr, flush=True)
            self._last = now
