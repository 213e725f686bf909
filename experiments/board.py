"""The leaderboard for a terminal: who gained what, at which guardrail's cost, and what the statistics made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from experiments.console import print_rows, show

__all__ = ["show_leaderboard"]

Line = dict[str, object]
_SLACKS = {"slack_true_min": "by true means", "slack_reported_min": "as reported", "slack_realised_min": "as realised"}


def show_leaderboard(board: pd.DataFrame) -> None:
    """Print it as a few narrow tables; every column is in leaderboard.csv. Tables without data are left out."""
    lines: list[Line] = board.to_dict("records")
    print_rows([_gains(line) for line in lines], "leaderboard (usd per assigned user-week, settled; 95 % intervals)")
    if any(line.get("nrpau_disagrees") for line in lines):
        show("* revenue per active user moves against the gain per assigned user: it does not rank")
    if any(line.get("above_oracle") for line in lines):
        show("! above the oracle that may do no more: it pays with broken guardrails, or luck")
    names = [c.removeprefix("slack_true_min.") for c in board.columns if c.startswith("slack_true_min.")]
    for column, how in _SLACKS.items():
        if names and f"{column}.{names[0]}" in board.columns:
            note = ", (weeks broken)" if column == "slack_true_min" else ""
            print_rows([_slack(line, column, names) for line in lines], f"least slack of a week, {how}{note}")
    for title, prefixes in (
        ("off-policy estimates: truth, and error of each", ("ope_truth", "ope_error.", "ope_refused")),
        ("monitors", ("monitor.",)),
    ):
        rows = list(_picked(lines, prefixes, list(board.columns)))
        if rows:
            print_rows(rows, title)


def _gains(line: Line) -> Line:
    mark = "*" if line.get("nrpau_disagrees") else ""
    broken = f"{_number(line['weeks_violated']):g}" + (f" of {line['weeks']}" if "weeks" in line else "")
    return {
        "agent": f"{line['agent']}{' !' if line.get('above_oracle') else ''}",
        "value": line["value"],
        "gain over no_offer": _interval(line["gain"], line["gain_lower"], line["gain_upper"]),
        "net revenue": line["net_revenue"],
        "nRPAU": f"{_number(line['nrpau']):.3f}{mark}",
        "of oracle": _share(line.get("share_of_oracle")),
        "weeks broken": broken,
    }


def _slack(line: Line, column: str, names: Sequence[str]) -> Line:
    def cell(name: str) -> str:
        least = f"{_number(line.get(f'{column}.{name}')):.2g}"
        broken = _number(line.get(f"violated.{name}", 0))
        return f"{least} ({broken:g})" if column == "slack_true_min" and broken else least

    return {"agent": line["agent"], **{name: cell(name) for name in names}}


def _picked(lines: Sequence[Line], prefixes: Sequence[str], columns: Sequence[str]) -> Iterator[Line]:
    """Lines with the columns of these prefixes, without columns and lines that say nothing."""
    wanted = [c for c in columns if c.startswith(tuple(prefixes)) and any(_says(line[c]) for line in lines)]
    for line in lines:
        if any(_says(line[c]) for c in wanted):
            yield {"agent": line["agent"], **{_short(c): _brief(line[c]) for c in wanted}}


def _short(column: str) -> str:
    return column.partition(".")[2] or column.removeprefix("ope_")


def _brief(held: object) -> object:
    """Reasons up to their first colon: the rest is advice, and stands in the table on disk."""
    return held.partition(":")[0] if isinstance(held, str) else held


def _says(held: object) -> bool:
    return held is not None and held != "" and not (isinstance(held, float) and math.isnan(held))


def _interval(value: object, lower: object, upper: object) -> str:
    middle, low, high = _number(value), _number(lower), _number(upper)
    if math.isnan(low):
        return "-" if math.isnan(middle) or middle == 0 else f"{middle:+.3f}"
    return f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"


def _share(held: object) -> str:
    share = _number(held)
    return "-" if math.isnan(share) else f"{share:.0%}"


def _number(held: object) -> float:
    return math.nan if held is None else float(str(held))
