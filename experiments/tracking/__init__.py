"""The one door to MLflow: feeds it a results folder, once or again, without ever writing a run twice.

Flat runs, one per agent and seed, tagged `rage.*`, and one comparison run with leaderboard and figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.lock import only_feeder
from experiments.results import Results
from experiments.tracking.feed import Feed
from experiments.tracking.serve import serve
from experiments.tracking.store import (
    client_of,
    default_uri,
    experiment_id,
    initialise,
    initialise_in_background,
    store_errors,
    store_uri,
)

__all__ = ["Tracked", "default_uri", "initialise", "initialise_in_background", "serve", "store_uri", "track", "where"]


@dataclass(frozen=True)
class Tracked:
    """What `track` did. uri: the store. written, kept: runs written now, and found there from before."""

    uri: str
    experiment: str
    written: int
    kept: int


def track(results_path: str | Path, uri: str | None = None, experiment: str | None = None) -> Tracked:
    """Feed a results folder to MLflow: finished runs that are not there yet, and the comparison if it changed.

    uri: of the store, by default the study's own, else $MLFLOW_TRACKING_URI, else a sqlite file beside the folder,
    made if need be. experiment: by default the study's. Raises LogError for a folder that is none, RunError for a
    store that does not answer.
    """
    results = Results.open(results_path)
    results.refuse_changed()
    store, experiment = where(results, uri, experiment)
    initialise(store)
    with only_feeder(results.path), store_errors(store):
        client = client_of(store)
        feed = Feed(client, experiment_id(client, store, experiment), results)
        done = [run for run in results.runs() if results.is_done(*run)] if _by_run(results) else []
        written = sum(feed.run(*run) for run in done)
        compared = feed.comparison()
    total = len(done) + 1
    return Tracked(store, experiment, written + compared, total - written - compared)


def where(results: Results, uri: str | None, experiment: str | None) -> tuple[str, str]:
    """Store and experiment of a study, as `track` finds them."""
    asked = _asked(results)
    own = str(asked["uri"]) if asked.get("uri") else None
    return store_uri(uri or own, results.path), experiment or str(asked.get("experiment") or "rage")


def _asked(results: Results) -> dict[str, object]:
    asked = results.config.get("tracking")
    return asked if isinstance(asked, dict) else {}


def _by_run(results: Results) -> bool:
    """Whether the study wants a run of its own in MLflow for each agent and seed."""
    return _asked(results).get("runs") is not False
