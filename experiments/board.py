"""The leaderboard for a terminal: who gained what, at which guardrail's cost, and what the statistics made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from experiments.console import print_rows, show

__all__ = ["show_leaderboard"]

Line = dict[str, object]
_ROUNDING = 1e-6  # of sums over users; a slack this near to 0 is 0
_READING = (
    "weeks broken: weeks, over all seeds, in which a guardrail truly was; a gain that\n"
    "breaks guardrails is no gain. of oracle: expected gain in sampled weeks, as a\n"
    "share of the best within the limits on what can be observed (may exceed it by\n"
    "breaking them). safe share: the same, for agents that break a limit in at most\n"
    "one seed of twenty. nRPAU: net revenue per active user; never ranks."
)
_OF_ESTIMATES = (
    "From each agent's log: value of the study's target policy. truth is its value,\n"
    "the others are errors in usd; refused: why that log cannot answer."
)
_OF_MONITORS = (
    "continue: did not stop; lift, harm: stopped for it; refused: would not test.\n"
    "In brackets how that stands to the truth; `no call`: nothing to mark."
)
_SLACKS = {"slack_true_min": "by true means", "slack_reported_min": "as reported", "slack_realised_min": "as realised"}


def show_leaderboard(board: pd.DataFrame) -> None:
    """Print it as a few narrow tables; every column is in leaderboard.csv. Tables without data are left out."""
    lines: list[Line] = board.to_dict("records")
    print_rows([_gains(line) for line in lines], "leaderboard (usd per assigned user-week, settled; 95 % intervals)")
    show(_READING)
    skewed = [str(line["agent"]) for line in lines if line.get("gain_too_skewed")]
    if skewed:
        show(f"intervals too narrow for so few users, as rare large losses may be missing: {', '.join(skewed)}")
    if any(line.get("nrpau_disagrees") for line in lines):
        show("* revenue per active user moves against the gain per assigned user: it does not rank")
    if any(line.get("above_oracle") for line in lines):
        show("! above the oracle that may do no more: it pays with broken guardrails, or luck")
    names = [c.removeprefix("slack_true_min.") for c in board.columns if c.startswith("slack_true_min.")]
    if names:
        show("\nSlack is limit minus usage: at 0 or above it was kept, below 0 broken.")
    for column, how in _SLACKS.items():
        if names and f"{column}.{names[0]}" in board.columns:
            note = ", (weeks broken)" if column == "slack_true_min" else ""
            print_rows([_slack(line, column, names) for line in lines], f"least slack of a week, {how}{note}")
    for title, prefixes, note in (
        ("off-policy estimates: truth, and error of each", ("ope_truth", "ope_error.", "ope_refused"), _OF_ESTIMATES),
        ("monitors: verdict (how it stands to the truth), one a seed", ("monitor.",), _OF_MONITORS),
    ):
        rows = list(_picked(lines, prefixes, list(board.columns)))
        if rows:
            print_rows(rows, title)
            show(note)


def _gains(line: Line) -> Line:
    mark = "*" if line.get("nrpau_disagrees") else ""
    broken = f"{_number(line['weeks_violated']):g}" + (f" of {line['weeks']}" if "weeks" in line else "")
    return {
        "agent": f"{line['agent']}{' !' if line.get('above_oracle') else ''}",
        "gain over no_offer": _interval(line["gain"], line["gain_lower"], line["gain_upper"]),
        "weeks broken": broken,
        "of oracle": _share(line.get("share_of_oracle")),
        "safe share": _safe(line),
        "value": f"{_number(line['value']):.3f}",
        "net revenue": f"{_number(line['net_revenue']):.3f}",
        "nRPAU": f"{_number(line['nrpau']):.3f}{mark}",
    }


def _slack(line: Line, column: str, names: Sequence[str]) -> Line:
    def cell(name: str) -> str:
        held = _number(line.get(f"{column}.{name}"))
        least = f"{0.0 if abs(held) < _ROUNDING else held:.2g}"
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
    if math.isnan(low) or low == high == 0:
        return "-" if math.isnan(middle) or middle == 0 else f"{middle:+.3f}"
    return f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"


def _share(held: object) -> str:
    share = _number(held)
    return "-" if math.isnan(share) else f"{share:.0%}"


def _safe(line: Line) -> str:
    """Blank where limits are broken in more than one seed of twenty."""
    low, high = _number(line.get("safe_share_lower")), _number(line.get("safe_share_upper"))
    reach = "" if math.isnan(low) else f" [{low:.0%}, {high:.0%}]"
    return f"{_share(line.get('safe_share'))}{reach}"


def _number(held: object) -> float:
    return math.nan if held is None else float(str(held))
