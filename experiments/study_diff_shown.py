"""Shows what changed between two studies on a terminal."""

from __future__ import annotations

from experiments.console import print_json, print_rows, show
from experiments.results import Results
from experiments.study_diff import StudyDiff

__all__ = ["show_diff"]

_TITLES = {
    "asked": "settings",
    "world": "world",
    "code": "code",
    "made_with": "packages and processor",
    "apart": "not compared",
}
_READING = (
    "difference: second minus first, usd per user-week or weeks. same: no number differs. better, worse: beyond luck "
    "at 5 % after Holm over the table. cannot tell: neither; the interval says how large it may be."
)


def show_diff(a: Results, b: Results, found: StudyDiff, *, as_json: bool) -> None:
    """What changed, kind by kind, then the paired results."""
    lists = {name: list(getattr(found, name)) for name in _TITLES}
    rows = found.rows.to_dict("records")
    if as_json:
        print_json({"first": str(a.path), "second": str(b.path), **lists, "rows": rows})
        return
    show(f"first:  {a.path}\nsecond: {b.path}")
    for name, title in _TITLES.items():
        if lists[name]:
            show(f"\n{title}")
        for line in lists[name]:
            show(f"  {line}")
    if not any(lists.values()):
        show("\nnothing changed but when and where they were run")
    for over, title in (("users", "value of these seeds, paired by user"), ("seeds", "over seeds, paired by seed")):
        mine = [{k: v for k, v in row.items() if k not in ("over",)} for row in rows if row["over"] == over]
        if mine:
            print_rows(mine, title)
    if rows:
        show(_READING)
    else:
        show("\nno agent has a finished run of the same seed in both, so there is nothing to compare")
