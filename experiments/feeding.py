"""A study and MLflow: the store is made while runs compute, and fed when they are done; it never costs a result."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.config import ExperimentConfig
from experiments.progress import Progress
from experiments.results import Results
from rage_env.errors import RageError

__all__ = ["feed", "store_at_hand"]


@contextmanager
def store_at_hand(config: ExperimentConfig, results: Results, *, wanted: bool) -> Iterator[None]:
    """Make the MLflow store in a process of its own while runs compute: its first set-up takes seconds."""
    if not wanted:
        yield
        return
    from experiments import tracking

    making = tracking.initialise_in_background(tracking.store_uri(config.tracking.uri, results.path))
    try:
        yield
        making.wait()
    finally:
        making.terminate()
        making.wait()


def feed(config: ExperimentConfig, results: Results, tell: Progress) -> None:
    """Results into MLflow. A store that does not answer costs nothing but the look: results are on disk."""
    from experiments import tracking

    try:
        done = tracking.track(results.path, config.tracking.uri, config.tracking.experiment)
    except RageError as error:
        tell.line(f"not in MLflow: {error}, with:\n  {_later(config, results)}")
    else:
        tell.line(f"MLflow: {done.uri}, {done.written} runs written, {done.kept} were there")


def _later(config: ExperimentConfig, results: Results) -> str:
    """The command that feeds what was not fed now, to the same store and experiment."""
    words = ["rage", "track", str(results.path)]
    words += ["--uri", config.tracking.uri] if config.tracking.uri else []
    words += ["--experiment", config.tracking.experiment] if config.tracking.experiment != "rage" else []
    return shlex.join(words)
