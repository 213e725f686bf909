"""An MLflow server that is away, breaks off in the middle, and comes back: it gets in the end what it was to get."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import experiments
from experiments import report, tracking
from experiments.cli import main
from rage_env.errors import RunError
from tests.experiments.lost.folders import tiny
from tests.experiments.lost.test_kills import environment


class _OneLook(BaseHTTPRequestHandler):
    """Says that somebody is there, and has no more to say."""

    def do_GET(self) -> None:  # the name that http.server calls
        self._say(200 if self.path == "/" else 503)

    def do_POST(self) -> None:  # as above
        self._say(503)

    def _say(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "draw", lambda _: ())
    return experiments.run(tiny(keep_logs=False), out=tmp_path / "results", track=False, progress=False).path


def test_a_server_that_breaks_off_after_the_first_look_is_told_within_a_minute(study: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OneLook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    try:
        with pytest.raises(RunError, match=r"MLflow at http://127.0.0.1:\d+ .*Results are on disk; `rage track` feeds"):
            tracking.track(study, uri=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    assert time.monotonic() - began < 60


@contextmanager
def mlflow_server(store: Path, port: int) -> Iterator[str]:
    """A real one on this machine; killed on leaving."""
    words = ["-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{store / 'server.db'}", "--port", str(port)]
    words += ["--host", "127.0.0.1", "--artifacts-destination", (store / "artifacts").as_uri(), "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", *words],
        cwd=store,
        env={**environment(), "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    uri = f"http://127.0.0.1:{port}"
    try:
        _await(uri, process)
        yield uri
    finally:
        import os
        import signal

        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(uri: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 180
    while time.monotonic() < give_up and process.poll() is None:
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=5).close()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no MLflow server at {uri}")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_a_server_that_was_away_and_comes_back_gets_every_run_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    uri, out = f"http://127.0.0.1:{port}", tmp_path / "results"
    config = tmp_path / "study.yaml"
    config.write_text(tiny(keep_logs=False, tracking={"uri": uri}).model_dump_json())
    assert main(["run", str(config), "--out", str(out)]) == 0
    told = capfd.readouterr().err
    (study,) = (p for p in out.iterdir() if p.is_dir())
    assert f"not in MLflow: MLflow at {uri} does not answer" in told
    assert f"rage track {study} --uri {uri}" in told
    feed = ["track", str(study), "--uri", uri]
    with mlflow_server(tmp_path, port):
        assert main(feed) == 0
        assert "3 runs written, 0 were there" in capfd.readouterr().out
    assert main(feed) == 1
    told = capfd.readouterr().err
    assert "does not answer" in told
    assert "Traceback" not in told
    with mlflow_server(tmp_path, port):
        assert main(feed) == 0
        assert "0 runs written, 3 were there" in capfd.readouterr().out
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("rage")
        assert experiment is not None
        found = client.search_runs([experiment.experiment_id])
        assert sorted(r.data.tags["rage.run_id"] for r in found) == ["comparison", "no_offer/1", "random/1"]
        assert {r.info.status for r in found} == {"FINISHED"}
