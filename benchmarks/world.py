"""How fast a big cohort lives its weeks: user-weeks per CPU second of `step`, beside two named references.

Prints JSON. `python benchmarks/world.py --users 1000000 --weeks 6`
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable

import gymnasium
import numpy as np
from numpy.typing import NDArray

import rage_env
from rage_env.cohort import CohortEnv


def cpu_seconds(work: Callable[[], object], times: int) -> list[float]:
    """CPU seconds (all threads, user and system) of each of `times` calls."""
    out = []
    for _ in range(times):
        before = time.process_time()
        work()
        out.append(time.process_time() - before)
    return out


def steps(env: CohortEnv, weeks: int) -> tuple[list[float], float]:
    """CPU seconds of reset and of each step under uniformly random arms, observation and info included."""
    rng = np.random.default_rng(0)
    reset = cpu_seconds(lambda: env.reset(seed=7), 1)[0]
    arms = [rng.integers(0, env.world.arms.k, env.num_envs) for _ in range(weeks)]
    return [cpu_seconds(lambda arm=arm: env.step(arm), 1)[0] for arm in arms], reset  # type: ignore[misc]  # bound now


def references(n: int) -> dict[str, float]:
    """CPU seconds of one pass over n numbers, best of 9, into memory that is already there."""
    x: NDArray[np.float32] = np.random.default_rng(1).random(n, np.float32)
    out, wide, spare = np.empty_like(x), np.ones((16, n), np.float32), np.empty((16, n), np.float32)
    return {
        "numpy_exp_float32": min(cpu_seconds(lambda: np.exp(x, out=out), 9)),
        "copy_of_64_bytes": min(cpu_seconds(lambda: np.copyto(spare, wide), 9)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--warm", type=int, default=3, help="first weeks left out: fresh memory pages")
    args = parser.parse_args()
    weeks = args.weeks + args.warm
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=args.users, weeks=weeks).unwrapped
    assert isinstance(env, CohortEnv)
    every, reset = steps(env, weeks)
    measured = sorted(every[args.warm :])
    median = measured[len(measured) // 2]
    reference = references(args.users)
    result = {
        "benchmark": "world",
        "users": args.users,
        "arms": "uniformly random",
        "weeks_measured": args.weeks,
        "user_weeks_per_cpu_second": round(args.users / median),
        "user_weeks_per_cpu_second_best": round(args.users / measured[0]),
        "user_weeks_per_cpu_second_first_weeks": round(args.users * args.warm / sum(every[: args.warm])),
        "ns_per_user_week": round(median / args.users * 1e9, 1),
        "ratio_to": {name: round(median / seconds, 1) for name, seconds in reference.items()},
        "reference_cpu_ms": {name: round(seconds * 1e3, 3) for name, seconds in reference.items()},
        "reset_cpu_seconds": round(reset, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "versions": {"rage_env": rage_env.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
