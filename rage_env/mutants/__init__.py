"""Worlds that are broken on purpose, one way each: check_world must refuse every one of them.

A check that cannot fail is a defect; these show that ours can. Adding a mutant is adding a class to the `__all__` of a
module here. One that breaks a mechanism which not every world has may name it (`needs`), and a world that has it
(`home`, else fintech).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.scenario import Scenario, load
from rage_env.trial import Trial

__all__ = ["Refusal", "every", "refusals"]

_MORE = 10  # times the users, where what a mutant breaks is too rare to be seen among few


class Refusal(NamedTuple):
    """What check_world said when it refused a mutant (None: it let it pass), and the name of the world it broke."""

    said: str | None
    world: str


def every() -> dict[str, type[CohortEnv]]:
    """{name: broken environment} of all modules here; a mutant's docstring says what is wrong with it."""
    found: dict[str, type[CohortEnv]] = {}
    for entry in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        found.update({name: getattr(module, name) for name in module.__all__})
    return dict(sorted(found.items()))


def refusals(base: str | Scenario = "fintech", users: int = 800, weeks: int = 8) -> dict[str, Refusal]:
    """{mutant: its refusal}.

    One that passes is tried once more among ten times as many users for twice as long. One that this world gives
    nothing to break (no mechanism, or nobody whom it touches) is tried in a world that does.
    """
    world = load(base)
    return {name: _refusal(kind, world, users, weeks) for name, kind in every().items()}


def _refusal(kind: type[CohortEnv], world: Scenario, users: int, weeks: int) -> Refusal:
    home = load(getattr(kind, "home", "fintech"))
    if not set(getattr(kind, "needs", ())) <= set(world.used):
        return _tried(kind, home, users, weeks)
    first = _tried(kind, world, users, weeks)
    breaks_nothing = first.said is None and world != home and _lives_as_the_sound_one(kind, world, users, weeks)
    return _tried(kind, home, users, weeks) if breaks_nothing else first


def _tried(kind: type[CohortEnv], world: Scenario, users: int, weeks: int) -> Refusal:
    for times in (1, _MORE):
        try:
            check_world(kind(1, world), users=times * users, weeks=min(times, 2) * weeks)
        except WorldError as error:
            return Refusal(str(error), world.name)
    return Refusal(None, world.name)


def _lives_as_the_sound_one(kind: type[CohortEnv], world: Scenario, users: int, weeks: int) -> bool:
    """Whether in this world the mutant shows and knows the very same as an environment that is whole."""
    sound, broken = (Trial.run(env(1, world), users, weeks, seed=0) for env in (CohortEnv, kind))
    return all(np.array_equal(a, b) for a, b in zip(_arrays(sound), _arrays(broken), strict=True))


def _arrays(trial: Trial) -> Iterator[Any]:  # Any: arrays of every dtype
    for week in trial.weeks:
        for field in ("obs", "arm", "reward", "terminated", "truncated"):
            yield getattr(week, field)
        for held in (week.potential, week.means, week.ledger, week.info, week.after):
            yield from held.values()
    for reports in (*(w.reports for w in trial.weeks), trial.settled):
        yield from (getattr(reports, f.name) for f in fields(reports))
