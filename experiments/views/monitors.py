"""Sequential tests: their paths, where they stopped, and how that stands to the truth."""

from __future__ import annotations

import pandas as pd

from experiments.layout import MONITORS
from experiments.results import Results
from experiments.views.view import View, of_runs
from rage_env.errors import LogError

__all__ = ["paths", "verdicts"]

_STOPS = ("harm", "lift", "certified")
_TOO_WIDE = 20.0  # times the largest estimate: such an interval says nothing yet, and would hide the rest


def paths(results: Results) -> View:
    """agent, seed, monitor, week, estimate, lower, upper, z, boundary, log_e, verdict, stopped: a row a look.

    stopped: the first look at which the test stopped. Intervals too wide to be drawn are left empty.
    """
    view = of_runs(results, "monitors")
    if not view.here:
        return View(missing=f"{view.missing} `monitors` in the experiment asks for tests.")
    table = view.table
    missing = [c for c in MONITORS if c not in table.columns]
    if missing:
        raise LogError(f"monitors: the table lacks the columns {missing}; it has {list(table.columns)}")
    wanted = [c for c in (*MONITORS, "z", "mark", "kind", "metric") if c in table.columns]
    table = table[wanted].reset_index(drop=True)
    stops = table[table["verdict"].isin(_STOPS)]
    table["stopped"] = table.index.isin(stops.drop_duplicates(["agent", "seed", "monitor"]).index)
    return View(table, "x marks the look at which a test stopped.")


def drawable(path: pd.DataFrame) -> pd.DataFrame:
    """Rows of one monitor with intervals beyond twenty times its largest estimate left out."""
    most = _TOO_WIDE * path["estimate"].abs().max()
    wide = ~((path["lower"].abs() <= most) & (path["upper"].abs() <= most))
    return path.assign(lower=path["lower"].mask(wide), upper=path["upper"].mask(wide))


def verdicts(results: Results) -> View:
    """agent, seed, monitor, verdict, week, mark: what each test came to, and whether it was right."""
    if "verdicts" in results.run_tables:
        return of_runs(results, "verdicts")
    view = paths(results)
    if not view.here:
        return view
    rows = []
    for (agent, seed, monitor), path in view.table.groupby(["agent", "seed", "monitor"], sort=False):
        stop = path[path["stopped"]]
        last = (stop if len(stop) else path.tail(1)).iloc[0]
        week = int(last["week"]) if len(stop) else None
        mark = last.get("mark", "")
        rows.append(
            {"agent": agent, "seed": seed, "monitor": monitor, "verdict": last["verdict"], "week": week, "mark": mark}
        )
    table = pd.DataFrame(rows).astype({"week": "Int64"})
    return View(table, "mark: the verdict beside the truth of the whole run.")
