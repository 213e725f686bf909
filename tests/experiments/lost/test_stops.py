"""Two writers, signals, workers left behind: tested with processes of the operating system."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import experiments
from experiments.lock import at_work, only_writer
from rage_env.errors import ConfigError
from tests.experiments.lost.folders import contents, tiny
from tests.experiments.lost.test_kills import ROOT, environment

LONG = [
    *("run", "quickstart", "users=3000", "weeks=60", "seeds=[1,2,3]", "oracle.users_fit=1000", "oracle.every_weeks=0"),
    *("agents=[{kind: no_offer}, {kind: random}]", "--no-track", "--workers", "2"),
]
"""A study of six runs that lasts."""

_HOLD = "import sys, time; from pathlib import Path; from experiments.lock import {how}\n"
_HOLD += "with {how}(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"


def rage(*words: str) -> subprocess.Popen[str]:
    """The command line in a process group of its own, as a terminal starts it."""
    code = "import signal, sys\nfrom experiments.cli import main\nif __name__ == '__main__':\n"
    code += (
        "    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background\n"
    )
    code += "    sys.exit(main())\n"
    script = Path(words[-1]) / "rage.py"
    script.write_text(code)
    command = [sys.executable, str(script), *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(place.parent.name))
    return found


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A real process that writes to the folder."""
    command = [sys.executable, "-c", _HOLD.format(how="only_writer"), str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_writer_is_refused_by_the_number_of_the_first_until_that_one_is_killed(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    told = f"another process writes to it .process {holder.pid} on "
    with pytest.raises(ConfigError, match=told), only_writer(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with only_writer(tmp_path), pytest.raises(ConfigError, match="another process writes"), only_writer(tmp_path):
        pass


def test_the_next_writer_waits_for_workers_that_a_killed_one_left_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD.format(how="at_work"), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        script = "import sys; from pathlib import Path; from experiments.lock import only_writer\n"
        script += "with only_writer(Path(sys.argv[1])): print('in', flush=True)"
        second = [sys.executable, "-c", script, str(tmp_path)]
        waiting = subprocess.Popen(second, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
        until(lambda: (tmp_path / ".lock").is_file() and (tmp_path / ".lock").read_text(), "the second writer")
        assert waiting.poll() is None
        worker.kill()
        assert waiting.communicate()[0] == "in\n"
    with at_work(tmp_path), at_work(tmp_path):
        pass


def test_a_study_in_another_process_is_refused_and_nothing_of_the_first_is_touched(tmp_path: Path) -> None:
    first = experiments.run(tiny(), out=tmp_path, track=False, progress=False)
    before = contents(first.path)
    with only_writer(first.path), pytest.raises(ConfigError, match="another process writes to it"):
        experiments.run(tiny(), out=tmp_path, track=False, progress=False)
    assert contents(first.path) == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_study_and_all_its_processes_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    words = [*LONG, "--out", str(tmp_path)]
    process = rage(*words)
    until(lambda: list(tmp_path.glob("*/.workers")) and len(members(process.pid)) > 3, "workers")
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal sends Ctrl-C
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert f"stopped by {number.name}" in told
    assert f"rage {shlex.join(words)}" in told
    assert " of 6 runs are finished, in " in told
    assert "Traceback" not in told
    until(lambda: not members(process.pid), "the end of all processes", 20)
    (folder,) = tmp_path.glob("quickstart-*")
    with only_writer(folder):
        pass


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    process = rage(*LONG, "--out", str(tmp_path))
    until(lambda: list(tmp_path.glob("*/.workers")) and len(members(process.pid)) > 3, "workers")
    process.kill()
    process.communicate()
    until(lambda: not members(process.pid), "the end of its workers", 20)
