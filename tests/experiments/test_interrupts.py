"""A signal ends work in order, also one whose interrupt Python throws away."""

from __future__ import annotations

import signal

import pytest

from experiments.executor import Executor, RayCluster, map_tasks
from experiments.interrupts import end_if_told, going_on
from rage_env.errors import StoppedError
from tests.experiments.test_executor import slow_first

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


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Python could not raise."""
    lost: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda told: lost.append(told.exc_type))
    return lost


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
    told: list[object], executor: Executor, number: signal.Signals
) -> None:
    seen: list[int] = []

    def work() -> None:
        with going_on():
            for item, _ in map_tasks(slow_first, range(6), executor=executor):
                seen.append(item)
                if len(seen) == 2:
                    lose_an_interrupt(number)

    with pytest.raises(StoppedError, match=f"stopped by {number.name}"):
        work()
    assert told == [KeyboardInterrupt]
    assert seen == [0, 1]


def test_an_interrupt_is_forgotten_with_the_work_that_it_met(told: list[object]) -> None:
    with going_on():
        lose_an_interrupt(signal.SIGINT)
    end_if_told()
    with going_on():
        end_if_told()
    assert told == [KeyboardInterrupt]
