"""The table of what monitors promise and do: false alarms, power and expected stopping week in every setting.

    python -m experiments.monitor_grid [--reps 2000] [--weeks 12] [--only KIND ...] [--json]

Each cell is a monitor, a setting and a stream whose null is written down; where a monitor has no cell in a setting,
the table says why. Prints Markdown, or JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from experiments import monitors
from experiments.monitors.rehearsal import ASSIGNMENTS, BOUNDED, EVENTS, INPUTS, LOGGED, RATIOS, STREAMS, many_agents
from experiments.monitors.settings import AGENTS, FIVE, SETTINGS, family_of, of_agents
from experiments.monitors.streams import LoggedStream, Stream
from rage_env.errors import InputError

__all__ = ["ALPHA", "Cell", "Row", "cells", "draw", "measured", "stopped", "without_cell"]

ALPHA = 0.05
Stops = NDArray[np.bool_]  # (reps, weeks) stopped by this week

_NO_VERDICTS = ("naive_z",)
_EFFECTS = {**dict.fromkeys(RATIOS, 2.0), **dict.fromkeys(EVENTS, 4.0), **dict.fromkeys(BOUNDED, 20.0)}
_EFFECTS |= {**dict.fromkeys(INPUTS, 0.5), **dict.fromkeys(LOGGED, 30.0), **dict.fromkeys(ASSIGNMENTS, 3.0)}
_EFFECTS |= {"steady_flag": 4.0}
_SAFE, _MISLOGGED = 0.2, 0.1  # a certificate's truth, as a share of the limit; by how much a wrong log is off


@dataclass(frozen=True)
class Cell:
    """A monitor put to the test on a stream, in a setting."""

    monitor: str
    setting: str
    stream: str


@dataclass(frozen=True)
class Row:
    """What was measured in a cell. effect: as the stream's file says; stop_week: mean, never stopped counts as last."""

    monitor: str
    setting: str
    stream: str
    null: str
    false_alarms: float
    stderr: float
    effect: float
    power: float
    stop_week: float


def cells(kinds: Sequence[str] | None = None) -> list[Cell]:
    """All cells, by monitor. Monitors without verdicts have none."""
    return list(_cells(monitors.names() if kinds is None else kinds))


def without_cell() -> dict[tuple[str, str], str]:
    """{(monitor, setting): why the monitor is not put to the test there}; KeyError if nobody wrote it down."""
    has = {(c.monitor, c.setting) for c in cells()}
    found: dict[tuple[str, str], str] = {}
    for kind in _judged(monitors.names()):
        reasons = family_of(next(s for s in STREAMS if _takes(kind, s))).why_not
        found |= {(kind, setting): reasons[setting] for setting in SETTINGS if (kind, setting) not in has}
    return found


def draw(stream: str, reps: int, weeks: int, *effect: float, seed: int = 0) -> Stream:
    """The named stream, seeded by its name; the null unless an effect is given."""
    rng = np.random.default_rng([zlib.crc32(stream.encode()), seed])
    return (
        many_agents(rng, reps, weeks, AGENTS) if stream == "many_agents" else STREAMS[stream](rng, reps, weeks, *effect)
    )


def stopped(cell: Cell, drawn: Stream, alpha: float = ALPHA) -> Stops:
    """(reps, weeks) some verdict had been given by this week; five agents share alpha."""
    if cell.setting != FIVE:
        return _stops(cell.monitor, drawn, alpha)
    parts = [_stops(cell.monitor, part, alpha / AGENTS) for part in of_agents(drawn)]
    return np.asarray(np.logical_or.reduce(parts), np.bool_)


def measured(cell: Cell, reps: int, weeks: int) -> Row:
    """False alarms, power and stopping weeks of a cell."""
    null = draw(cell.stream, reps, weeks)
    rate = float(stopped(cell, null)[:, -1].mean())
    effect, power, stop_week = math.nan, math.nan, math.nan
    if cell.setting != FIVE:
        effect = _SAFE if cell.monitor == "ratio_certificate" else _EFFECTS.get(cell.stream, 3.0)
        if cell.monitor == "arm_shares":
            effect, moved = _MISLOGGED, _mislogged(null)
        else:
            moved = draw(cell.stream, reps, weeks, effect, seed=1)
        stops = stopped(cell, moved)
        power, stop_week = float(stops[:, -1].mean()), float((~stops[:, :-1]).sum(axis=1).mean()) + 1
    stderr = math.sqrt(max(rate * (1 - rate), ALPHA * (1 - ALPHA)) / reps)
    return Row(
        **asdict(cell),
        null=null.null,
        false_alarms=rate,
        stderr=stderr,
        effect=effect,
        power=power,
        stop_week=stop_week,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.monitor_grid", description=__doc__)
    parser.add_argument("--reps", type=int, default=2_000)
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--only", nargs="*", metavar="KIND", help="monitors to measure; all by default")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.reps < 1 or asked.weeks < 2:
        parser.error(f"--reps must be at least 1 and --weeks at least 2, got {asked.reps} and {asked.weeks}")
    try:
        rows = [measured(cell, asked.reps, asked.weeks) for cell in cells(asked.only)]
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(_as_json(rows, asked.reps, asked.weeks) if asked.json else "\n".join(_as_markdown(rows)))
    return 0


def _judged(kinds: Sequence[str]) -> list[str]:
    return [k for k in kinds if k not in _NO_VERDICTS]


def _takes(kind: str, stream: str) -> bool:
    return monitors.monitor_class(kind).for_stream(draw(stream, 2, 3), ALPHA) is not None


def _cells(kinds: Sequence[str]) -> Iterator[Cell]:
    for kind in _judged(kinds):
        taken = [s for s in STREAMS if _takes(kind, s)]
        for setting, streams in SETTINGS.items():
            yield from (Cell(kind, setting, s) for s in streams if s in taken)
        shared = family_of(taken[0]).for_agents
        if shared is not None:
            yield Cell(kind, FIVE, shared)


def _stops(kind: str, drawn: Stream, alpha: float) -> Stops:
    made = monitors.monitor_class(kind).for_stream(drawn, alpha)
    assert made is not None
    return made.replicate(drawn)


def _mislogged(drawn: Stream) -> Stream:
    """The same draws under a log that misses by a tenth how often arm 1 was meant."""
    assert isinstance(drawn, LoggedStream)
    return dataclasses.replace(drawn, chance=np.clip(drawn.chance - _MISLOGGED, 0.01, 0.99))


def _as_json(rows: Sequence[Row], reps: int, weeks: int) -> str:
    table = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(r).items()} for r in rows]
    absent = [{"monitor": m, "setting": s, "why": why} for (m, s), why in without_cell().items()]
    return json.dumps({"reps": reps, "weeks": weeks, "alpha": ALPHA, "cells": table, "without": absent}, indent=1)


def _as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    yield "| monitor | setting | false alarms | power | stops in week | null |"
    yield "|---|---|---|---|---|---|"
    for r in rows:
        told = f"{r.power:.2f} | {r.stop_week:.1f}" if math.isfinite(r.power) else "- | -"
        yield f"| {r.monitor} | {r.setting} | {r.false_alarms:.4f} ± {r.stderr:.4f} | {told} | {r.null} |"
    kinds = {r.monitor for r in rows}
    for (kind, setting), why in without_cell().items():
        if kind in kinds:
            yield f"| {kind} | {setting} | - | - | - | no cell: {why} |"


if __name__ == "__main__":
    sys.exit(main())
