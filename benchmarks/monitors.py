"""What monitoring costs, in CPU seconds of one core: JSON, one line a claim, with its target and whether it holds.

    OMP_NUM_THREADS=1 python benchmarks/monitors.py [--n 1000000] [--users 100000] [--each] [--power]

paths: bounds or evidence after every one of n observations, by the functions that the monitors use, in units of one
`np.cumsum` over the same array in the same process. The e-process is the wealth of all 24 stakes after the last
observation (what an alarm compares with its threshold); its path after every observation is given by stake.
week: 200 monitors (10 on each of 20 metrics, 1e5 users in two groups, fourth week) take in their batches, in units of
reading the data once per metric. What reading is has three answers, all given: the way `rage monitor` reads a metric's
week (unit, time, group, metric, denominator; from Parquet, with its checks), the bare 20 columns from an uncompressed
Parquet file, and one `np.sum` over each metric's float64 column in memory. --each: every monitor's update over n rows.
--power: false alarms and power by stream (minutes).
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments.monitor_data.checks import check_week
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.table import read_weeks
from experiments.monitors import Batch, Monitor, boundaries, monitor, monitor_class, names, rehearsal
from experiments.monitors.betting import log_growth, stakes
from experiments.monitors.empirical_bernstein import interval_paths
from experiments.monitors.mixture import mixture_bound, mixture_scale

Floats = NDArray[np.float64]
ALPHA = 0.05
STAKES = 24
METRICS, A_METRIC, WEEKS = 20, 10, 4

EACH: dict[str, dict[str, object]] = {
    "asymptotic_cs": {"weeks": 52, "users_per_skew2": 0.0},
    "group_sequential": {"weeks": 52, "users_per_skew2": 0.0},
    "naive_z": {},
    "ratio_betting": {"limit": 0.0025, "cap_usd": 500.0, "ages": [0]},
    "ratio_certificate": {"limit": 0.0025, "cap_usd": 500.0, "max_loss_usd": 2_000.0, "mature_age_weeks": 0},
    "rare_events": {"limit": 0.0025, "trial": "hazard"},
    "ssrm": {"shares": [0.9, 0.1]},
    "empirical_bernstein": {"limit": 0.0025, "most": 1.0},
}
ENTER_ONCE = ("ssrm", "empirical_bernstein")


def seconds(action: Callable[[], object], repeats: int = 1) -> float:
    """CPU seconds, best of `repeats`."""
    best = np.inf
    for _ in range(repeats):
        began = time.process_time()
        action()
        best = min(best, time.process_time() - began)
    return float(best)


def peak_mib() -> float:
    """Most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def asymptotic_path(x: Floats) -> tuple[Floats, Floats]:
    """(n - 1,) ends of the asymptotic confidence sequence for the mean after each observation but the first."""
    count = np.arange(1.0, len(x) + 1)
    mean = np.cumsum(x) / count
    variance = np.cumsum(x * x) / count - mean * mean
    information = count[1:] / np.maximum(variance[1:], 1e-12)
    scale = float(mixture_scale(np.array(information[-1] / 2), ALPHA))
    reach = mixture_bound(information, scale, ALPHA) / np.sqrt(information)
    return mean[1:] - reach, mean[1:] + reach


def wealth_path(x: Floats, stake: Floats) -> Floats:
    """(n,) log of the mean wealth of all stakes after each observation."""
    most = np.full(len(x), -np.inf)
    for s in stake:
        np.logaddexp(most, np.cumsum(np.log1p(s * x)), out=most)
    return np.asarray(most - np.log(len(stake)), np.float64)


def line(claim: str, units: float, target: float | None, **more: object) -> dict[str, object]:
    """A claim with its figure, its target and whether it holds."""
    verdict = {} if target is None else {"target": target, "holds": units <= target}
    return {"claim": claim, "units": round(units, 2), **verdict, **more}


