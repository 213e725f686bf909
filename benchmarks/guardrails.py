"""The allocator beside cvxpy + Clarabel on the same whole program, in one process on one core: JSON on stdout.

    export OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1
    python benchmarks/guardrails.py                      # n = 10,000, k = 6, g = 5, 20 instances
    python benchmarks/guardrails.py --n 100000 --rows 3  # the whole program takes about a minute there
    python benchmarks/guardrails.py --kind segments      # one budget for each of 100 segments
    python benchmarks/guardrails.py --kind robust        # a robust row with five directions of doubt
    python benchmarks/guardrails.py --n 10000000 --rows 3 --instances 1 --references 0 --memory

Seconds are CPU seconds. Reference runs are few because they are slow; each is of an instance the allocator solved
too, and their values are compared. Peak memory is measured in a process of its own for each side.

In November 2026, on two cores that others used too, one process each: n = 100,000 and g = 3 took 0.14 s against
34 s (241x) and 110 MiB against 1,060; g = 8 took 0.33 s against 57 s (173x). n = 10,000,000 with g = 3 took 3,740 MiB
beyond the instance, 5.4 GB with it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

sys.path.sort(key=lambda p: Path(p).resolve() == Path(__file__).resolve().parent)  # last: agents.py lies there too
from agents.allocation import Linear, Robust, allocate, verify

Floats = NDArray[np.float64]
Rows = Linear | Robust
_FLOOR, _FLOORED = 0.01, 0.2


def instance(seed: int, n: int, k: int, g: int) -> tuple[Floats, list[Linear]]:
    """Heavy-tailed users; rows of either sign, limits between what nobody and what everybody would use."""
    rng = np.random.default_rng(seed)
    weight = np.exp(1.8 * rng.normal(size=(n, 1)))
    value = weight * (0.1 + 0.2 * rng.normal(size=(n, k)))
    value[:, 0] = 0
    rows = []
    for j in range(g):
        coef = weight * np.abs(rng.normal(size=(n, k))) * np.exp(rng.normal(size=(n, k)))
        coef[:, 0] = 0
        if j % 2:
            coef -= 0.3 * weight * rng.random((n, k))
        none, greedy = coef[:, 0].sum(), coef[np.arange(n), value.argmax(axis=1)].sum()
        rows.append(Linear(f"row{j}", coef, float(none + (greedy - none) * rng.uniform(0.2, 0.8))))
    return value, rows


def segments(seed: int, n: int, k: int, g: int) -> tuple[Floats, list[Linear]]:
    """The same users in g segments with a budget each."""
    value, (row,) = instance(seed, n, k, 1)
    rng = np.random.default_rng([seed, 1])
    code = np.append(np.arange(g), rng.integers(0, g, size=n - g))
    coef = np.asarray(row.coef)
    none = np.bincount(code, weights=coef[:, 0])
    greedy = np.bincount(code, weights=coef[np.arange(n), value.argmax(axis=1)])
    limit = np.asarray(none + (greedy - none) * rng.uniform(0.2, 0.8, size=g), dtype=np.float64)
    return value, [Linear("budget", coef, limit, segment=code)]


def doubtful(seed: int, n: int, k: int, g: int) -> tuple[Floats, list[Rows]]:
    """The same users under one robust row with g directions of doubt, beside a cap on contacts."""
    value, (row,) = instance(seed, n, k, 1)
    rng = np.random.default_rng([seed, 2])
    mean = np.abs(np.asarray(row.coef))
    factor = 0.5 * mean[:, :, None] * (rng.normal(size=(n, k, g)) + 0.3)
    limit = 0.4 * float(mean[np.arange(n), value.argmax(axis=1)].sum())
    contacts = np.tile(np.arange(k) > 0, (n, 1)).astype(np.float64)
    return value, [Robust("loss", mean, factor, 2.3, limit), Linear("contacts", contacts, 0.5 * n)]


MADE: dict[str, Callable[[int, int, int, int], tuple[Floats, Sequence[Rows]]]] = {
    "linear": instance,
    "segments": segments,
    "robust": doubtful,
}


def whole(value: Floats, rows: Sequence[Rows], floor: Floats) -> float:
    """Value of the full program by cvxpy and Clarabel."""
    cp: Any = importlib.import_module("cvxpy")
    x = cp.Variable(value.shape)
    rules = [cp.sum(x, axis=1) == 1, x >= floor[:, None]]
    rules += [rule for row in rows for rule in stated(row, x)]
    problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(value, x))), rules)
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value)


def stated(row: Rows, x: Any) -> list[Any]:  # cvxpy ships no types
    """A row over the (n, k) probabilities, as one would write it in cvxpy."""
    cp: Any = importlib.import_module("cvxpy")
    if isinstance(row, Robust):
        pull = row.factor.reshape(x.size, -1).T @ cp.vec(x, order="C")
        return [cp.sum(cp.multiply(row.mean, x)) + row.radius * cp.norm(pull) <= row.limit]
    if row.segment is None:
        return [cp.sum(cp.multiply(row.coef, x)) <= float(np.asarray(row.limit))]
    n, g = len(row.coef), np.size(row.limit)
    member = sparse.csr_array((np.ones(n), (row.segment, np.arange(n))), shape=(g, n))
    return [member @ cp.sum(cp.multiply(row.coef, x), axis=1) <= row.limit]


def floors(n: int, floored: bool) -> Floats:
    return np.where(np.random.default_rng(0).random(n) < _FLOORED, _FLOOR, 0.0) * floored


def timed(kind: str, n: int, k: int, g: int, count: int, floored: bool) -> dict[str, float]:
    """Seconds of cold and warm allocations; the first call of the process compiles and is left out."""
    floor, cold, warm, gaps, problems, passes, over = floors(n, floored), [], [], [], 0, [], []
    allocate(*MADE[kind](10_000, n, k, g), floor=floor)
    for seed in range(count):
        value, rows = MADE[kind](seed, n, k, g)
        start = time.process_time()
        answer = allocate(value, rows, floor=floor)
        cold.append(time.process_time() - start)
        gaps.append(answer.gap)
        passes.append(answer.passes)
        over.append(answer.max_violation)
        problems += len(verify(value, rows, answer, floor=floor).problems)
        prices, rng = answer.prices, np.random.default_rng(seed)
        for _ in range(4):
            drawn = value + 0.1 * np.abs(value) * rng.normal(size=value.shape)
            start = time.process_time()
            prices = allocate(drawn, rows, floor=floor, prices0=prices).prices
            warm.append(time.process_time() - start)
    return {
        "cold_s_median": float(np.median(cold)),
        "cold_s_worst": max(cold),
        "warm_s_median": float(np.median(warm)),
        "warm_s_worst": max(warm),
        "gap_worst": max(gaps),
        "violation_worst": max(over),
        "passes_worst": max(passes),
        "problems_found_by_verify": problems,
    }


def against_whole(kind: str, n: int, k: int, g: int, count: int) -> dict[str, float]:
    """Ratio of CPU seconds on the same instances, and the largest relative difference in value."""
    ours, theirs, apart = [], [], []
    for seed in range(count):
        value, rows = MADE[kind](seed, n, k, g)
        start = time.process_time()
        answer = allocate(value, rows)
        ours.append(time.process_time() - start)
        start = time.process_time()
        reference = whole(value, rows, np.zeros(n))
        theirs.append(time.process_time() - start)
        apart.append(abs(answer.value + answer.rounding_loss_bound - reference) / abs(reference))
    return {
        "clarabel_s_median": float(np.median(theirs)),
        "ours_s_median": float(np.median(ours)),
        "ratio": float(np.median(theirs) / np.median(ours)),
        "value_difference_worst": max(apart),
    }


def _peak(side: str, n: int, k: int, g: int, out: Any) -> None:  # multiprocessing queues have no common type
    value, rows = instance(0, n, k, g)
    before = _memory_mib("VmRSS")
    allocate(value, rows) if side == "ours" else whole(value, rows, np.zeros(n))
    out.put(_memory_mib("VmHWM") - before)


def _memory_mib(line: str) -> float:
    """A line of this process's memory report, on Linux."""
    report = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(next(x.split()[1] for x in report.splitlines() if x.startswith(line))) / 1024


