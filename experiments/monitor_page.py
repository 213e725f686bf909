"""Writes docs/monitors.md: what monitors answer and promise, measured, and examples that were run.

    python -m experiments.monitor_page docs/monitors.md [--reps 2000] [--weeks 12] [--grid grid.json]

--grid: what `python -m experiments.monitor_grid --json` printed, instead of measuring it again (about ten minutes).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import cli, monitor_grid, monitors
from experiments.monitor_page_text import CATALOGUE_TAIL, EXAMPLES, GRID_HEAD, INTRODUCTION, TAIL
from experiments.monitors.contrast import contrast
from experiments.monitors.naive_z import NaiveZ
from experiments.monitors.streams import MeanStream

__all__ = ["WIDTH", "main", "page", "played"]

WIDTH = "100"
"""Columns of the terminal in the examples."""

Grid = Mapping[str, Any]  # Any: JSON of the grid's own making


def page(grid: Grid) -> str:
    """The whole page."""
    parts = [INTRODUCTION, *catalogue(), CATALOGUE_TAIL, *_grid(grid), TAIL, "\n".join(played(EXAMPLES)), _made(grid)]
    return "\n".join(parts) + "\n"


def catalogue() -> Iterator[str]:
    """One line a monitor: what it answers, how far it is valid, what it takes for granted until disproved."""
    yield "| monitor | what it is for | valid | null |"
    yield "|---|---|---|---|"
    for kind in monitors.names():
        about = importlib.import_module(f"{monitors.__name__}.{kind}").__doc__ or ""
        sentence = " ".join(about.split("\n\n")[0].split())
        cls = monitors.monitor_class(kind)
        yield f"| `{kind}` | {sentence} | {cls.validity.replace('_', ' ')} | {_null(kind)} |"


def _null(kind: str) -> str:
    """As a monitor of this kind says it, of a stream of the grid."""
    cls = monitors.monitor_class(kind)
    streams = [cell.stream for cell in monitor_grid.cells([kind])] or ["iid_normal"]
    made = cls.for_stream(monitor_grid.draw(streams[0], 2, 3))
    assert made is not None
    return made.null.removeprefix("H0: ")


def _grid(grid: Grid) -> Iterator[str]:
    reps, weeks = grid["reps"], grid["weeks"]
    yield GRID_HEAD.format(reps=f"{reps:,}", weeks=weeks, alpha=f"{100 * grid['alpha']:g}")
    wrong = f"{_peeking(reps, weeks):.1%}"
    yield f"Whoever reads a fixed test at each of {weeks} looks calls something in {wrong} of null experiments.\n"
    yield "| monitor | setting | stream | false alarms | power | stops in week |"
    yield "|---|---|---|--:|--:|--:|"
    for cell in grid["cells"]:
        power = "-" if cell["power"] is None else f"{cell['power']:.2f}"
        week = "-" if cell["stop_week"] is None else f"{cell['stop_week']:.1f}"
        told = f"{cell['false_alarms']:.4f} ± {cell['stderr']:.4f} | {power} | {week}"
        yield f"| `{cell['monitor']}` | {cell['setting']} | {cell['stream']} | {told} |"
    yield "\nWhere a monitor has no cell:\n"
    found: dict[tuple[str, str], list[str]] = {}
    for gap in grid["without"]:
        found.setdefault((gap["monitor"], gap["why"]), []).append(gap["setting"])
    yield from (f"- `{kind}`, {'; '.join(where)}: {why}" for (kind, why), where in found.items())


def _peeking(reps: int, weeks: int) -> float:
    """Share of null streams in which z of independent normal users lies beyond 1.96 at some look."""
    stream = monitor_grid.draw("iid_normal", reps, weeks)
    assert isinstance(stream, MeanStream)
    made = NaiveZ.for_stream(stream, monitor_grid.ALPHA)
    assert made is not None
    z = contrast(*made.cohort.means_of(stream)).z
    return float((np.abs(z) >= 1.96).any(axis=1).mean())


def played(text: str) -> Iterator[str]:
    """The lines of a text whose ```python and ```sh blocks are run in an empty folder, each followed by its output."""
    names: dict[str, object] = {}
    before = os.getcwd(), os.environ.get("COLUMNS")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["COLUMNS"] = WIDTH
        try:
            for part in re.split(r"(```(?:python|sh)\n.*?```\n)", text, flags=re.DOTALL):
                yield part.strip("\n") + "\n"
                block = re.fullmatch(r"```(python|sh)\n(.*?)```\n", part, flags=re.DOTALL)
                if block is not None and (shown := _output(block[1], block[2], names)):
                    yield f"```\n{shown}\n```\n"
        finally:
            os.chdir(before[0])
            os.environ.pop("COLUMNS")
            if before[1] is not None:
                os.environ["COLUMNS"] = before[1]


def _output(kind: str, block: str, names: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if kind == "python":
            exec(compile(block, "monitors.md", "exec", dont_inherit=True), names)
        else:
            for line in block.replace("\\\n", " ").splitlines():
                program, *arguments = shlex.split(line)
                assert program == "rage", line
                assert cli.main(arguments) == 0, line
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def _made(grid: Grid) -> str:
    size = f"--reps {grid['reps']} --weeks {grid['weeks']}"
    return f"Made by `python -m experiments.monitor_page docs/monitors.md {size}`."


def main(arguments: Sequence[str]) -> int:
    """Measure, play the examples and write the page."""
    parser = argparse.ArgumentParser(prog="python -m experiments.monitor_page")
    parser.add_argument("page", type=Path)
    parser.add_argument("--reps", default="2000")
    parser.add_argument("--weeks", default="12")
    parser.add_argument("--grid", type=Path)
    asked = parser.parse_args(arguments)
    asked.page.write_text(page(_measured(asked.grid, asked.reps, asked.weeks)), encoding="utf-8")
    return 0


def _measured(file: Path | None, reps: str, weeks: str) -> Grid:
    if file is not None:
        text = file.read_text(encoding="utf-8")
    else:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            if monitor_grid.main(["--reps", reps, "--weeks", weeks, "--json"]) != 0:
                raise SystemExit(2)
        text = out.getvalue()
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
