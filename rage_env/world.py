"""Composes mechanisms into weeks: pure functions of (traits, lives, arm, luck), chunk by chunk.

A world holds no people and remembers nothing; environments do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks, mechanisms
from rage_env.aging import next_lives
from rage_env.errors import ConfigError
from rage_env.outcomes import COLUMNS
from rage_env.parts import Parts, parts_at
from rage_env.population import Population
from rage_env.randomness import Noise
from rage_env.scenario import Scenario
from rage_env.state import Lives, Traits
from rage_env.week import START, Columns, Mechanism, Week, When

__all__ = ["World"]

_NEEDED = {"active", "next_shock", "gmv", "contacts", "churned"}


class World:
    """The laws of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        used = scenario.used
        _refuse_halves(used)
        self._fixed = parts_at(scenario.model_copy(update={"drift": ()}), 0, 0)
        self._latest: tuple[int, int, Parts] | None = None
        self.arms = self._fixed.arms
        given = {column for name in used for column in mechanisms.module(name).GIVES}
        self.gives = tuple(c for c in COLUMNS if c in given)  # ledger columns that are not always 0
        self.population = Population(scenario.population, used["engagement"], used["spending"], used)
        self._moves_people = any(d.target.startswith("population.") for d in scenario.drift)

    def live(
        self,
        traits: Traits,
        lives: Lives,
        arm: NDArray[np.intp],
        luck: Noise,
        *,
        when: When = START,
        may_leave: bool = True,
    ) -> tuple[Columns, Lives]:
        """One week of a chunk: all columns (n,) float32, and the lives after it.

        may_leave: False during burn-in, whose people are those who stayed.
        """
        now: Columns = {}
        parts = self.parts(when)
        week = Week(parts.arms, traits, lives, arm, luck, now, when, self.scenario.used)
        for name, params in parts.used.items():
            now.update(_mechanism(name).draw(week, params))
        if not may_leave:
            now["churned"] = np.zeros_like(now["churned"])
        after = next_lives(week, now, parts.used.get("response"), self.scenario.population.signals)
        return now, hooks.advance(parts.used, week, after)

    def parts(self, when: When) -> Parts:
        """Parameters and arms of a week; the same ones every week where nothing drifts."""
        if not self.scenario.drift:
            return self._fixed
        latest = self._latest
        if latest is None or latest[:2] != (when.week, when.key):
            latest = (when.week, when.key, parts_at(self.scenario, when.week, when.key))
            self._latest = latest
        return latest[2]

    def population_at(self, when: When) -> Population:
        """Who joins in a week."""
        if not self._moves_people:
            return self.population
        used = self.scenario.used
        return Population(self.parts(when).population, used["engagement"], used["spending"], used)

    def totals(self, week: Week) -> dict[str, float]:
        """What a chunk adds to the cohort sums that next week reads."""
        return hooks.totals(self.parts(week.when).used, week)

    def outcomes(
        self, traits: Traits, lives: Lives, arm: NDArray[np.intp], luck: Noise, *, when: When = START
    ) -> Columns:
        """The ledger alone: {column: (n,) float32} of that week under these arms."""
        now, _ = self.live(traits, lives, arm, luck, when=when)
        return ledger_of(now, len(arm))

    def means(self, traits: Traits, lives: Lives, arm: NDArray[np.intp], *, when: When = START) -> Columns:
        """{column: (n,) float64} expected ledger of the week given the state before it; luck integrated out."""
        parts = self.parts(when)
        week = Week(parts.arms, traits, lives, arm, None, {}, when, self.scenario.used)
        return self._means(week, [(_mechanism(name), params) for name, params in parts.used.items()])

    def _means(self, week: Week, steps: Sequence[tuple[Mechanism, Any]]) -> Columns:  # Any: its parameters
        """The ledger's means once these mechanisms have spoken; branches are mixed by probability."""
        now: Columns = dict(week.now)
        week = replace(week, now=now)
        for at, (mechanism, params) in enumerate(steps):
            branches = getattr(mechanism, "branches", None)
            found = [] if branches is None else branches(week, params)
            if len(found) > 1:
                mixed = [
                    (share, self._means(replace(week, now={**now, **columns}), steps[at + 1 :]))
                    for share, columns in found
                ]
                return {c: sum(share * means[c] for share, means in mixed) for c in mixed[0][1]}
            now.update(found[0][1] if found else mechanism.mean(week, params))  # a single branch is certain
        return ledger_of(now, week.n)


def _mechanism(name: str) -> Mechanism:
    return mechanisms.module(name)  # type: ignore[return-value]  # a module stands for the protocol


def _refuse_halves(used: Mapping[str, object]) -> None:
    """Raises ConfigError where no mechanism gives what the next week is made of."""
    given = {column for name in used for column in mechanisms.module(name).GIVES}
    lacking = sorted(_NEEDED - given)
    if lacking:
        givers = sorted(n for n in mechanisms.names() if set(lacking) & set(mechanisms.module(n).GIVES))
        raise ConfigError(
            f"mechanisms: nothing gives {', '.join(lacking)}, which every world needs; add {', '.join(givers)}"
        )


def ledger_of(now: Columns, n: int) -> Columns:
    """Ledger columns of a week; those no mechanism gives are 0."""
    dtype = now["active"].dtype
    return {c: now[c] if c in now else np.zeros(n, dtype) for c in COLUMNS}
