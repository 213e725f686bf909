"""Six estimators with user-clustered intervals on a million rows, against a plain NumPy pass over the same arrays.

The reference reads the arrays once in the same chunks, and forms the sums and sums of squares of the six
estimators' terms as if all rows were independent: no users, no checks, no table. Both have one thread for algebra:

    python -m benchmarks.estimators
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from experiments import estimators

N, K, USERS = 1_000_000, 10, 100_000
NAMES = ("naive", "dm", "ips", "snips", "dr", "sndr")
CHUNK = 16_384
REPEATS = 9

Floats = NDArray[np.float64]


def arrays() -> tuple[pa.Table, Floats, Floats]:
    rng = np.random.default_rng(0)
    arm = rng.integers(0, K, N)
    table = pa.table(
        {
            "user_id": np.tile(np.arange(USERS), N // USERS),
            "week": np.repeat(np.arange(N // USERS), USERS),
            "arm": arm,
            "propensity": np.full(N, 1 / K),
            "reward": rng.normal(size=N) + arm,
        }
    )
    return table, rng.dirichlet(np.ones(K), N), rng.normal(size=(N, K))


def plain_pass(arm: NDArray[np.int64], p: Floats, r: Floats, target: Floats, q: Floats) -> Floats:
    """Sums and sums of squares of every term, rows taken for independent."""
    out = np.zeros((2, 6))
    for start in range(0, N, CHUNK):
        rows = slice(start, start + CHUNK)
        pi, model, a = target[rows], q[rows], arm[rows]
        at = np.arange(len(a)) * K + a
        match = np.take(pi, at)
        w = match / p[rows]
        dm = np.einsum("nk,nk->n", pi, model)
        corrected = w * (r[rows] - np.take(model, at))
        for i, term in enumerate((match * r[rows], match, w * r[rows], w, dm, dm + corrected)):
            out[0, i] += term.sum()
            out[1, i] += term @ term
    return out


def cpu_seconds(call: Callable[[], object]) -> float:
    call()
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return float(median(spent))


def side_by_side(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The least CPU seconds of each, taken in turns: what else the machine does meets both, and only ever adds."""
    one(), other()
    spent = np.empty((REPEATS, 2))
    for i in range(REPEATS):
        for j, call in enumerate((one, other)):
            start = time.process_time()
            call()
            spent[i, j] = time.process_time() - start
    return float(spent[:, 0].min()), float(spent[:, 1].min())


def extra_memory(call: Callable[[], object]) -> float:
    """Peak MB that a call adds, as NumPy reports its arrays to tracemalloc (Arrow allocates nothing here)."""
    call()
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    with threadpool_limits(1):
        measure()


def measure() -> None:
    table, target, q = arrays()
    arm, p, r = (np.asarray(table[c].to_numpy()) for c in ("arm", "propensity", "reward"))

    def ours() -> object:
        return estimators.evaluate(table, target, NAMES, q_hat=q)

    reference, whole = side_by_side(lambda: plain_pass(arm, p, r, target, q), ours)
    check = cpu_seconds(lambda: estimators.evaluate(table.slice(0, 1000), target[:1000], NAMES, q_hat=q[:1000]))
    from rage_env.log import validate_log

    validating = cpu_seconds(lambda: validate_log(table, k=K))
    result = {
        "benchmark": "estimators",
        "rows": N,
        "arms": K,
        "users": USERS,
        "estimators": NAMES,
        "reference_cpu_s": reference,
        "evaluate_cpu_s": whole,
        "of_which_log_checks_cpu_s": validating,
        "of_which_fixed_cpu_s": check,
        "ratio": whole / reference,
        "ratio_without_log_checks": (whole - validating) / reference,
        "extra_memory_mb": extra_memory(ours),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
