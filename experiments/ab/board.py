"""Verdicts for a terminal, below the leaderboard: each one where they are few, else counted over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from experiments.console import print_rows, show

__all__ = ["show_verdicts"]

MOST_ROWS = 24
"""More verdicts than this are shown counted over seeds only; all of them are in verdicts.parquet."""

_OF_VERDICTS = (
    "week: of the call, from 0. mark: how it stands to the truth. truth: gain over\n"
    "the same users left alone, usd per assigned user-week, up to that week; at\n"
    "scale: the agent on everybody. delay: weeks since the first true violation.\n"
    "lost: by the group up to the call; saved: after it, by stopping there; usd of\n"
    "losses, or of value for monitors of value. place: among the agents, by gain;\n"
    "* named better than the control, of which a twentieth may be none (e-BH)."
)
_OF_SEEDS = (
    "harm, lift: share of seeds with that call; stopped: in which it stopped the\n"
    "group; wrong: with a call that the truth denies; caught: of the seeds with\n"
    "something to find. weeks: median calendar weeks to the call; delay: from the\n"
    "first true violation. lost, saved: mean usd. Shares of seeds differ from the\n"
    "truth by chance: at 200 seeds and 5 % by 1.5 points, one standard error."
)


def show_verdicts(verdicts: pd.DataFrame, summed: pd.DataFrame) -> None:
    """Print what the monitors came to and how that stands to the truth. summed: the same over seeds."""
    skewed = verdicts.query("metric == 'assignment' and verdict == 'harm'")["seed"].tolist()
    if skewed:
        show(f"\nthe groups' head-counts are not those planned, so compare nothing, on seeds {skewed}")
    if len(verdicts) <= MOST_ROWS:
        for part, title in _apart(verdicts):
            print_rows([_verdict(row) for row in part.to_dict("records")], f"{title}, held against the truth")
        show(_OF_VERDICTS)
    if verdicts["seed"].nunique() > 1:
        for part, title in _apart(summed):
            shares = _OF_CERTIFICATES if title == "certificates" else _OF_CALLS
            rows = [_counted(row, shares) for row in part.to_dict("records")]
            print_rows(rows, f"{title} over {verdicts['seed'].nunique()} seeds")
        show(_OF_SEEDS)


def _apart(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str]]:
    """Certificates ask whether a group is safe, all others whether it is not: each has a table of its own."""
    certifies = table["aim"] == "certificate"
    for part, title in ((table[~certifies], "verdicts"), (table[certifies], "certificates")):
        if len(part):
            yield part, title


def _verdict(row: Mapping[object, object]) -> dict[str, object]:
    return {
        "group": row["agent"],
        "seed": row["seed"],
        "monitor": row["monitor"],
        "verdict": f"{row['verdict']}{', stopped' if row['stopped'] else ''}",
        "week": _whole(row["week"]),
        "mark": row["mark"],
        "truth": _usd(row["truth"], 3),
        "at scale": _usd(row["deploy_truth"], 3),
        "place": f"{_whole(row['place'])}{'*' if row['named_better'] == 1 else ''}",
        "delay": _whole(row["delay_weeks"]),
        "lost": _usd(row["lost_before_usd"], 0),
        "saved": _usd(row["saved_after_usd"], 0),
    }


def _counted(row: Mapping[object, object], shares: Mapping[str, str]) -> dict[str, object]:
    return {
        "group": row["agent"],
        "monitor": row["monitor"],
        **{name: _share(row[column]) for name, column in shares.items()},
        "weeks": _whole(row["weeks"]),
        "delay": _whole(row["delay_weeks"]),
        "lost": _usd(row["lost_before_usd"], 0),
        "saved": _usd(row["saved_after_usd"], 0),
    }


_MARKED = {"wrong": "false_alarms", "caught": "caught", "refused": "refused"}
_OF_CALLS = {"harm": "harm", "lift": "lift", "stopped": "stopped"} | _MARKED
_OF_CERTIFICATES = {"certified": "certified"} | _MARKED


def _number(held: object) -> float:
    return math.nan if held is None else float(str(held))


def _whole(held: object) -> str:
    return "-" if math.isnan(_number(held)) else f"{_number(held):g}"


def _share(held: object) -> str:
    return "-" if math.isnan(_number(held)) else f"{_number(held):.1%}"


def _usd(held: object, digits: int) -> str:
    return "-" if math.isnan(_number(held)) else f"{_number(held):.{digits}f}"
