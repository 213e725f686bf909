"""The one door to MLflow: feeds it a results folder, once or again, without ever writing a run twice.

Flat runs, one per agent and seed, tagged `rage.*`, and one comparison run with leaderboard and figures.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.results import Results
from experiments.series import Points, last_figures, weekly_series
from rage_env.errors import ConfigError, LogError, RunError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["Tracked", "default_uri", "initialise", "initialise_in_background", "serve", "track"]

MOST_METRICS = 1_000  # MLflow's own limit for one batch
_SQLITE = "sqlite:///"
_HERE = "127.0.0.1"  # nobody else's machine
_SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


@dataclass(frozen=True)
class Tracked:
    """What `track` did. uri: the store. written, kept: runs written now, and found there from before."""

    uri: str
    experiment: str
    written: int
    kept: int


def default_uri(results_path: str | Path) -> str:
    """A sqlite file beside the results folder, shared by all studies there."""
    return _SQLITE + str(Path(results_path).resolve().parent / "mlflow.db")


def track(results_path: str | Path, uri: str | None = None, experiment: str = "rage") -> Tracked:
    """Feed a results folder to MLflow: finished runs that are not there yet, and the comparison if it changed.

    uri: of the store, by default a sqlite file beside the folder, made if need be. Raises LogError for a folder
    that is none, RunError for a store that does not answer.
    """
    results = Results.open(results_path)
    store = uri or default_uri(results.path)
    initialise(store)
    with _quietly(), _store_errors(store):
        client = _client(store)
        feed = _Feed(client, _experiment_id(client, store, experiment), results)
        done = [run for run in results.runs() if results.is_done(*run)] if _by_run(results) else []
        written = sum(feed.run(*run) for run in done)
        compared = feed.comparison()
    total = len(done) + 1
    return Tracked(store, experiment, written + compared, total - written - compared)


def initialise(uri: str) -> None:
    """Make a sqlite store if the file is missing: beside it first, then moved into place, so nobody sees half of one.

    Other stores are left to whoever serves them.
    """
    if not uri.startswith(_SQLITE):
        if "://" not in uri:
            raise ConfigError(
                f"tracking.uri: {uri!r} is no address; write sqlite:///path/mlflow.db or http://host:port"
            )
        return
    file = Path(uri.removeprefix(_SQLITE))
    if file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"tracking.uri: {uri} cannot be made ({error.strerror}); name a folder you can write"
        ) from error
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with _quietly(), _store_errors(uri):
            _client(_SQLITE + str(beside.resolve())).search_experiments(max_results=1)
        if not file.exists():
            os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def initialise_in_background(uri: str) -> subprocess.Popen[bytes]:
    """Start `initialise` in a process of its own while runs compute; `track` need not wait for it, but may."""
    paths = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    code = "import sys; from experiments.tracking import initialise; initialise(sys.argv[1])"
    return subprocess.Popen(
        [sys.executable, "-c", code, uri],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def serve(uri: str, port: int, tell: Callable[[str], None]) -> int:
    """Run the MLflow server on this machine only, until it is stopped; returns its exit code. Raises InputError.

    tell: called with the address before the server starts, which takes seconds.
    """
    if not uri.startswith(_SQLITE):
        raise ConfigError(
            f"uri: {uri!r} cannot be served here; write sqlite:///path/mlflow.db, or open a server's address"
        )
    file = Path(uri.removeprefix(_SQLITE)).resolve()
    if not file.is_file():
        raise LogError(f"{uri}: no such store yet; `rage run` or `rage track` makes one")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HERE, port))
        except OSError as error:
            raise ConfigError(f"port: {port} cannot be used ({error.strerror}); give another with --port") from error
    beside = (file.parent / "mlartifacts").as_uri()  # else a client's artifacts lie wherever the server was started
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", _HERE]
    command += ["--port", str(port), "--artifacts-destination", beside, "--uvicorn-opts", "--log-level warning"]
    tell(f"{uri}\nin a few seconds at http://{_HERE}:{port} (Ctrl-C stops it)")
    silent = {"PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    return subprocess.run(command, env=os.environ | _SILENT | silent, check=False).returncode


class _Feed:
    """Writes one study into one experiment of a store; remembers what of it is already there."""

    def __init__(self, client: MlflowClient, experiment_id: str, results: Results) -> None:
        self.client, self.experiment_id, self.results = client, experiment_id, results
        found = client.search_runs(
            [experiment_id], f"tags.`rage.study_id` = '{results.study.hash}'", max_results=50_000
        )
        self.there = {run.data.tags.get("rage.run_id", ""): run for run in found}

    def run(self, agent: str, seed: int) -> bool:
        """Write the run of one agent and seed; False where it was there already."""
        key = f"{agent}/{seed}"
        if self._is_whole(key, digest=""):
            return False
        tags = {"rage.kind": "run", "rage.agent": agent, "rage.seed": str(seed)}
        with self._open(key, f"{agent} seed {seed}", tags) as run_id:
            weekly, summary = self.results.weekly(agent, seed), self.results.summary(agent, seed)
            self._metrics(run_id, [*weekly_series(weekly), *last_figures(summary)])
            for name in ("weekly.parquet", "summary.json"):
                self.client.log_artifact(run_id, str(self.results.run_folder(agent, seed) / name))
        return True

    def comparison(self) -> bool:
        """Write the comparison run, anew if its leaderboard or figures changed; False where it stands already."""
        files = [p for p in sorted(self.results.path.glob("*")) if p.is_file() and not p.name.startswith(".")]
        figures = sorted(self.results.figures.glob("*.png"))
        digest = hashlib.sha256(b"".join(hashlib.sha256(p.read_bytes()).digest() for p in files + figures)).hexdigest()
        if self._is_whole("comparison", digest):
            return False
        tags = {"rage.kind": "comparison", "rage.digest": digest}
        with self._open("comparison", f"{self.results.study.name} comparison", tags) as run_id:
            for file in files:
                self.client.log_artifact(run_id, str(file))
            for figure in figures:
                self.client.log_artifact(run_id, str(figure), "figures")
            for name in ("leaderboard", "over_seeds", "verdicts"):
                if self.results.has_table(name):
                    table = self.results.table(name)
                    self.client.log_table(run_id, table.astype(object).where(table.notna(), None), f"{name}.json")
        return True

    def _is_whole(self, key: str, digest: str) -> bool:
        """Whether that run is there and finished; a half-written or outdated one is deleted."""
        run = self.there.get(key)
        if run is None:
            return False
        if run.info.status == "FINISHED" and run.data.tags.get("rage.digest", "") == digest:
            return True
        self.client.delete_run(run.info.run_id)
        return False

    @contextlib.contextmanager
    def _open(self, key: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        from mlflow.entities import Param

        study = self.results.study
        about = {
            "rage.study": study.name,
            "rage.study_id": study.hash,
            "rage.run_id": key,
            "rage.scenario": study.scenario,
        }
        run = self.client.create_run(self.experiment_id, tags={**about, **tags}, run_name=name)
        run_id: str = run.info.run_id
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self.client.set_terminated, run_id, "FAILED")
            params = [Param(name, str(value)) for name, value in _params(self.results, tags).items()]
            self.client.log_batch(run_id, params=params, synchronous=True)
            yield run_id
            unfinished.pop_all()
        self.client.set_terminated(run_id)

    def _metrics(self, run_id: str, series: list[Points]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        rows = [Metric(s.name, value, now, week) for s in series for week, value in s.points]
        for start in range(0, len(rows), MOST_METRICS):
            self.client.log_batch(run_id, metrics=rows[start : start + MOST_METRICS], synchronous=True)


def _by_run(results: Results) -> bool:
    """Whether the study wants a run of its own in MLflow for each agent and seed."""
    asked = results.config.get("tracking")
    return not isinstance(asked, dict) or asked.get("runs") is not False


def _params(results: Results, tags: Mapping[str, str]) -> dict[str, object]:
    study = results.study
    common: dict[str, object] = {
        "users": study.users,
        "weeks": study.weeks,
        "scenario_hash": study.scenario_hash[:12],
        "config_hash": study.config_hash[:12],
        "commit": study.commit or "none",
    }
    if tags["rage.kind"] != "run":
        return {**common, "question": study.question[:500], "seeds": ", ".join(map(str, study.seeds))}
    entries = results.config.get("agents")
    mine = [a for a in entries if (a["name"] or a["kind"]) == tags["rage.agent"]] if isinstance(entries, list) else []
    of_agent = {f"agent.{k}": str(v)[:500] for k, v in (mine[0] if mine else {}).items() if v != ""}
    return {**common, "agent": tags["rage.agent"], "seed": tags["rage.seed"], **of_agent}


def _client(uri: str) -> MlflowClient:
    os.environ.update(_SILENT)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def _beside(uri: str) -> Path:
    """Folder of the artifacts of a sqlite store."""
    return Path(uri.removeprefix(_SQLITE)).resolve().parent / "mlartifacts"


def _refuse_moved(uri: str, location: str) -> None:
    """A store remembers where its artifacts lie; moved with its results, it would list none and write elsewhere."""
    if not (uri.startswith(_SQLITE) and location.startswith("file://")) or location == _beside(uri).as_uri():
        return
    if not Path(urllib.request.url2pathname(urllib.parse.urlparse(location).path)).is_dir():
        raise RunError(
            f"MLflow at {uri}: its artifacts are said to lie in {location}, which is gone: the results were moved. "
            "Delete mlflow.db and feed each results folder again with `rage track`"
        )


def _experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise RunError(
                f"the MLflow experiment {name!r} was deleted; restore it or set tracking.experiment to another"
            )
        _refuse_moved(uri, str(found.artifact_location))
        return str(found.experiment_id)
    beside = _beside(uri) if uri.startswith(_SQLITE) else None
    return str(client.create_experiment(name, artifact_location=beside.as_uri() if beside else None))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """MLflow and what it stands on warn about each other on import and first use; none of it is the user's doing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _store_errors(uri: str) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    with _quietly():
        from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, SQLAlchemyError, ConnectionError) as error:
        text = " ".join(str(error).split())[:300]
        raise RunError(
            f"MLflow at {uri} does not take the study: {text}. Results are on disk; `rage track` feeds them again"
        ) from error
