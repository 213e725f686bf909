"""Stores of MLflow for tests: one that was initialised once, a server in this process, and requests to it."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

__all__ = ["asked", "serving", "store_given_back"]


@contextmanager
def store_given_back() -> Iterator[None]:
    """Afterwards this process speaks to no particular store, whatever was set inside; MLflow's warnings are its own."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        try:
            yield
        finally:
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # as its own context manager goes back to none
            os.environ.pop("MLFLOW_TRACKING_URI", None)
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


@contextmanager
def serving(app: Any) -> Iterator[str]:  # Any: of FastAPI
    """The application at a free port of this machine, over real HTTP; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it began"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def asked(address: str, body: object, kind: str = "application/json") -> tuple[int, dict[str, Any]]:  # Any: JSON
    """Status and answer of POST /invocations. body: JSON to be, or bytes as they are sent."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/invocations", data, {"content-type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