def paths(n: int) -> list[dict[str, object]]:
    """Whole paths over n observations in [0, 1]."""
    x = np.random.default_rng(0).random(n)
    unit = seconds(lambda: np.cumsum(x), 20)
    stake, off = stakes(0.5, STAKES), x - 0.5
    rows, squares = np.ones(n), x * x
    timed: list[tuple[str, Callable[[], object], float | None, float]] = [
        ("asymptotic confidence sequence, path", lambda: asymptotic_path(x), 15.0, 1.0),
        (f"e-process at a threshold, {STAKES} stakes", lambda: log_growth(off, stake), 30.0, 1.0),
        ("e-process, path, for each stake", lambda: wealth_path(off, stake), 30.0, float(STAKES)),
        ("empirical Bernstein, path", lambda: interval_paths(rows, x, squares, ALPHA, n), 70.0, 1.0),
    ]
    found = []
    for claim, action, target, parts in timed:
        taken = seconds(action, 3)
        about = {"cpu_s": round(taken, 4), "unit": f"np.cumsum of {n:,} float64, {1e3 * unit:.2f} ms"}
        found.append(line(claim, taken / parts / unit, target, **about))
    return found


def two_hundred(users: int) -> tuple[list[dict[str, object]], dict[str, float]]:
    """A week of 200 monitors, beside reading each metric once; and where the time goes, by kind."""
    rng = np.random.default_rng(1)
    unit_ids, group = np.arange(users), rng.integers(0, 2, users)
    weeks = [[rng.gamma(25.0, 0.2, users) for _ in range(METRICS)] for _ in range(WEEKS)]
    size = rng.gamma(2.0, 20.0, users)
    panels = [_panel() for _ in range(METRICS)]
    by_kind: dict[str, float] = {}

    def week(t: int) -> None:
        for metric, panel in zip(weeks[t], panels, strict=True):
            batch = Batch(t, unit_ids, group, metric, size)
            for one in panel:
                began = time.process_time()
                one.update(batch)
                by_kind[one.kind] = by_kind.get(one.kind, 0.0) + (time.process_time() - began) * (t == WEEKS - 1)

    for t in range(WEEKS - 1):
        week(t)
    taken = seconds(lambda: week(WEEKS - 1))
    reading = seconds(lambda: [np.sum(metric) for metric in weeks[-1]], 20)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "week.parquet"
        pq.write_table(pa.table({f"m{i}": m for i, m in enumerate(weeks[-1])}), file, compression="none")
        from_disk = seconds(lambda: pq.read_table(file, use_threads=False), 5)
        as_read = METRICS * seconds(lambda: _read_one(Path(folder), unit_ids, group, weeks[-1][0], size), 3)
    claim = f"{METRICS * A_METRIC} monitors take in a week of {users:,} users"
    units = (
        ("reading each metric as `rage monitor` does", as_read, 2.0),
        ("reading bare columns from Parquet", from_disk, None),
        ("one np.sum a metric", reading, None),
    )
    return [
        line(f"{claim}, beside {of}", taken / unit, target, cpu_s=round(taken, 4), unit_ms=round(1e3 * unit, 3))
        for of, unit, target in units
    ], {kind: round(s, 4) for kind, s in by_kind.items()}


def _read_one(folder: Path, unit: NDArray[np.int64], group: NDArray[np.int64], metric: Floats, size: Floats) -> None:
    """One metric's week, written once, read with all checks and handed over as the monitors take it."""
    file = folder / "metric.parquet"
    if not file.exists():
        words = pa.array(["control", "treatment"]).take(pa.array(group))
        pq.write_table(pa.table({"unit": unit, "week": 0 * unit, "group": words, "value": metric, "size": size}), file)
    told = Declaration(unit="unit", time="week", group="group", metric="value", denominator="size")
    table = read_weeks(file, told)
    for rows in table:
        check_week(rows, told, table.units)


