"""`rage dashboard` answers on this machine alone, and says what stands in its way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from experiments.cli import main
from experiments.dashboard.serve import HERE
from experiments.results import Results


def test_a_port_in_use_is_named_with_the_way_out(shown_study: Results, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["dashboard", str(shown_study.path), "--port", str(port)]) == 2
    assert f"port: {port} cannot be used" in (said := capsys.readouterr().err)
    assert "--port" in said


def test_a_folder_without_results_or_an_unknown_study_is_refused(
    tmp_path: Path, shown_study: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dashboard", "--out", str(tmp_path / "nowhere")]) == 2
    assert "holds no results yet; `rage run quickstart` makes some" in capsys.readouterr().err
    assert main(["dashboard", "smal", "--out", str(shown_study.path.parent)]) == 2
    assert "did you mean 'small'?" in capsys.readouterr().err
    assert main(["dashboard", str(tmp_path)]) == 2
    assert "not a results folder" in capsys.readouterr().err


def test_without_streamlit_the_command_says_what_to_install(
    shown_study: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["dashboard", str(shown_study.path)]) == 2
    assert "pip install 'rage-env[dashboard]'" in capsys.readouterr().err


def test_the_server_answers_here_alone_and_ends_when_asked(shown_study: Results) -> None:
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "experiments.cli", "dashboard", str(shown_study.path), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ})
    try:
        assert server.stdout is not None
        said = server.stdout.readline() + server.stdout.readline()
        assert f"http://{HERE}:{port}" in said
        assert _answers(port)
        listening = Path("/proc/net/tcp").read_text() if Path("/proc/net/tcp").exists() else ""
        assert f"00000000:{port:04X}" not in listening
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)


def _answers(port: int) -> bool:
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://{HERE}:{port}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.25)
    return False


def test_no_visitor_waits_for_the_solver_to_be_read() -> None:
    code = "import sys; from experiments.dashboard.serve import warm; warm(); sys.exit('cvxpy' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
