"""A store of MLflow: where it is, how it is made, and what it says when it does not take a study."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rage_env.errors import ConfigError, RunError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = [
    "SILENT",
    "SQLITE",
    "client_of",
    "default_uri",
    "experiment_id",
    "initialise",
    "initialise_in_background",
    "store_errors",
    "store_uri",
]

SQLITE = "sqlite:///"
SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_BRIEFLY = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""How long MLflow's client tries a server that breaks off, where nobody says otherwise: by itself it takes minutes."""
_PATIENCE_S = 5.0
_REASONS = (
    ("database is locked", "is locked by another process; track again when that one is done"),
    ("readonly database", "cannot be written; give one that can with --uri"),
    ("out-of-date database schema", "was made by another MLflow and has another schema; use that one, or a new store"),
    ("filesystem tracking backend", "is a folder of files, which this MLflow takes no more; use sqlite or a server"),
    ("No space left on device", "stands on a full disk; make room"),
)
"""What MLflow says of a store, and what it means, in a few words."""


def default_uri(results_path: str | Path) -> str:
    """A sqlite file beside the results folder, shared by all studies there."""
    return SQLITE + str(Path(results_path).resolve().parent / "mlflow.db")


def store_uri(given: str | None, results_path: str | Path) -> str:
    """Where a study goes: what is given, else what MLflow's own variable says, else the file beside the results."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or default_uri(results_path)


def initialise(uri: str) -> None:
    """Make a sqlite store if the file is missing: beside it first, then moved into place, so nobody sees half of one.

    Other stores are left to whoever serves them.
    """
    if not uri.startswith(SQLITE):
        if "://" not in uri:
            raise ConfigError(
                f"tracking.uri: {uri!r} is no address; write sqlite:///path/mlflow.db or http://host:port"
            )
        return
    file = Path(uri.removeprefix(SQLITE))
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
        with store_errors(uri):
            client_of(SQLITE + str(beside.resolve())).search_experiments(max_results=1)
        if not file.exists():
            os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def initialise_in_background(uri: str) -> subprocess.Popen[bytes]:
    """Start `initialise` in a process of its own while runs compute; `track` need not wait for it, but may."""
    paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    code = "import sys; from experiments.tracking import initialise; initialise(sys.argv[1])"
    return subprocess.Popen(
        [sys.executable, "-c", code, uri],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def client_of(uri: str) -> MlflowClient:
    """A client of the store that prints nothing of its own."""
    os.environ.update({**_BRIEFLY, **os.environ, **SILENT})
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told once, by us
    return MlflowClient(tracking_uri=uri)


def _beside(uri: str) -> Path:
    """Folder of the artifacts of a sqlite store."""
    return Path(uri.removeprefix(SQLITE)).resolve().parent / "mlartifacts"


def _refuse_moved(uri: str, location: str) -> None:
    """A store remembers where its artifacts lie; moved with its results, it would list none and write elsewhere."""
    if not (uri.startswith(SQLITE) and location.startswith("file://")) or location == _beside(uri).as_uri():
        return
    if not Path(urllib.request.url2pathname(urllib.parse.urlparse(location).path)).is_dir():
        raise RunError(
            f"MLflow at {uri}: its artifacts are said to lie in {location}, which is gone: the results were moved. "
            "Delete mlflow.db and feed each results folder again with `rage track`"
        )


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """Of the experiment of that name, made if need be. Raises RunError for one that was deleted, or a moved store."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise RunError(
                f"the MLflow experiment {name!r} was deleted; restore it or set tracking.experiment to another"
            )
        _refuse_moved(uri, str(found.artifact_location))
        return str(found.experiment_id)
    beside = _beside(uri) if uri.startswith(SQLITE) else None
    return str(client.create_experiment(name, artifact_location=beside.as_uri() if beside else None))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """MLflow and what it stands on warn about each other on import and first use; none of it is the user's doing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def store_errors(uri: str, again: str = "`rage track` feeds them again") -> Iterator[None]:
    """Inside, whatever keeps a store from taking a study is a RunError of one sentence, and nothing else is printed.

    again: what to do once the store answers.
    """
    with _quietly():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            _refuse_away(uri)
            yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise RunError(f"MLflow at {uri} {_reason(error)}. Results are on disk; {again}") from error


def _refuse_away(uri: str) -> None:
    """Ask once, briefly; MLflow's own client tries for minutes. Raises OSError where nobody answers or lets us in."""
    if uri.startswith(SQLITE):
        _refuse_locked(Path(uri.removeprefix(SQLITE)))
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(uri, timeout=_PATIENCE_S).close()
    except urllib.error.HTTPError:
        return  # somebody is there


def _refuse_locked(file: Path) -> None:
    if not file.is_file():
        return
    with contextlib.closing(sqlite3.connect(file, timeout=_PATIENCE_S)) as store:
        try:
            store.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OSError(str(error)) from error
        except sqlite3.DatabaseError:
            return  # no database at all, which MLflow says better


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    known = next((meaning for said, meaning in _REASONS if said in text), None)
    if known is not None:
        return known
    if isinstance(error, urllib.error.URLError | ConnectionError | TimeoutError):
        return f"does not answer ({text[:120]})"
    return f"does not take the study: {text[:300].rstrip('.')}"
