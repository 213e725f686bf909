"""`rage ui` leaves nothing behind when it is ended, and says which port it cannot have."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.cli import main

CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
PARENT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in a shell's background
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "from experiments.tracking.serve import run_until_stopped; "
    "sys.exit(run_until_stopped([sys.executable, '-c', sys.argv[1], sys.argv[2]]))"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_server_ends_with_the_command_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    told = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(told)]) as command:
        until = time.monotonic() + 120
        try:
            while not (told.is_file() and told.read_text()):
                assert command.poll() is None
                assert time.monotonic() < until
                time.sleep(0.02)
            command.send_signal(number)
            assert command.wait(timeout=60) == 128 + number
        finally:
            command.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_a_port_in_use_and_a_store_that_is_none_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["ui", "--out", str(tmp_path), "--port", port]) == 2
    assert f"port: {port} cannot be used" in capsys.readouterr().err
    assert main(["ui", "--uri", "http://127.0.0.1:9"]) == 2
    assert "cannot be served here; write sqlite:///" in capsys.readouterr().err
    assert main(["ui", "--out", str(tmp_path / "none")]) == 2
    assert "no such store yet" in capsys.readouterr().err
