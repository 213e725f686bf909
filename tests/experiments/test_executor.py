"""Tasks spread over processes give what one process gives, in order."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from experiments.executor import map_tasks
from experiments.threads import THREAD_VARIABLES
from rage_env.errors import ConfigError, RunError, UnknownNameError


def slow_first(item: int) -> tuple[int, bytes]:
    time.sleep(0.3 if item == 0 else 0.0)
    rng = np.random.default_rng(item)
    return item, (rng.normal(size=(60, 60)) @ rng.normal(size=(60, 60))).tobytes()


def where(_: int) -> tuple[int, list[str | None], list[int]]:
    blas = [pool["num_threads"] for pool in threadpool_info()]
    return os.getpid(), [os.environ.get(name) for name in THREAD_VARIABLES], blas


def refuse_two(item: int) -> int:
    if item == 2:
        raise RunError("two is not wanted")
    return item


def misnamed(_: int) -> int:
    raise UnknownNameError("agent", "randm", ["random"])  # its constructor takes more than a message


def die(item: int) -> int:
    if item == 1:
        os._exit(9)
    return item


def works_the_second_time(folder: Path) -> str:
    marker = folder / "tried"
    if marker.exists():
        return "done"
    marker.touch()
    raise OSError("the first attempt fails")


def test_results_come_in_the_order_of_the_tasks_and_bit_for_bit_whatever_the_number_of_workers() -> None:
    alone = list(map_tasks(slow_first, range(5), workers=1))
    spread = list(map_tasks(slow_first, range(5), workers=2))
    assert [item for item, _ in spread] == [0, 1, 2, 3, 4]
    assert alone == spread


def test_every_task_runs_on_one_thread_of_linear_algebra_and_the_environment_is_left_alone() -> None:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    for workers in (1, 2):
        found = list(map_tasks(where, range(3), workers=workers))
        assert all(threads == 1 for _, _, blas in found for threads in blas)
        if workers == 2:
            assert all(pid != os.getpid() for pid, _, _ in found)
            assert all(value == "1" for _, values, _ in found for value in values)
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_once_for_every_task_and_an_error_of_a_task_reaches_the_caller(workers: int) -> None:
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()

    def note(index: int, result: int) -> None:
        with lock:
            seen.append((index, result))

    assert list(map_tasks(refuse_two, [5, 6, 7], workers=workers, on_done=note)) == [5, 6, 7]
    assert sorted(seen) == [(0, 5), (1, 6), (2, 7)]
    with pytest.raises(RunError, match="two is not wanted"):
        list(map_tasks(refuse_two, [1, 2, 3], workers=workers))
    with pytest.raises(UnknownNameError, match="did you mean 'random'"):
        list(map_tasks(misnamed, [1, 2], workers=workers))


def test_a_worker_that_dies_stops_the_run_with_a_message_and_not_with_a_hang() -> None:
    with pytest.raises(RunError, match="a worker died"):
        list(map_tasks(die, [0, 1, 2, 3], workers=2))


def test_a_task_that_fails_once_is_tried_again_only_where_retries_were_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="first attempt"):
        list(map_tasks(works_the_second_time, [tmp_path], executor="inline"))
    (tmp_path / "tried").unlink()
    assert list(map_tasks(works_the_second_time, [tmp_path], executor="inline", retries=1)) == ["done"]


def test_numbers_of_workers_and_executors_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="workers must be at least 1"):
        map_tasks(refuse_two, [1], workers=0)
    with pytest.raises(ConfigError, match="executor"):
        map_tasks(refuse_two, [1], executor="ray")  # type: ignore[arg-type]  # what a config file could say
