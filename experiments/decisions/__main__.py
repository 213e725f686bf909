"""`python -m experiments.decisions [EXPERIMENT ...] --seeds 3`: run the agents and write docs/decision-results.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments import decisions
from experiments.showcase.page import section, write

FIRST_SEED = 1001  # tuning used 1 to 6, and 201 for these pages

HEAD = """# What agents must show

The published results of three campaigns, as the agents of the shipped experiments get them: `rage run marketing`,
`rage run b2b_nudge` and `rage run pre_delinquency` live the same worlds. This page is written by
`python -m experiments.decisions`; figures are means over seeds, with the lowest and the highest seed. `yes` and `no`
say whether the mean lies in the accepted range; what is shown without a range is not judged. The same claims by the
truth instead of by agents stand in [scenarios.md](scenarios.md).
"""


def about(name: str, small: bool) -> str:
    """What to know before reading the table; sizes that are not those of the experiment are said."""
    shown = decisions.module(name)
    cut = ", ".join(f"{key} {size:,}" for key, size in shown.SMALL.items()) if small else ""
    return f"{(shown.__doc__ or '').strip()}" + (f"\n\nMeasured with `--small`: {cut}." if cut else "")


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 if every judged claim holds, 1 if one does not, 2 for an experiment without decision results."""
    parser = argparse.ArgumentParser(prog="python -m experiments.decisions", description=__doc__)
    parser.add_argument("experiments", nargs="*", help=f"of {', '.join(decisions.names())}; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1001 on")
    parser.add_argument("--small", action="store_true", help="smaller cohorts where a seed would cost minutes")
    parser.add_argument("--out", type=Path, default=Path("docs/decision-results.md"))
    asked = parser.parse_args(argv)
    if unknown := sorted(set(asked.experiments) - set(decisions.names())):
        parser.error(f"nothing is shown of {', '.join(unknown)}; there are {', '.join(decisions.names())}")
    if asked.seeds < 1:
        parser.error(f"--seeds: at least 1, got {asked.seeds}")
    seeds, broken = range(FIRST_SEED, FIRST_SEED + asked.seeds), 0
    for name in asked.experiments or decisions.names():
        rows = decisions.rows(name, seeds, lambda told: print(told, file=sys.stderr), small=asked.small)
        text = section(name, about(name, asked.small), seeds, rows)
        print(text)
        write(asked.out, {name: text}, HEAD)
        broken += sum(row.holds is False for row in rows)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
