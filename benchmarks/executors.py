"""One study in processes and on Ray, with one worker and with two: seconds, and whether a byte differs. JSON on stdout.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python benchmarks/executors.py                  # the quickstart with 20,000 users, 6 weeks, two seeds: 14 runs

Each way has a process of its own. `start_s` is until tasks can be handed out: nothing for processes, which start with
the first task; a local cluster for Ray. `runs_s` is from then to the last file on disk, `tasks_cpu_s` what the runs
themselves noted, `speedup` compares `runs_s` with one worker of the same kind. `load_before` says how busy the machine
was with other work: above 0 wall times are too long, and speed-ups say little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # before its own folder, which holds an agents.py
import experiments
from experiments.executor import RayCluster, at_hand
from experiments.layout import WALL_CLOCK


def one_way(kind: str, workers: int, fields: dict[str, object]) -> dict[str, object]:
    """In this process: the study, its seconds, and a digest of all that must be the same."""
    executor = RayCluster("local") if kind == "ray" else "process"
    load, began = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, at_hand(executor, workers):
        ready = time.perf_counter()
        done = experiments.run(
            "quickstart", out=folder, track=False, progress=False, executor=executor, workers=workers, **fields
        )
        ended = time.perf_counter()
        runs = done.path / "runs"
        cpu = sum(sum(json.loads(f.read_text()).values()) for f in runs.rglob("timing.json"))
        digest = hashlib.sha256()
        for file in sorted(f for f in runs.rglob("*") if f.is_file() and f.name not in WALL_CLOCK):
            digest.update(file.relative_to(runs).as_posix().encode() + file.read_bytes())
    return {
        "executor": kind,
        "workers": workers,
        "start_s": round(ready - began, 1),
        "runs_s": round(ended - ready, 1),
        "tasks_cpu_s": round(cpu, 1),
        "load_before": round(load, 2),
        "digest": digest.hexdigest(),
    }


def main() -> None:
    """What the command line asks for."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    ask.add_argument("--users", type=int, default=20_000)
    ask.add_argument("--weeks", type=int, default=6)
    ask.add_argument("--seeds", type=int, default=2)
    ask.add_argument("--only", nargs=2, metavar=("KIND", "WORKERS"))
    given = ask.parse_args()
    fields = {"users": given.users, "weeks": given.weeks, "seeds": [*range(101, 101 + given.seeds)]}
    if given.only:
        print(json.dumps(one_way(given.only[0], int(given.only[1]), fields)))
        return
    size = [f"--{name}={getattr(given, name)}" for name in ("users", "weeks", "seeds")]
    ways = []
    for kind, workers in (("process", "1"), ("process", "2"), ("ray", "1"), ("ray", "2")):
        call = [sys.executable, __file__, *size, "--only", kind, workers]
        ways.append(json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout))
    alone = {way["executor"]: way["runs_s"] for way in ways if way["workers"] == 1}
    for way in ways:
        way["speedup"] = round(alone[way["executor"]] / way["runs_s"], 2)
    same = len({way.pop("digest") for way in ways}) == 1
    print(json.dumps({"benchmark": "executors", **fields, "same_bytes": same, "ways": ways}, indent=1))


if __name__ == "__main__":
    main()
