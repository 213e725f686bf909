"""Composes mechanisms into weeks: pure functions of (traits, lives, arm, luck), chunk by chunk.

A world holds no people and remembers nothing; environments do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks, mechanisms
from rage_env.aging import next_lives
from rage_env.arms import ArmTable
from rage_env.errors import ConfigError
from rage_env.outcomes import COLUMNS
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
        self.arms = ArmTable.of(scenario.arms)
        used = scenario.used
        _refuse_halves(used)
        self._steps: list[tuple[Mechanism, Any]] = [
            (mechanisms.module(name), params)  # type: ignore[misc]  # a module stands for the protocol
            for name, params in used.items()
        ]
        self._memory = used.get("response")
        self.population = Population(scenario.population, used["engagement"], used["spending"], used)
        self.sums = hooks.sums(used)

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
        week = Week(self.arms, traits, lives, arm, luck, now, when)
        for mechanism, params in self._steps:
            now.update(mechanism.draw(week, params))
        if not may_leave:
            now["churned"] = np.zeros_like(now["churned"])
        after = next_lives(week, now, self._memory, self.scenario.population.signals)
        return now, hooks.advance(self.scenario.used, week, after)

    def outcomes(
        self, traits: Traits, lives: Lives, arm: NDArray[np.intp], luck: Noise, *, when: When = START
    ) -> Columns:
        """The ledger alone: {column: (n,) float32} of that week under these arms."""
        now, _ = self.live(traits, lives, arm, luck, when=when)
        return ledger_of(now, len(arm))

    def means(self, traits: Traits, lives: Lives, arm: NDArray[np.intp], *, when: When = START) -> Columns:
        """{column: (n,) float64} expected ledger of the week given the state before it; luck integrated out."""
        return self._means(Week(self.arms, traits, lives, arm, None, {}, when), 0)

    def _means(self, week: Week, step: int) -> Columns:
        """The ledger's means once the first `step` mechanisms have spoken; branches are mixed by probability."""
        now: Columns = dict(week.now)
        week = replace(week, now=now)
        for at, (mechanism, params) in enumerate(self._steps[step:], start=step):
            branches = getattr(mechanism, "branches", None)
            if branches is not None:
                mixed = [
                    (share, self._means(replace(week, now={**now, **columns}), at + 1))
                    for share, columns in branches(week, params)
                ]
                return {c: sum(share * means[c] for share, means in mixed) for c in mixed[0][1]}
            now.update(mechanism.mean(week, params))
        return ledger_of(now, week.n)


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
