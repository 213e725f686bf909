"""Shows a sweep on a terminal: what it will take, how it stands, what it came to."""

from __future__ import annotations

import sys
from dataclasses import asdict

from experiments.console import print_json, print_rows, show
from experiments.sweeps.estimate import Estimate
from experiments.sweeps.run import Swept
from experiments.sweeps.schema import Sweep
from experiments.sweeps.standing import Standing

__all__ = ["show_estimate", "show_standing", "show_swept"]

_MOST_ROWS = 40
_READING = (
    "difference: mean over seeds that both have; each seed is one pair. p_holm: paired t-test, after Holm over all "
    "rows. lower, upper: t-intervals that hold for all rows at once (Bonferroni)."
)


def show_estimate(found: Estimate, *, as_json: bool) -> None:
    """Cells in order, then the whole."""
    if as_json:
        print_json({"cells": [asdict(c) for c in found.cells], "seconds": found.seconds, "bytes": found.bytes})
        return
    rows = [{"cell": c.cell, "runs": c.runs, "finished": c.finished, "about": _time(c.seconds)} for c in found.cells]
    print_rows(rows[:_MOST_ROWS], "cells in the order of the axes")
    if len(rows) > _MOST_ROWS:
        show(f"... and {len(rows) - _MOST_ROWS} more (--json lists all)")
    runs, done = sum(c.runs for c in found.cells), sum(c.finished for c in found.cells)
    show(
        f"{len(rows)} cells, {runs} runs, {done} of them finished. The rest takes about {_time(found.seconds)} with "
        f"{found.workers} workers on cores of their own, and {found.bytes / 1e6:.1f} MB. Nothing was run."
    )


def show_standing(found: Standing, sweep: Sweep, *, as_json: bool) -> None:
    """Leaderboard, comparisons, and cells that cannot be read."""
    if as_json:
        print_json(_tables(found) | {"unread": list(found.unread)})
        return
    if found.leaderboard.empty:
        show(f"no run of {sweep.name} is finished yet")
    else:
        print_rows(found.leaderboard.to_dict("records")[:_MOST_ROWS], f"{sweep.name}: {sweep.question}")
    if len(found.comparisons):
        against = found.comparisons["against"].iloc[0]
        rows = found.comparisons.drop(columns="against").to_dict("records")
        print_rows(rows[:_MOST_ROWS], f"{sweep.compare.metric}, paired by seed with {against}")
        show(_READING)
    for problem in found.unread:
        print(f"cannot be read: {problem}", file=sys.stderr)


def show_swept(found: Swept, sweep: Sweep, *, as_json: bool) -> None:
    """The same, then what failed."""
    if as_json:
        print_json(_tables(found.standing) | {"failures": [asdict(f) for f in found.failures]})
    else:
        show_standing(found.standing, sweep, as_json=False)
        show(f"\nresults: {found.path}, one results folder a cell")
    if found.failures:
        print(f"\n{len(found.failures)} cells failed; all others are whole:", file=sys.stderr)
    for failure in found.failures:
        reason = "\n    ".join(failure.reason.splitlines())
        print(f"  {failure.cell}: {failure.kind}: {reason}", file=sys.stderr)


def _tables(found: Standing) -> dict[str, object]:
    return {n: getattr(found, n).to_dict("records") for n in ("leaderboard", "comparisons")}


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
