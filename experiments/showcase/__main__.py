"""`python -m experiments.showcase [SCENARIO ...] --seeds 20`: live the worlds and write docs/scenarios.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments import showcase
from experiments.showcase.page import section, write

FIRST_SEED = 1001  # tuning used 1 to 6


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 if every judged claim holds, 1 if one does not, 2 for a scenario without a showcase."""
    parser = argparse.ArgumentParser(prog="python -m experiments.showcase", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(showcase.names())}; all by default")
    parser.add_argument("--seeds", type=int, default=20, help="how many, from 1001 on")
    parser.add_argument("--out", type=Path, default=Path("docs/scenarios.md"))
    asked = parser.parse_args(argv)
    if unknown := sorted(set(asked.scenarios) - set(showcase.names())):
        parser.error(f"no showcase is called {', '.join(unknown)}; there are {', '.join(showcase.names())}")
    if asked.seeds < 1:
        parser.error(f"--seeds: at least 1, got {asked.seeds}")
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    broken = 0
    for name in asked.scenarios or showcase.names():
        rows = showcase.rows(name, seeds, lambda told: print(told, file=sys.stderr))
        text = section(name, showcase.module(name).__doc__ or "", seeds, rows)
        print(text)
        write(asked.out, {name: text})
        broken += sum(row.holds is False for row in rows)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
