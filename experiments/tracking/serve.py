"""MLflow's own pages, served on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.interrupts import going_on
from experiments.own_port import HERE, refuse_taken
from experiments.tracking.store import SILENT, SQLITE, client_of, store_errors
from rage_env.errors import ConfigError, LogError, StoppedError

__all__ = ["run_until_stopped", "serve"]


def serve(uri: str, port: int, tell: Callable[[str], None]) -> int:
    """Run the MLflow server on this machine only, until it is stopped; returns its exit code. Raises RageError.

    tell: called with the address before the server starts, which takes seconds.
    """
    if not uri.startswith(SQLITE):
        raise ConfigError(
            f"uri: {uri!r} cannot be served here; write sqlite:///path/mlflow.db, or open a server's address"
        )
    file = Path(uri.removeprefix(SQLITE)).resolve()
    if not file.is_file():
        raise LogError(f"{uri}: no such store yet; `rage run` or `rage track` makes one")
    refuse_taken(port)
    with store_errors(uri):  # the server itself would say it by a traceback
        client_of(uri).search_experiments(max_results=1)
    beside = (file.parent / "mlartifacts").as_uri()  # else a client's artifacts lie wherever the server was started
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", HERE]
    command += ["--port", str(port), "--artifacts-destination", beside, "--uvicorn-opts", "--log-level warning"]
    tell(f"{uri}\nin a few seconds at http://{HERE}:{port} (Ctrl-C stops it)")
    return run_until_stopped(command)


def run_until_stopped(command: Sequence[str]) -> int:
    """Run the server until it ends by itself, or with us: a signal that ends this process leaves none behind."""
    silent = {"PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    with subprocess.Popen(command, env=os.environ | SILENT | silent) as server:
        try:
            with going_on():
                return server.wait()
        except StoppedError as stopped:
            return 128 + stopped.signal
        finally:
            server.terminate()
