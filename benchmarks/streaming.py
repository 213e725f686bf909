"""A log of many rows streamed from Parquet: seconds, memory and whether workers change a bit. JSON out.

    OMP_NUM_THREADS=1 python -m benchmarks.streaming [ROWS]        # 10,000,000 by default

The log is written in pieces below a temporary folder, of 1,000,000 users a week, and deleted at the end. Two runs of
their own, with one and with two threads, each say the most memory that the process ever had.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

USERS, K = 1_000_000, 6
NAMES = ("naive", "dm", "ips", "snips", "dr", "sndr")
ARMS = tuple(f"arm_{a}" for a in range(K))


def write(folder: Path, rows: int) -> None:
    """Weeks of one file each: two features, float32 numbers, arms drawn alike."""
    for week in range(rows // USERS):
        rng = np.random.default_rng(week)
        x = rng.normal(size=(USERS, 2)).astype(np.float32)
        arm = rng.integers(0, K, USERS)
        table = pa.table(
            {
                "user_id": np.arange(USERS),
                "week": np.full(USERS, week, np.int32),
                "arm": arm.astype(np.int16),
                "propensity": np.full(USERS, 1 / K, np.float32),
                "reward": (x[:, 0] + 0.1 * arm + rng.normal(size=USERS)).astype(np.float32),
                "x_one": x[:, 0],
                "x_two": x[:, 1],
            }
        )
        pq.write_table(table, folder / f"week-{week:05d}.parquet", compression="zstd")


def one_run(folder: Path, workers: int) -> dict[str, object]:
    """In a process of its own: seconds, most memory, and every number of the answer in full."""
    from experiments.streaming import evaluate_stream, open_stream
    from experiments.streaming.command import Progress

    stream = open_stream(folder, ARMS)
    target = np.tile(np.linspace(0.05, 0.95, K) / np.linspace(0.05, 0.95, K).sum(), (131_072, 1))
    began, cpu = time.perf_counter(), time.process_time()
    found = evaluate_stream(
        stream, lambda table: {"tilted": target[: table.num_rows]}, NAMES, workers=workers, tell=Progress()
    )
    return {
        "workers": workers,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "answer": [[float(v).hex() for v in row] for row in found[["value", "stderr", "ess"]].to_numpy(float)],
        "value": dict(zip(found["estimator"], found["value"].round(5), strict=True)),
    }


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        write(folder, rows)
        size = sum(f.stat().st_size for f in folder.iterdir()) / 1e6
        runs = []
        for workers in (1, 2):
            call = [sys.executable, "-m", "benchmarks.streaming", str(folder), str(workers)]
            runs.append(json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout))
    same = runs[0].pop("answer") == runs[1].pop("answer")
    print(
        json.dumps(
            {"benchmark": "streaming", "rows": rows, "users": USERS, "arms": K, "estimators": NAMES, "parquet_mb": size,
             "same_bits": same, "runs": runs},
            indent=2,
        )
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one_run(Path(sys.argv[1]), int(sys.argv[2]))))
    else:
        main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000)
