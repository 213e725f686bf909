"""Which populations are drawn from, and what coverage is asked of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from experiments.coverage.long_run import LongRun, ManyWeeks, many_weeks
from experiments.coverage.sample import Population
from experiments.coverage.textbook import Textbook
from experiments.coverage.world import Panel, World, panel

__all__ = ["CAPS_USD", "RARE_SETTINGS", "SETTINGS"]

CAPS_USD = {"gmv": 5_000.0, "net revenue": 100.0}
"""About the 99.9 % quantile of a user-week, rounded; fixed here, before any sample is drawn."""


@cache
def _panel() -> Panel:
    return panel()


def _gmv(users: int, weeks: int) -> Callable[[], Population]:
    return lambda: World(_panel(), "gmv", users, weeks, (0.92, 1.0))


def _net(users: int, weeks: int) -> Callable[[], Population]:
    return lambda: World(_panel(), "net revenue", users, weeks, (0.86 if users < 10_000 else 0.92, 1.0))


@cache
def _many_weeks(outcome: str, weeks: int) -> ManyWeeks:
    return many_weeks(outcome, weeks)


def _net_over(weeks: int, users: int) -> Callable[[], LongRun]:
    goal = (0.86 if users < 10_000 else 0.92, 1.0)
    return lambda: LongRun(_many_weeks("net revenue", weeks), "net revenue", weeks, users, goal)


SETTINGS: Mapping[str, Callable[[], Population | LongRun]] = {
    "normal": lambda: Textbook("normal", 1_000, 1),
    "binary": lambda: Textbook("binary", 1_000, 1),
    "normal_users": lambda: Textbook("normal", 500, 8),
    "binary_users": lambda: Textbook("binary", 500, 8),
    "gmv_2000": _gmv(2_000, 1),
    "gmv_weeks": _gmv(2_000, 4),
    "net_2000": _net(2_000, 1),
    "net_10000": _net(10_000, 1),
    "net_weeks": _net(2_000, 4),
    "net_quarter_2000": _net_over(12, 2_000),
    "net_quarter_10000": _net_over(12, 10_000),
    "gmv_capped": lambda: World(_panel(), "gmv", 2_000, 1, (0.92, 1.0), CAPS_USD["gmv"]),
    "net_capped": lambda: World(_panel(), "net revenue", 2_000, 1, (0.92, 1.0), CAPS_USD["net revenue"]),
}
NET = [name for name in SETTINGS if name.startswith("net_") and not name.endswith("capped")]
RARE_SETTINGS = {name: SETTINGS[name] for name in NET} | {"gmv_10000": _gmv(10_000, 1)}
"""Of docs/rare-losses.md."""
