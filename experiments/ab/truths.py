"""What a group would have brought otherwise: left alone, never stopped, stopped at some week, or on everybody.

All in the same world under the same luck. Users of other groups follow the arms they drew: these were drawn from their
logged probabilities, and the same probabilities and luck draw the same arms again.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from experiments.ab.groups import Groups
from experiments.ab.play import play, seat_of
from experiments.ab.seat import Seat
from experiments.ab.tape import Tape, relive
from experiments.cohorts import cohort
from experiments.config import AgentEntry, ExperimentConfig
from rage_env.interface import NO_OFFER

__all__ = ["Truths", "deployed"]

Floats = NDArray[np.float64]


class Truths:
    """The truths of one group of one seed. Remembers tapes, each lived when first asked for."""

    def __init__(self, config: ExperimentConfig, seed: int, entry: AgentEntry, groups: Groups, actual: Tape) -> None:
        self.config, self.seed, self.entry, self.groups, self.actual = config, seed, entry, groups, actual
        self.rows = groups.rows(groups.names.index(entry.label))
        self._cut: dict[int, Tape] = {}

    def alone(self) -> Tape:
        """The group on control from the start: what `ab_truth` is counted from."""
        return self.cut(-1, self.actual)

    def endless(self, seat: Seat) -> Tape:
        """The group never stopped. seat: as it was in the experiment."""
        if seat.stop is None:
            return self.actual
        env, observation = cohort(self.config, self.seed)
        again = seat_of(self.config, self.groups, self.entry, env)
        again.start(env, self.config, self.seed, observation)
        return play(self.config, self.seed, (env, observation), [again], self.actual.arm)

    def cut(self, week: int, tape: Tape) -> Tape:
        """As on the tape up to this week inclusive, the group on control afterwards."""
        if week not in self._cut:
            arm = tape.arm.copy()
            arm[week + 1 :, self.rows] = NO_OFFER
            self._cut[week] = relive(self.config, self.seed, arm)
        return self._cut[week]


def deployed(config: ExperimentConfig, seed: int, entry: AgentEntry) -> Floats:
    """(weeks,) `deploy_truth`: gain to date of the agent on everybody from week 0, as a paired run has it.

    usd per assigned user-week, over the same lives left alone.
    """
    env, observation = cohort(config, seed)
    assert config.ab is not None
    everybody = Groups((entry.label,), (1.0,), np.zeros(env.num_envs, np.int64), np.zeros(env.num_envs))
    seat = seat_of(config, everybody, entry, env)
    seat.start(env, config, seed, observation)
    tape = play(config, seed, (env, observation), [seat])
    return tape.gains(_nobody(config.model_dump_json(), seed), seat.rows)


@lru_cache(maxsize=1)
def _nobody(config_json: str, seed: int) -> Tape:
    config = ExperimentConfig.model_validate_json(config_json)
    return relive(config, seed, np.zeros((config.weeks, config.users), np.int64))
