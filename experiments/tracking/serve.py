"""MLflow's own pages, served on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from experiments.tracking.store import SILENT, SQLITE
from rage_env.errors import ConfigError, LogError

__all__ = ["serve"]

_HERE = "127.0.0.1"  # nobody else's machine


def serve(uri: str, port: int, tell: Callable[[str], None]) -> int:
    """Run the MLflow server on this machine only, until it is stopped; returns its exit code. Raises InputError.

    tell: called with the address before the server starts, which takes seconds.
    """
    if not uri.startswith(SQLITE):
        raise ConfigError(
            f"uri: {uri!r} cannot be served here; write sqlite:///path/mlflow.db, or open a server's address"
        )
    file = Path(uri.removeprefix(SQLITE)).resolve()
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
    return subprocess.run(command, env=os.environ | SILENT | silent, check=False).returncode
