"""How fast a big cohort lives its weeks and how much memory it takes, beside named references in the same process.

Prints JSON: what was measured, and each target with its figure and whether it holds; where numba is there (extra
`fast`), the same once more with compiled kernels.
`python benchmarks/world.py --users 1000000 --weeks 8`; at 1e7 users `--weeks 4 --warm 0` shows the peak of memory.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import multiprocessing as mp
import os
import platform
import resource
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import rage_env
from rage_env.cohort import CohortEnv
from rage_env.randomness import Noise

SMALL = 100_000  # users where the size is part of the target, or where only a ratio or bytes a user are asked for
Outputs = tuple[Any, ...]  # what a step hands out: Gymnasium's own types


def cohort(users: int, weeks: int, **fields: Any) -> CohortEnv:  # Any: keywords of the environment
    """Fintech with all its mechanisms."""
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=users, weeks=weeks, **fields).unwrapped
    assert isinstance(env, CohortEnv)
    return env


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Of one call: CPU seconds of all threads, user and system, unless another clock is given."""
    before = clock()
    work()
    return clock() - before


def least(work: Callable[[], object], times: int) -> float:
    """CPU seconds of the fastest of so many calls: what is left when nobody disturbs."""
    return min(seconds(work) for _ in range(times))


def steps(env: CohortEnv, weeks: int, clock: Callable[[], float] = time.process_time) -> tuple[list[float], Outputs]:
    """Seconds of each week's step under uniformly random arms, observation and info included; and the last one's."""
    rng, out = np.random.default_rng(0), []
    held: Outputs = ()
    for _ in range(weeks):
        arm = rng.integers(0, env.world.arms.k, env.num_envs)
        before = clock()
        held = env.step(arm)
        out.append(clock() - before)
    return out, held


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Numbers drawn from Noise while this is open, by dtype."""
    found = {"float32": 0, "float64": 0}
    kept = {name: getattr(Noise, name) for name in ("pair", "uniform", "uniform64")}

    def counting(name: str) -> Callable[[Noise, int], Any]:  # Any: what the method returns
        dtype, each = ("float64", 1) if name == "uniform64" else ("float32", 2 if name == "pair" else 1)

        def method(self: Noise, draw: int) -> Any:  # Any: the same
            found[dtype] += each * len(self.keys)
            return kept[name](self, draw)

        return method

    for name in kept:
        setattr(Noise, name, counting(name))
    try:
        yield found
    finally:
        for name, method in kept.items():
            setattr(Noise, name, method)


def arrays(outputs: Outputs) -> list[NDArray[Any]]:
    """What was written for a step: all arrays of (n, ...) that it handed out, but for those that repeat one number."""
    obs, reward, terminated, truncated, info = outputs
    every = [obs, reward, terminated, truncated, *(x for key, x in info.items() if not key.startswith("_"))]
    return [x for x in {id(x): x for x in every}.values() if 0 not in x.strides]


def reference(drawn: dict[str, int], outputs: Outputs) -> float:
    """CPU seconds of drawing as many uniforms with SFC64 and filling the same arrays, in memory that is there."""
    rng = np.random.Generator(np.random.SFC64(1))
    single, double = np.empty(drawn["float32"], np.float32), np.empty(drawn["float64"])
    written = [np.empty(x.shape[::-1], x.dtype).T for x in arrays(outputs)]

    def draw_and_write() -> None:
        rng.random(dtype=np.float32, out=single)
        rng.random(out=double)
        for x in written:
            x.fill(1)

    return least(draw_and_write, 5)


def speed(users: int, weeks: int, warm: int, *, compiled: bool = False) -> dict[str, Any]:  # Any: JSON
    """One thread: the pace of `step`, and how it compares."""
    env = cohort(users, weeks + warm + 1, compiled=compiled)
    reset = seconds(lambda: env.reset(seed=7))
    every, _ = steps(env, weeks + warm)
    pace = median(every[warm:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    env.noise = Noise  # which is what counts; the bits are the same
    with counted() as drawn:
        _, outputs = steps(env, 1)
    at_most = reference(drawn, outputs)
    return {
        "user_weeks_per_cpu_second": round(users / pace),
        "user_weeks_per_cpu_second_best": round(users / min(every[warm:])),
        "user_weeks_per_cpu_second_first_weeks": round(users * warm / sum(every[:warm])) if warm else None,
        "ns_per_user_week": round(pace / users * 1e9, 1),
        "uniforms_per_user_week": round(sum(drawn.values()) / users, 2),
        "output_bytes_per_user_week": round(sum(x.nbytes for x in arrays(outputs)) / users, 1),
        "reference_sfc64_and_writing_ns": round(at_most / users * 1e9, 1),
        "ratio_to_reference": round(pace / at_most, 2),
        "reset_cpu_seconds": round(reset, 3),
        "peak_rss_of_the_process_gb": round(peak / 1e9, 2),
    }


def gain(users: int, weeks: int) -> float:
    """Pace of compiled kernels over NumPy, in CPU seconds, the weeks of both taken in turn; medians."""
    both = [cohort(users, weeks + 2, compiled=compiled) for compiled in (False, True)]
    for env in both:
        env.reset(seed=7)
        steps(env, 2)
    taken = [[steps(env, 1)[0][0] for env in both] for _ in range(weeks)]
    plain, compiled = (median([week[i] for week in taken]) for i in (0, 1))
    return round(plain / compiled, 2)


def drawing(draws: int) -> float:
    """Wall-clock seconds of filling two arrays with uniforms, a thread each, over filling both on one: the most that
    two threads can bring on this machine as it is now."""
    rngs = [np.random.Generator(np.random.SFC64(i)) for i in (1, 2)]
    outs = [np.empty(draws, np.float32) for _ in rngs]

    def fill(i: int) -> object:
        return rngs[i].random(dtype=np.float32, out=outs[i])

    alone = [seconds(lambda: [fill(0), fill(1)], time.perf_counter) for _ in range(9)]
    with ThreadPoolExecutor(2) as pool:
        both = [seconds(lambda: list(pool.map(fill, (0, 1))), time.perf_counter) for _ in range(9)]
    return min(alone) / min(both)


def threads(users: int, weeks: int, *, compiled: bool = False) -> dict[str, float]:
    """Wall-clock pace on two threads over one, the weeks of both taken in turn; and the CPU that two cost over one."""
    wall: dict[int, list[float]] = {1: [], 2: []}
    cpu: dict[int, list[float]] = {1: [], 2: []}
    env = cohort(users, 2 * weeks + 2, compiled=compiled)
    env.reset(seed=7)
    steps(env, 2)
    for week in range(2 * weeks):
        env.threads = 1 + week % 2
        before = time.process_time()
        wall[env.threads] += steps(env, 1, time.perf_counter)[0]
        cpu[env.threads].append(time.process_time() - before)
    return {
        "pace_over_one_thread": round(min(wall[1]) / min(wall[2]), 2),
        "cpu_over_one_thread": round(min(cpu[2]) / min(cpu[1]), 2),
        "pace_of_drawing_alone": round(drawing(users), 2),
        "cores": os.cpu_count() or 0,
    }


def shard(first: int, users: int, whole: int, weeks: int, gate: Barrier, found: Queue[float]) -> None:
    """Live some slots of a cohort in a process of its own, in step with the others; puts the fastest week's seconds."""
    env = cohort(users, weeks + 3, first_slot=first, n_max=whole)
    env.reset(seed=7)
    rng, out = np.random.default_rng(0), []
    for _ in range(weeks + 2):
        arm = rng.integers(0, env.world.arms.k, users)
        gate.wait()
        before = time.perf_counter()
        held = env.step(arm)
        gate.wait()
        out.append(time.perf_counter() - before)
    del held
    found.put(min(out[2:]))


