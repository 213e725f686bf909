"""Kills a study again and again and lets it go on; run as a program of its own, since it forks.

Usage: kills.py FOLDER SEED. Prints one JSON object: moments of the kills, and for each ending the files that differ
from those of a study nobody killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import experiments
from experiments import report, results
from rage_env import whole_file
from tests.experiments.lost.folders import contents, tiny

CHOSEN = 10
RANDOM = 10


def study(out: Path) -> Path:
    return experiments.run(tiny(), out=out, track=False, progress=False).path


def forked(work: Callable[[], object]) -> int:
    """Start work in a process of its own; its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except Exception:
            os._exit(1)
        os._exit(0)
    return child


def killed(child: int) -> bool:
    """Wait for its end; whether that was SIGKILL."""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, f"the study failed: {status}"
    return os.WIFSIGNALED(status)


def die_at(move: int, when: str) -> None:
    """In this process, be killed at the move of that number: while its file is written, before or after it moves."""
    real, seen = whole_file.move_in, [0]

    def counted(part: Path, path: Path) -> None:
        seen[0] += 1
        if seen[0] == move:
            if when == "torn":
                part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
            if when == "after":
                real(part, path)
            os.kill(os.getpid(), signal.SIGKILL)
        real(part, path)

    for place in (whole_file, sys.modules["rage_env.log"]):
        place.move_in = counted  # type: ignore[attr-defined]  # a name that both look up when they write


def killed_study(out: Path, move: int, when: str) -> None:
    die_at(move, when)
    study(out)


def believes_a_torn_summary(out: Path) -> bool:
    """The known-wrong way: writing in place, and taking a run for done because its files are there."""

    def torn(part: Path, path: Path) -> None:
        if path.name == "summary.json":
            path.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        os.replace(part, path)

    def careless() -> None:
        vars(results)["is_whole"] = lambda folder, files: all((folder / f).is_file() for f in files)
        study(out)

    def torn_study() -> None:
        whole_file.move_in = torn
        study(out)

    assert killed(forked(torn_study))
    child = forked(careless)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def moves_of_a_study(out: Path) -> int:
    """How many files a study moves into place."""
    real, seen = whole_file.move_in, [0]

    def counted(part: Path, path: Path) -> None:
        seen[0] += 1
        real(part, path)

    for place in (whole_file, sys.modules["rage_env.log"]):
        place.move_in = counted  # type: ignore[attr-defined]  # as above
    try:
        study(out)
    finally:
        for place in (whole_file, sys.modules["rage_env.log"]):
            place.move_in = real  # type: ignore[attr-defined]  # as above
    return seen[0]


def main(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    report.draw = lambda _: ()  # type: ignore[assignment]  # pictures are drawn from the tables compared here
    moves = moves_of_a_study(folder / "whole")
    began = time.perf_counter()
    whole = contents(study(folder / "again"))
    lasts = time.perf_counter() - began
    found: list[dict[str, object]] = []
    for i in range(CHOSEN):
        move, when = 1 + i * (moves - 1) // (CHOSEN - 1), ("torn", "before", "after")[i % 3]
        out = folder / f"chosen-{i}"
        assert killed(forked(partial(killed_study, out, move, when))), f"no kill at move {move}"
        assert not killed(forked(partial(study, out)))
        found.append(ending(out, whole, f"move {move} of {moves}, {when}"))
    out, kills = folder / "random", 0
    while kills < RANDOM:
        child = forked(partial(study, out))
        time.sleep(after := rng.random() * lasts)
        os.kill(child, signal.SIGKILL)
        kills += killed(child)
        if rng.random() < 0.5 and kills < RANDOM:  # let it end, so that later kills begin with nothing done again
            assert not killed(forked(partial(study, out)))
            found.append(ending(out, whole, f"after {after:.3f} s of {lasts:.3f} s"))
            out = folder / f"random-{kills}"
    assert not killed(forked(partial(study, out)))
    found.append(ending(out, whole, "the last"))
    fooled = believes_a_torn_summary(folder / "control")
    print(json.dumps({"kills": CHOSEN + kills, "files": len(whole), "endings": found, "control_is_fooled": fooled}))


def ending(out: Path, whole: dict[str, str], moment: str) -> dict[str, object]:
    """What a study that went on left, beside the whole one."""
    (path,) = out.iterdir()
    now = contents(path)
    differ = sorted(f for f in {*whole, *now} if whole.get(f) != now.get(f))
    parts = [str(p) for p in path.rglob(f"*{whole_file.PART}")]
    return {"moment": moment, "differ": differ, "parts": parts}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
