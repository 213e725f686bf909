"""A signal ends work in order, also one whose interrupt Python throws away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiments.executor import Executor, RayCluster, map_tasks
from experiments.history import History, Plan
from experiments.interrupts import end_if_told, going_on, held_back, told_of_an_end
from rage_env import scenario
from rage_env.errors import RunError, StoppedError
from tests.experiments.test_executor import slow_first

PLAN = Plan(scenario.load("fintech"), users=20, weeks=3, seed=1)
ENDING = [signal.SIGINT, signal.SIGTERM]


class _Interrupted:
    """Meets a signal while it is thrown away, where no exception gets out."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def lose_an_interrupt(number: signal.Signals) -> None:
    """Raise a signal whose KeyboardInterrupt nobody gets to see."""
    _Interrupted(number)


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Ctrl-C is heard, as in a terminal; a shell's background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def unraised() -> Iterator[list[object]]:
    """What Python could not raise inside."""
    lost: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda told: lost.append(told.exc_type))
        yield lost


@pytest.mark.parametrize("number", ENDING)
def test_an_interrupt_ends_the_work_and_says_by_what(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(StoppedError, match=f"stopped by {number.name}"), going_on():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(
    "executor", ["inline", "process", pytest.param(RayCluster("local"), marks=pytest.mark.slow, id="ray")]
)
def test_an_interrupt_that_got_lost_ends_the_work_with_the_next_task(
    executor: Executor, number: signal.Signals
) -> None:
    seen: list[int] = []

    def work() -> None:
        with going_on():
            for item, _ in map_tasks(slow_first, range(6), executor=executor):
                seen.append(item)
                if len(seen) == 2:
                    lose_an_interrupt(number)

    with unraised() as lost, pytest.raises(StoppedError, match=f"stopped by {number.name}"):
        work()
    assert lost == [KeyboardInterrupt]
    assert seen == [0, 1]


@pytest.mark.parametrize("number", ENDING)
def test_an_interrupt_that_got_lost_ends_a_simulation_with_the_week(number: signal.Signals, tmp_path: Path) -> None:
    seen: list[int] = []

    def work() -> None:
        with told_of_an_end(tmp_path):
            for week in History(PLAN).weeks():
                seen.append(week.log.week)
                lose_an_interrupt(number)

    with (
        unraised() as lost,
        pytest.raises(RunError, match=f"stopped by {number.name}: nothing was written to {tmp_path}"),
    ):
        work()
    assert lost == [KeyboardInterrupt]
    assert seen == [0]


def test_what_was_held_back_is_heard_though_the_work_failed_meanwhile() -> None:
    def fail() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            raise BrokenProcessPool("a worker heard it too")

    with pytest.raises(KeyboardInterrupt):
        fail()


def ignored(_: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_workers_never_hear_the_terminal_from_their_first_moment_on() -> None:
    assert all(map_tasks(ignored, range(2)))
    assert not ignored(0)


def test_a_worker_that_dies_while_tasks_are_handed_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with pytest.raises(RunError, match="a worker died at or before task 0 of 2"):
        list(map_tasks(ignored, range(2)))


def test_an_interrupt_is_forgotten_with_the_work_that_it_met() -> None:
    with unraised() as lost, going_on():
        lose_an_interrupt(signal.SIGINT)
    end_if_told()
    with going_on():
        end_if_told()
    assert lost == [KeyboardInterrupt]
