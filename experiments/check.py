"""Answers `rage check`: does a world keep its invariants, and does the check refuse worlds broken on purpose?"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.console import print_json, print_rows, show
from rage_env import invariants, scenario
from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError

__all__ = ["check_command", "mutants_command"]


def check_command(
    name_or_path: str, overrides: Sequence[str], users: int, weeks: int, seed: int, *, as_json: bool
) -> bool:
    """Whether the world keeps every invariant; prints one row each, up to the first broken one. Raises ConfigError."""
    world = scenario.load(name_or_path, overrides)
    begun: list[str] = []
    told = ""
    try:
        check_world(CohortEnv(1, world, seed=seed), users=users, weeks=weeks, seed=seed, progress=begun.append)
    except WorldError as error:
        told = str(error)
    rows = [{"invariant": name, "holds": not (told and name == begun[-1])} for name in begun]
    if as_json:
        print_json({"world": world.name, "users": users, "weeks": weeks, "seed": seed, "broken": told, "checked": rows})
        return not told
    print_rows([{"invariant": r["invariant"], "holds": "yes" if r["holds"] else "NO"} for r in rows])
    about = f"{world.name}: {users} users, {weeks} weeks, seed {seed}"
    if told:
        left = len(invariants.every()) - len(begun)
        show(f"\n{about}: BROKEN: {told}\n{left} invariants were not reached; mend this one and check again")
    else:
        show(f"\n{about}: every invariant holds")
    return not told


def mutants_command(name_or_path: str, overrides: Sequence[str], users: int, weeks: int, *, as_json: bool) -> bool:
    """Whether every world that is broken on purpose was refused; prints one row each. Raises ConfigError.

    What this world gives nothing to break is broken elsewhere; its row says where, in both formats.
    """
    from rage_env.mutants import every, refusals

    world = scenario.load(name_or_path, overrides)
    told = refusals(world, users, weeks)
    rows = [
        {
            "mutant": name,
            "broken": " ".join((kind.__doc__ or "").split()),
            "in": told[name].world,
            "refused": told[name].said is not None,
            "for": (told[name].said or "").partition(":")[0] or None,
        }
        for name, kind in every().items()
    ]
    if as_json:
        print_json([{**row, "said": told[str(row["mutant"])].said} for row in rows])
    else:
        print_rows([{**row, "refused": "yes" if row["refused"] else "NO"} for row in rows])
        show(f"\n{sum(bool(r['refused']) for r in rows)} of {len(rows)} broken worlds were refused")
        if elsewhere := [str(r["mutant"]) for r in rows if r["in"] != world.name]:
            show(f"{world.name} gives nothing to break to {', '.join(elsewhere)}: shown in a world that does")
    return all(bool(row["refused"]) for row in rows)
