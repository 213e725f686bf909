"""What a group would have brought otherwise: left alone, never stopped, stopped at some week, or on everybody.

All in the same world under the same luck. Users of other groups follow the arms they drew: these were drawn from their
logged probabilities, and the same probabilities and luck draw the same arms again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.ab.groups import Groups
from experiments.ab.play import play, seat_of
from experiments.ab.seat import Seat
from experiments.ab.tape import Tape, relive
from experiments.cohorts import Stage
from experiments.config import AgentEntry
from rage_env.interface import NO_OFFER

__all__ = ["Truths", "deployed"]

Floats = NDArray[np.float64]


class Truths:
    """The truths of one group of one seed. Remembers tapes, each lived when first asked for."""

    def __init__(self, stage: Stage, entry: AgentEntry, groups: Groups, actual: Tape) -> None:
        self.stage, self.entry, self.groups, self.actual = stage, entry, groups, actual
        self.rows = groups.rows(groups.names.index(entry.label))
        self._cut: dict[int, Tape] = {}

    def alone(self) -> Tape:
        """The group on control from the start: what `ab_truth` is counted from."""
        return self.cut(-1, self.actual)

    def endless(self, seat: Seat) -> Tape:
        """The group never stopped. seat: as it was in the experiment."""
        if seat.stop is None:
            return self.actual
        world = self.stage.open()
        again = seat_of(self.stage.config, self.groups, self.entry, world[0])
        again.start(world[0], self.stage, world[1])
        return play(self.stage, world, [again], self.actual.arm)

    def cut(self, week: int, tape: Tape) -> Tape:
        """As on the tape up to this week inclusive, the group on control afterwards."""
        if week not in self._cut:
            arm = tape.arm.copy()
            arm[week + 1 :, self.rows] = NO_OFFER
            same = np.array_equal(arm, tape.arm)  # nobody was offered anything: no need to live it again
            self._cut[week] = tape if same else relive(self.stage, arm)
        return self._cut[week]


def deployed(stage: Stage, entry: AgentEntry, nobody: Tape) -> Floats:
    """(weeks,) `deploy_truth`: gain to date of the agent on everybody from week 0, as a paired run has it.

    usd per assigned user-week. nobody: the tape of everybody left alone.
    """
    env, observation = stage.open()
    everybody = Groups((entry.label,), (1.0,), np.zeros(env.assigned, np.int64), np.zeros(env.assigned))
    seat = seat_of(stage.config, everybody, entry, env)
    seat.start(env, stage, observation)
    return play(stage, (env, observation), [seat]).gains(nobody, seat.rows)
