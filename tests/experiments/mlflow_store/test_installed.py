"""From the installed wheel, with a server of MLflow in a process of its own: study, champion, served decisions."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.experiments.mlflow_store.stores import asked
from tests.test_wheel import TINY, built, installed

__all__ = ["built"]  # a fixture

AGENTS = "agents=[{kind: no_offer}, {kind: lagrangian_linucb}]"
EXAMPLE = "import mlflow, sys; print(mlflow.pyfunc.load_model(sys.argv[1]).input_example.to_json(orient='records'))"
WAIT_S = 300.0
UVICORN = "#!{}\nimport sys\nfrom uvicorn.main import main\nsys.exit(main())\n"
"""MLflow starts a program of this name, which an environment that borrows packages lacks."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], alive: str, env: Mapping[str, str], log: Path) -> Iterator[None]:
    """Inside, the command runs and answers at the address `alive`; it and its children end afterwards."""
    with log.open("w") as said:
        process = subprocess.Popen(command, env=env, cwd=log.parent, stdout=said, stderr=said, start_new_session=True)
    try:
        until = time.monotonic() + WAIT_S
        while True:
            try:
                urllib.request.urlopen(alive, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < until, log.read_text()[-3000:]
                time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


@pytest.mark.slow
def test_the_wheel_alone_feeds_a_real_server_and_serves_its_champion(
    built: Path, empty_store: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    programs = installed(tmp_path / "env", wheel, "--no-deps", "--force-reinstall", borrowed=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RAGE", "MLFLOW", "_MLFLOW"))}
    quiet = {
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    port, served = free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    env = {**clean, **quiet, "MLFLOW_TRACKING_URI": address, "PATH": f"{programs}:{clean['PATH']}"}

    def said(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    python = programs / "python"
    (programs / "uvicorn").write_text(UVICORN.format(python))
    (programs / "uvicorn").chmod(0o755)
    shutil.copy(empty_store, tmp_path / "server.db")  # initialised already
    store = f"sqlite:///{tmp_path}/server.db"
    start: list[str | Path] = [
        python,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        store,
        "--artifacts-destination",
    ]
    start += [(tmp_path / "kept").as_uri(), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with running(start, f"{address}/health", env, tmp_path / "server.log"):
        said(programs / "rage", "run", "quickstart", *TINY, AGENTS)
        told = said(programs / "rage", "promote", "--agent", "lagrangian_linucb")
        assert f"rage-fintech in {address}" in told
        assert not (tmp_path / "results" / "mlflow.db").exists()
        assert list((tmp_path / "kept").rglob("policy.npz"))
        model = "models:/rage-fintech@champion"
        rows = said(python, "-c", EXAMPLE, model)
        serve: list[str | Path] = [python, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
        serve += ["-h", "127.0.0.1", "-p", str(served)]
        here = f"http://127.0.0.1:{served}"
        with running(serve, f"{here}/ping", env, tmp_path / "serve.log"):
            status, found = asked(here, f'{{"dataframe_records": {rows}}}'.encode())
            assert status == 200, found
            assert [len(found["predictions"]), found["predictions"][0]["user_id"]] == [3, 0]
            sums = [sum(v for k, v in row.items() if k.startswith("prob_")) for row in found["predictions"]]
            assert all(abs(total - 1) < 1e-6 for total in sums)
            status, found = asked(here, {"dataframe_records": [{"user_id": 1}]})
            assert status == 400
            assert "column 'x_log_age' is missing" in found["message"]
