"""How long a whole study takes, and where the time goes: agents x seeds x users x weeks as JSON on stdout.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python benchmarks/study.py                                 # 8 agents x 5 seeds x 100,000 users x 26 weeks
    python benchmarks/study.py --seeds 1 --users 10000         # a minute of it

Four rules and four learners in the world of the quickstart, through `experiments.run` as `rage run` does it: two
processes, every estimator, monitor and oracle, results on disk, figures, MLflow. `cpu_s` is of all processes. `parts`
says what the runs themselves noted: `world` is the environment (reset and step, burn-in with it), `truth` are potential
and mean outcomes for the judges, `control` is the world lived once more at arm 0, `oracle` is the yardstick; `share` is
of `cpu_s`, so what lies outside the runs (imports, files, figures, MLflow) is `rest`. `peak_mb` is the most memory of
all processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # before its own folder, which holds an agents.py
import experiments
from experiments.results import Results

AGENTS: list[dict[str, object]] = [
    {"kind": "no_offer"},
    {"kind": "random"},
    {"kind": "blanket", "name": "blanket_credit_line", "arm": "credit_line"},
    {"kind": "status_quo"},
    {"kind": "propensity_greedy"},
    {"kind": "uplift_greedy"},
    {"kind": "constrained_thompson"},
    {"kind": "lagrangian_linucb"},
]


_TICKS = os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """Looks every two seconds at the processes of this group; remembers the most memory, and each one's CPU seconds.

    Workers are children of a process of their own, so nobody but the system knows what they spent.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb = 0.0
        self.spent: dict[str, float] = {}

    def run(self) -> None:
        """Until the process ends."""
        while True:
            self.look()
            time.sleep(2.0)

    def look(self) -> None:
        """Take note once; pages that processes share are counted once each."""
        group, kilobytes = os.getpgid(0), 0
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(place.name)) == group:
                    times = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
                    self.spent[place.name] = sum(map(int, times)) / _TICKS
                    lines = (place / "smaps_rollup").read_text().splitlines()
                    kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            except (OSError, ValueError):  # it has just ended
                continue
        self.peak_mb = max(self.peak_mb, kilobytes / 1024)


def parts_of(results: Results) -> dict[str, float]:
    """CPU seconds by part, over all runs."""
    found: dict[str, float] = {}
    for run in results.runs():
        for part, seconds in json.loads((results.run_folder(*run) / "timing.json").read_text()).items():
            found[part] = found.get(part, 0.0) + seconds
    return found


def by_agent(results: Results) -> dict[str, float]:
    """CPU seconds of one run of each agent, the mean over seeds."""
    held: dict[str, float] = {}
    for agent, seed in results.runs():
        seconds = json.loads((results.run_folder(agent, seed) / "timing.json").read_text()).values()
        held[agent] = held.get(agent, 0.0) + sum(seconds) / len(results.study.seeds)
    return held


def measured(users: int, weeks: int, seeds: int, workers: int) -> dict[str, object]:
    """One study, from nothing to its leaderboard and its store."""
    watch = Watch()
    watch.start()
    began, load = time.perf_counter(), os.getloadavg()[0]
    asked = {"users": users, "weeks": weeks, "seeds": [*range(101, 101 + seeds)], "agents": AGENTS, "workers": workers}
    with tempfile.TemporaryDirectory() as folder:
        done = experiments.run("quickstart", out=folder, **asked)
        watch.look()
        wall, cpu = time.perf_counter() - began, sum(watch.spent.values())
        results = Results.open(done.path)
        parts, agents = parts_of(results), by_agent(results)
        disk = sum(f.stat().st_size for f in done.path.rglob("*") if f.is_file())
    parts["rest"] = cpu - sum(parts.values())
    return {
        "agents": len(AGENTS),
        "seeds": seeds,
        "users": users,
        "weeks": weeks,
        "workers": workers,
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "user_weeks_per_cpu_s": round(len(AGENTS) * seeds * users * weeks / cpu),
        "peak_mb": round(watch.peak_mb),
        "disk_mb": round(disk / 1e6, 1),
        "load_before": round(load, 2),
        "parts_cpu_s": {p: round(s, 1) for p, s in sorted(parts.items(), key=lambda item: -item[1])},
        "share": {p: round(s / cpu, 3) for p, s in sorted(parts.items(), key=lambda item: -item[1])},
        "cpu_s_a_run": {a: round(s, 1) for a, s in agents.items()},
        "leaderboard": {str(row["agent"]): float(row["gain"]) for row in done.leaderboard.to_dict("records")},
    }


def main() -> None:
    """What the command line asks for."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    ask.add_argument("--users", type=int, default=100_000)
    ask.add_argument("--weeks", type=int, default=26)
    ask.add_argument("--seeds", type=int, default=5)
    ask.add_argument("--workers", type=int, default=2)
    given = ask.parse_args()
    os.setpgid(0, 0)  # so that its processes can be told from others
    print(json.dumps(measured(given.users, given.weeks, given.seeds, given.workers), indent=1))


if __name__ == "__main__":
    main()
