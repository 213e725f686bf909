"""What a look costs: each monitor's whole path (checks, batch, state) over a million rows a week, in units of one
`np.cumsum` over as many float64 in the same process. Prints JSON; `--power` adds false alarms and power per stream.

    python benchmarks/monitors.py [--n 1000000] [--power]
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable

import numpy as np

from experiments.monitors import Batch, Monitor, boundaries, monitor, monitor_class, names, rehearsal

PARAMS: dict[str, dict[str, object]] = {
    "asymptotic_cs": {"weeks": 52, "users_per_skew2": 0.0},
    "group_sequential": {"weeks": 52, "users_per_skew2": 0.0},
    "ratio_betting": {"limit": 0.0025, "cap_usd": 500.0, "ages": [0]},
    "ratio_certificate": {"limit": 0.0025, "cap_usd": 500.0, "max_loss_usd": 2_000.0, "mature_age_weeks": 0},
    "rare_events": {"limit": 0.0025, "trial": "hazard"},
    "ssrm": {"shares": [0.9, 0.1]},
    "empirical_bernstein": {"limit": 0.0025, "most": 1.0},
}

ENTER_ONCE = ("ssrm", "empirical_bernstein")


def seconds(action: Callable[[], object], repeats: int = 1) -> float:
    """Best of `repeats`."""
    best = np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
    return float(best)


def batches(rng: np.random.Generator, n: int, weeks: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(value or loss, GMV, 0/1 event) of each week."""
    drawn = []
    for _ in range(weeks):
        gmv = np.where(rng.random(n) < 0.7, rng.lognormal(5, 1, n), 0.0)
        loss = np.where(rng.random(n) < 0.0015, np.minimum(rng.lognormal(4.7, 1.8, n), 2_000.0), 0.0)
        drawn.append((loss, gmv, (loss > 0).astype(np.float64)))
    return drawn


def cost(kind: str, weeks: list[tuple[np.ndarray, np.ndarray, np.ndarray]], unit: float) -> dict[str, float]:
    """Cumsums per week: the first one, which enrols the units, and the mean of those after it."""
    n = len(weeks[0][0])
    made: Monitor = monitor(kind, **PARAMS.get(kind, {}))
    fresh = n if kind in ENTER_ONCE else 0  # ids start anew each week
    taken = []
    for week, (loss, gmv, event) in enumerate(weeks):
        value = {"ratio_betting": loss, "ratio_certificate": loss}.get(kind, gmv)
        value = event if kind in (*ENTER_ONCE, "rare_events") else value
        ids = np.arange(n) + fresh * week

        def update(week: int = week, ids: np.ndarray = ids, value: np.ndarray = value, gmv: np.ndarray = gmv) -> object:
            return made.update(Batch(week, ids, 0, value, gmv))

        taken.append(seconds(update) / unit)
    return {"first_week_cumsums": round(taken[0], 1), "later_week_cumsums": round(float(np.mean(taken[1:])), 1)}


def power_row(kind: str, stream: str, reps: int = 2_000) -> dict[str, object] | None:
    """False alarms at 5 %, power and median stopping week under the streams' standard effects, 12 looks."""
    draw = rehearsal.STREAMS[stream]
    null = draw(np.random.default_rng(zlib.crc32(stream.encode())), reps, 12)
    made = monitor_class(kind).for_stream(null)
    if made is None:
        return None
    effect = (
        3.0 if stream in (*rehearsal.MEANS, *rehearsal.ASSIGNMENTS) else 0.2 if kind == "ratio_certificate" else 2.0
    )
    moved = draw(np.random.default_rng(1), reps, 12, effect)
    stopped = made.replicate(moved)
    hit = stopped[:, -1]
    return {
        "monitor": kind,
        "stream": stream,
        "false_alarms": round(float(made.replicate(null)[:, -1].mean()), 4),
        "effect": effect,
        "power": round(float(hit.mean()), 3),
        "median_stop_week": int(np.median(stopped[hit].argmax(axis=1))) + 1 if hit.any() else None,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--power", action="store_true")
    args = parser.parse_args()
    boundaries()  # draws up the quadrature nodes once
    weeks = batches(np.random.default_rng(0), args.n, args.weeks)
    unit = seconds(lambda: np.cumsum(weeks[0][1]), 20)
    meant = [k for k in names() if k in PARAMS or k == "naive_z"]
    report: dict[str, object] = {
        "n": args.n,
        "cumsum_ms": round(1e3 * unit, 3),
        "weeks": {k: cost(k, weeks, unit) for k in meant},
    }
    if args.power:
        tested = [k for k in names() if monitor_class(k).validity != "descriptive"]
        rows = (power_row(k, s) for s in rehearsal.STREAMS for k in tested)
        report["rehearsed"] = [row for row in rows if row is not None]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
