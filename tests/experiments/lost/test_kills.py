"""A study that is killed at any moment goes on and ends in the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_study_killed_twenty_times_ends_in_the_same_bytes_and_leaves_no_half_written_file(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(tmp_path), "11"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == 20
    assert found["files"] > 20
    assert len(found["endings"]) > 10
    for ending in found["endings"]:
        assert (ending["differ"], ending["parts"]) == ([], []), ending
    assert found["control_is_fooled"], "writing in place was not noticed, so nothing was tested"


def environment() -> dict[str, str]:
    """Ours, with the tree on the path."""
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
