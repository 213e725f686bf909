"""Puts the quickstart's leaderboard into README.md, as text and as a picture beside the docs.

`python -m experiments.front_page README.md`; with `--study FOLDER` from results that are there already.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.results import Results

__all__ = ["PICTURE", "main", "renewed"]

PICTURE = Path("docs", "leaderboard.png")
WIDTH = "100"
BETWEEN = re.compile(r"(<!-- made by: python -m experiments\.front_page README\.md -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(readme: str, table: str) -> str:
    """The page with this table and the picture between its two marks. Raises ValueError for a page without marks."""
    if not BETWEEN.search(readme):
        raise ValueError("the page lacks the comment `made by: python -m experiments.front_page README.md` and its end")
    inside = f"![The leaderboard: gains with intervals, and weeks in which a limit was broken]({PICTURE.as_posix()})\n"
    return BETWEEN.sub(lambda marks: f"{marks[1]}{inside}\n```text\n{table}\n```\n{marks[2]}", readme)


def main(arguments: Sequence[str]) -> int:
    """Run the quickstart, or read it, and write page and picture."""
    parser = argparse.ArgumentParser(prog="python -m experiments.front_page", description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--study", type=Path, help="results folder of a finished quickstart")
    asked = parser.parse_args(arguments)
    results = Results.open(_run() if asked.study is None else asked.study)
    from experiments import report
    from experiments.report.canvas import save

    save(report.leaderboard(results), asked.page.parent / PICTURE)
    asked.page.write_text(renewed(asked.page.read_text(encoding="utf-8"), _table(results)), encoding="utf-8")
    return 0


def _run() -> Path:
    from experiments import run

    return run("quickstart").path


def _table(results: Results) -> str:
    """The first table that `rage run quickstart` prints."""
    from experiments.board import show_leaderboard

    before, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), WIDTH
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            show_leaderboard(results.table("leaderboard"))
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    _, table = out.getvalue().strip("\n").split("\n", 1)
    return "\n".join(line.rstrip() for line in table.split("weeks broken: weeks,")[0].rstrip().splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