def processes(users: int, weeks: int) -> dict[str, float]:
    """Wall-clock pace of two processes that live half of the cohort each over one that lives all of it."""
    spawn, wall = mp.get_context("spawn"), {1: 9e9, 2: 9e9}
    for count in (1, 2, 1, 2):
        gate, found, part = spawn.Barrier(count), spawn.Queue(), users // count
        workers = [spawn.Process(target=shard, args=(i * part, part, users, weeks, gate, found)) for i in range(count)]
        for worker in workers:
            worker.start()
        wall[count] = min(wall[count], max(found.get() for _ in workers))
        for worker in workers:
            worker.join()
    return {"pace_over_one_process": round(wall[1] / wall[2], 2)}


def memory(users: int, *, copy: bool) -> dict[str, float]:
    """Bytes a user that stay allocated between steps, by tracemalloc: the environment's own, and outputs held once.

    Its own are state, ledger, sums of the burn-in, pending reports, and, unless outputs are written in place (`copy`
    False), a second set of output arrays, into which the next week is written while the caller still holds this one's.
    """
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    env = cohort(users, 8, copy=copy)
    env.reset(seed=7)
    _, outputs = steps(env, 6)
    gc.collect()
    both = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    held = sum(x.nbytes for x in arrays(outputs))
    return {
        "env_and_outputs": round(both / users, 1),
        "outputs_held": round(held / users, 1),
        "env_alone": round((both - held) / users, 1),
    }


