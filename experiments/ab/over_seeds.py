"""Verdicts counted over seeds: how often each monitor errs and catches, how late, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

__all__ = ["MARKS", "over_seeds"]

MARKS = ("right", "wrong", "missed", "rightly silent", "too close to mark", "no call")
_CALLS = ("harm", "lift", "certified")


def over_seeds(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row a group and monitor.

    harm, lift, certified: shares of seeds with that call. false_alarms: share of seeds with a call marked wrong, with
    its Monte Carlo standard error. caught: share of the seeds in which there was something to find (marked right or
    missed) that were found. weeks: median calendar weeks lived until the call, delay_weeks: median from the first truly
    violating week. Dollars: means over seeds, for the whole group. refused: share of seeds in which it would not test.
    """
    by = verdicts.groupby(["agent", "monitor"], sort=False)
    return pd.DataFrame([dict(_row(str(a), str(m), rows)) for (a, m), rows in by])


def _row(agent: str, monitor: str, rows: pd.DataFrame) -> Iterator[tuple[str, object]]:
    seeds, called = len(rows), rows["verdict"].isin(_CALLS)
    wrong = float((rows["mark"] == "wrong").mean())
    found, missed = int((rows["mark"] == "right").sum()), int((rows["mark"] == "missed").sum())
    yield "agent", agent
    yield "monitor", monitor
    yield "metric", rows["metric"].iloc[0]
    yield "aim", rows["aim"].iloc[0]
    yield "validity", rows["validity"].iloc[0]
    yield "seeds", seeds
    yield "harm", float((rows["verdict"] == "harm").mean())
    yield "lift", float((rows["verdict"] == "lift").mean())
    yield "certified", float((rows["verdict"] == "certified").mean())
    yield "stopped", float(rows["stopped"].mean())
    yield "refused", float((rows["verdict"] == "refused").mean())
    yield "false_alarms", wrong
    yield "false_alarms_se", math.sqrt(wrong * (1 - wrong) / seeds)
    yield "caught", found / (found + missed) if found + missed else math.nan
    yield "weeks", float(rows.loc[called, "week"].median() + 1) if called.any() else math.nan
    yield "delay_weeks", float(rows["delay_weeks"].median())
    yield "lost_before_usd", float(rows["lost_before_usd"].mean())
    yield "saved_after_usd", float(rows["saved_after_usd"].mean())
    for mark in MARKS:
        yield mark.replace(" ", "_"), int((rows["mark"] == mark).sum())
