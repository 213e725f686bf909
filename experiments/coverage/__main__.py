"""`python -m experiments.coverage [--repetitions 2000]`: draw, count, and write docs/coverage.md.

With `--rare` docs/rare-losses.md: how net revenue fares when losses that a sample need not have met are allowed for.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from experiments.coverage.long_run import LongRun
from experiments.coverage.page import Measured, misses, write
from experiments.coverage.rare_page import rare_page
from experiments.coverage.settings import RARE_SETTINGS, SETTINGS
from experiments.coverage.study import RARE, Tally, plain, repeat, repeat_sums
from experiments.storage import read_json, write_json
from experiments.threads import one_thread

REPETITIONS = 2_000


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 if every goal is met, 1 if one is not, 2 for what cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m experiments.coverage", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--out", type=Path, help="docs/coverage.md, or docs/rare-losses.md")
    parser.add_argument("--rare", action="store_true", help="only columns that rare losses carry, allowing for them")
    parser.add_argument("--kept", type=Path, default=Path("results/coverage"), help="finished settings")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    asked = parser.parse_args(arguments)
    if asked.repetitions < 2:
        parser.error(f"--repetitions: at least 2, got {asked.repetitions}")
    if asked.rare:
        measured = [_measured(name, asked.repetitions, asked.kept / "rare", rare=True) for name in RARE_SETTINGS]
        write(asked.out or Path("docs/rare-losses.md"), measured, rare_page)
        return 1 if [m for m in misses(measured) if RARE in m] else 0
    measured = [_measured(name, asked.repetitions, asked.kept) for name in asked.settings]
    write(asked.out or Path("docs/coverage.md"), measured)
    for line in misses(measured):
        print(f"not met: {line}", file=sys.stderr)
    return 1 if misses(measured) else 0


def _measured(name: str, repetitions: int, kept: Path, *, rare: bool = False) -> Measured:
    """Of one setting: counted now, or before."""
    place = kept / f"{name}-{repetitions}.json"
    if not place.exists():
        population = (RARE_SETTINGS if rare else SETTINGS)[name]()
        seed, told = zlib.crc32(name.encode()), _told(name, repetitions)
        if isinstance(population, LongRun):
            tallies = repeat_sums(population, repetitions, seed, rare=rare, told=told)
        else:
            tallies = repeat(population, repetitions, seed, bootstrap=not rare, rare=rare, told=told)
        facts = {"name": population.name, "users": population.users, "goal": list(population.goal)}
        write_json(place, {**facts, "tallies": plain(tallies)})
    held = read_json(place)
    goal, rows = held["goal"], held["tallies"]
    assert isinstance(goal, list)
    assert isinstance(rows, list)
    return Measured(str(held["name"]), int(str(held["users"])), (goal[0], goal[1]), [Tally(**row) for row in rows])


def _told(name: str, repetitions: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if done % 200 == 0 or done == repetitions:
            print(f"{name}: {done} of {repetitions}", file=sys.stderr, flush=True)

    return told


if __name__ == "__main__":
    one_thread()
    raise SystemExit(main())