def ratios(users: int) -> dict[str, float]:
    """Potential outcomes, and a new environment without burn-in, in steps of a cohort of this size."""
    env = cohort(users, 30)
    env.reset(seed=7)
    step = median(steps(env, 9)[0])
    potential = median([seconds(env.truth.potential_outcomes) for _ in range(5)])
    made = least(lambda: cohort(users, 8, burn_in_weeks=0).reset(seed=7), 3)
    return {
        "step_ns_per_user": round(step / users * 1e9, 1),
        "potential_outcomes_in_steps": round(potential / step, 2),
        "make_and_reset_in_steps": round(made / step, 1),
    }


def compiled_rows(found: dict[str, Any]) -> list[tuple[str, float, str, float]]:  # Any: JSON
    """The targets of pace with compiled kernels, where those were measured."""
    if "compiled" not in found:
        return []
    speed, two = found["compiled"]["speed"], found["compiled"]["two_threads"]
    return [
        ("compiled: user-weeks per CPU second, one thread", speed["user_weeks_per_cpu_second"], ">=", 15e6),
        ("compiled: times SFC64 and writing the outputs", speed["ratio_to_reference"], "<=", 5),
        ("compiled: pace on two threads over one", two["pace_over_one_thread"], ">=", 1.8),
    ]


def verdicts(found: dict[str, Any], users: int) -> list[dict[str, Any]]:  # Any: JSON
    """Each target with its figure; those of another size than was run are left out."""
    rows: list[tuple[str, float, str, float]] = [
        ("user-weeks per CPU second, one thread", found["speed"]["user_weeks_per_cpu_second"], ">=", 15e6),
        ("times SFC64 and writing the outputs", found["speed"]["ratio_to_reference"], "<=", 5),
        ("pace on two threads over one", found["two_threads"]["pace_over_one_thread"], ">=", 1.8),
        *compiled_rows(found),
        ("pace of two processes over one", found["two_processes"]["pace_over_one_process"], ">=", 1.8),
        ("bytes a user resident, in place, outputs not counted", found["memory"]["in_place"]["env_alone"], "<=", 250),
        ("bytes a user resident, in place, outputs counted", found["memory"]["in_place"]["env_and_outputs"], "<=", 250),
        ("potential outcomes in steps", found["ratios"]["potential_outcomes_in_steps"], "<=", 6),
        ("make_vec and reset at 1e5 in steps", found["ratios"]["make_and_reset_in_steps"], "<=", 60),
    ]
    if users >= 10_000_000:
        rows.append(("peak GB at 1e7 users", found["speed"]["peak_rss_of_the_process_gb"], "<=", 8))
    return [
        {
            "target": what,
            "limit": f"{sense} {limit:g}",
            "measured": x,
            "holds": x >= limit if sense == ">=" else x <= limit,
        }
        for what, x, sense, limit in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--warm", type=int, default=3, help="first weeks left out: fresh memory pages")
    args = parser.parse_args()
    found: dict[str, Any] = {"speed": speed(args.users, args.weeks, args.warm)}  # Any: JSON
    found["two_threads"] = threads(min(args.users, 1_000_000), 4)
    if importlib.util.find_spec("numba") is not None:
        users = min(args.users, 1_000_000)
        found["compiled"] = {
            "speed": speed(users, args.weeks, args.warm, compiled=True),
            "pace_over_numpy": gain(users, args.weeks),
            "two_threads": threads(users, 4, compiled=True),
        }
    found["two_processes"] = processes(min(args.users, 1_000_000), 4)
    found["memory"] = {"copied": memory(SMALL, copy=True), "in_place": memory(SMALL, copy=False)}
    found["ratios"] = ratios(SMALL)
    result = {
        "benchmark": "world",
        "users": args.users,
        "arms": "uniformly random",
        "weeks_measured": args.weeks,
        "weeks_left_out": args.warm,
        **found,
        "targets": verdicts(found, args.users),
        "versions": {"rage_env": rage_env.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
