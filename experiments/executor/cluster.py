"""Tasks on a Ray cluster: the one door to Ray (extra `ray`).

A worker that dies, alone or with its node, costs its tasks a new start elsewhere (Ray's retries); results that a lost
node held are computed again. Tasks therefore leave nothing behind but what they return.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from experiments.executor.attempt import Item, Result, attempt
from experiments.executor.code_for_nodes import staged
from experiments.executor.probe import refuse_silent
from experiments.executor.ray_address import RayCluster
from experiments.interrupts import end_if_told
from experiments.threads import ONE_THREAD, environment
from rage_env.errors import ConfigError, RunError

__all__ = ["connected", "on_cluster"]

_DEATHS = 3  # of its worker or node, which a task survives
_AHEAD = 2  # tasks handed out for every CPU, so that none waits for its next one
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}  # Any: Ray's own options
_VARIABLES = {
    **ONE_THREAD,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # as the processes of a pool; by default Ray gives way to everybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns of what it will do one day
}

_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # what makes Ray listen on 127.0.0.1 alone; read at its import


@contextlib.contextmanager
def connected(cluster: RayCluster, workers: int) -> Iterator[None]:
    """Inside, Ray is connected to the cluster. workers: CPUs of one that is started here, on 127.0.0.1.

    A connection that is there already is used as it is. Raises ConfigError where Ray is missing or nobody answers.
    """
    local = cluster.address == "local"
    with environment(_VARIABLES | (_LOOPBACK if local else {})), TemporaryDirectory() as folder:
        ray = _ray()
        if ray.is_initialized():
            _refuse_another(ray, cluster)
            yield
            return
        if local:
            options = {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        else:
            refuse_silent(cluster)
            options = {
                "address": cluster.address,
                "runtime_env": {"working_dir": str(staged(folder)), "env_vars": _VARIABLES},
            }
        try:
            with _signals_kept():
                _begin(ray, cluster, options)
            yield
        finally:
            ray.shutdown()


def on_cluster(
    fn: Callable[[Item], Result],
    items: Iterable[Item],
    cluster: RayCluster,
    workers: int,
    retries: int,
    on_done: Callable[[int, Result], None] | None,
) -> Iterator[Result]:
    """What `map_tasks` answers. A sequence is handed out at once, anything else a few items at a time."""
    with connected(cluster, workers):
        ray = _ray()
        here = len(items) if isinstance(items, Sequence) else _AHEAD * int(ray.cluster_resources().get("CPU", 1))
        send = ray.remote(num_cpus=1, max_retries=_DEATHS, retry_exceptions=False)(attempt)
        work, left = ray.put(fn), enumerate(items)
        waiting: dict[object, int] = {}  # {Ray's promise: index}
        ready: dict[int, Result] = {}
        told = 0
        try:
            while True:
                for index, item in itertools.islice(left, here - len(waiting) - len(ready)):
                    waiting[send.remote(work, item, retries)] = index
                if not waiting:
                    return
                (done,), _ = ray.wait([*waiting], num_returns=1)
                end_if_told()
                index = waiting.pop(done)
                ready[index] = _result(ray, done, index)
                if on_done is not None:
                    on_done(index, ready[index])
                while told in ready:
                    yield ready.pop(told)
                    told += 1
                    end_if_told()
        finally:
            for promise in waiting:  # what they were doing is not wanted any more
                ray.cancel(promise)  # by force, Ray aborts this process where one is just done


def _ray() -> Any:  # it has no types
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError(
            "--executor ray: needs Ray; pip install 'rage-env[ray]', or leave the option out to use processes"
        ) from error


def _refuse_another(ray: Any, cluster: RayCluster) -> None:
    there = str(ray.get_runtime_context().gcs_address)
    if cluster.host_port is not None and there.rpartition(":")[2] != str(cluster.host_port[1]):
        raise ConfigError(
            f"--address {cluster.address}: this process is connected to the Ray cluster at {there}; call "
            "ray.shutdown() first, or give that address"
        )


def _begin(ray: Any, cluster: RayCluster, options: dict[str, Any]) -> None:  # Any: Ray and its options
    try:
        ray.init(**options, **_QUIET)
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        raise ConfigError(
            f"--address {cluster.address}: Ray could not be started or joined ({' '.join(str(error).split())[:300]}); "
            "see `ray status`, or leave --executor out to use processes of this machine"
        ) from error


def _result(ray: Any, promise: object, index: int) -> Any:  # Any: Ray, and whatever the task returns
    try:
        return ray.get(promise)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise RunError(
            f"task {index} was lost with its worker {_DEATHS + 1} times, or with the cluster ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}); what was finished is kept: give the same command again, with more "
            "memory a CPU or fewer users"
        ) from error


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it starts; afterwards signals do again what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