def _panel() -> list[Monitor]:
    """Ten monitors of one metric: planned and unplanned looks, guardrails at four limits, drift of the input."""
    groups: dict[str, object] = {"mode": "groups"}
    kpi = [monitor("group_sequential", weeks=12, spending=s, **groups) for s in ("obf", "pocock")]
    kpi += [monitor("asymptotic_cs", weeks=w, **groups) for w in (12, 26)]
    kpi += [monitor("naive_z", **groups), monitor("drift", edges=[3.7, 4.3, 5.0, 5.7, 6.3], turns=12)]
    return kpi + [monitor("ratio_betting", limit=r, cap_usd=500.0, ages=[0], group=1) for r in (0.2, 0.3, 0.4, 0.5)]


def drawn_weeks(rng: np.random.Generator, n: int, weeks: int) -> list[tuple[Floats, Floats, Floats]]:
    """(loss, GMV, 0/1 event) of each week."""
    drawn = []
    for _ in range(weeks):
        gmv = np.where(rng.random(n) < 0.7, rng.lognormal(5, 1, n), 0.0)
        loss = np.where(rng.random(n) < 0.0015, np.minimum(rng.lognormal(4.7, 1.8, n), 2_000.0), 0.0)
        drawn.append((loss, gmv, (loss > 0).astype(np.float64)))
    return drawn


def update_cost(kind: str, weeks: list[tuple[Floats, Floats, Floats]], unit: float) -> dict[str, object]:
    """Cumsums per week: the first one, which enrols the units, and the mean of those after it."""
    n = len(weeks[0][0])
    made = monitor(kind, **EACH[kind])
    fresh = n if kind in ENTER_ONCE else 0  # ids start anew each week
    taken = []
    for week, (loss, gmv, event) in enumerate(weeks):
        value = loss if kind.startswith("ratio") else event if kind in (*ENTER_ONCE, "rare_events") else gmv
        batch = Batch(week, np.arange(n) + fresh * week, 0, value, gmv)
        began = time.process_time()
        made.update(batch)
        taken.append((time.process_time() - began) / unit)
    return {"monitor": kind, "first_week": round(taken[0], 1), "later_week": round(float(np.mean(taken[1:])), 1)}


def power_row(kind: str, stream: str, reps: int = 2_000) -> dict[str, object] | None:
    """False alarms at 5 %, power and median stopping week under the streams' standard effects, 12 looks."""
    draw = rehearsal.STREAMS[stream]
    null = draw(np.random.default_rng(zlib.crc32(stream.encode())), reps, 12)
    made = monitor_class(kind).for_stream(null)
    if made is None:
        return None
    three = stream in (*rehearsal.MEANS, *rehearsal.ASSIGNMENTS)
    effect = 3.0 if three else 0.2 if kind == "ratio_certificate" else 2.0
    stopped = made.replicate(draw(np.random.default_rng(1), reps, 12, effect))
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--power", action="store_true")
    args = parser.parse_args()
    boundaries()  # draws up the quadrature nodes once
    before = peak_mib()
    week, by_kind = two_hundred(args.users)
    report: dict[str, object] = {"week": week, "week_cpu_s_by_kind": by_kind, "week_peak_mib": peak_mib() - before}
    before = peak_mib()
    report["paths"], report["paths_peak_mib"] = paths(args.n), max(0.0, peak_mib() - before)
    if args.each:
        weeks = drawn_weeks(np.random.default_rng(0), args.n, 4)
        unit = seconds(lambda: np.cumsum(weeks[0][1]), 20)
        report["updates_in_cumsums"] = [update_cost(kind, weeks, unit) for kind in names() if kind in EACH]
    if args.power:
        tested = [k for k in names() if monitor_class(k).validity != "descriptive"]
        rows = (power_row(k, s) for s in rehearsal.STREAMS for k in tested)
        report["rehearsed"] = [row for row in rows if row is not None]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