def peak_mib(side: str, n: int, k: int, g: int) -> float:
    """Memory beyond that of holding the instance, MiB, libraries included."""
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    process = spawn.Process(target=_peak, args=(side, n, k, g, out))
    process.start()
    peak = float(out.get())
    process.join()
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--arms", type=int, default=6)
    parser.add_argument("--rows", type=int, help="rows, segments or directions of doubt")
    parser.add_argument("--kind", choices=list(MADE), default="linear")
    parser.add_argument("--memory", action="store_true", help="measure peak memory even without references")
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--references", type=int, default=2, help="instances also solved whole; 0 for none")
    ask = parser.parse_args()
    size = (ask.n, ask.arms, ask.rows or (100 if ask.kind == "segments" else 5))
    result: dict[str, object] = {"kind": ask.kind, "n": ask.n, "k": ask.arms, "g": size[2], "instances": ask.instances}
    if not ask.memory:
        result["no_floor"] = timed(ask.kind, *size, ask.instances, False)
        result["floor_on_20_percent"] = timed(ask.kind, *size, ask.instances, True)
    if ask.references:
        result["whole_program"] = against_whole(ask.kind, *size, ask.references)
    if ask.kind == "linear" and (ask.references or ask.memory):
        sides = ("ours", "clarabel") if ask.references else ("ours",)
        result["peak_mib"] = {side: peak_mib(side, *size) for side in sides}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
