"""A programme that gives everybody at risk the arm that fits how bad it looks, and what each arm truly does.

The worse a case looks, the heavier the arm: success rates by arm then tell who got it, not what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from experiments.acting import record
from experiments.behaviour import history_of
from experiments.behaviour_table import LABEL_WEEKS, at_risk, features104, late_within
from rage_env.cohort import CohortEnv
from rage_env.interface import observe
from rage_env.log import WeekLog
from rage_env.randomness import Draw

__all__ = ["Programme"]

Bools = NDArray[np.bool_]

SHARES = (0.55, 0.25, 0.20)  # of the panel: reminder, call, restructure (assumed)
JUDGEMENT_SD = 3.2  # how far what officers go by differs from arrears and signs, in sds of these (assumed)


@dataclass(frozen=True)
class Programme:
    """One cohort at its first week. Nothing is remembered but what was worked out."""

    seed: int
    users: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """The 104 features, a row a user."""
        env = self._cohort(keep_burn_in=True)
        seen = observe(*env.reset(seed=self.seed))
        return features104(history_of(env.burn_in_logs, seen, env.features.names))

    @cached_property
    def panel(self) -> Bools:
        """(n,) who is at risk; everybody is still there in the first week."""
        return at_risk(self.table)

    @cached_property
    def by_severity(self) -> NDArray[np.int64]:
        """(n,) the arm each is given: none off the panel, heavier ones the worse a case looks."""
        looks = (np.minimum(self.table["months_late"], 3) + 0.5 * self.table["signs_8w"]).to_numpy()[self.panel]
        env = self._cohort()
        env.reset(seed=self.seed)
        judged = ndtri(env.luck(slice(None), 0).uniform64(Draw.STATUS_QUO))[self.panel]
        severity = (looks - looks.mean()) / looks.std() + JUDGEMENT_SD * judged
        arm = np.zeros(self.users, np.int64)
        cuts = np.quantile(severity, np.cumsum(SHARES)[:-1])
        arm[self.panel] = 1 + np.searchsorted(cuts, severity)
        return arm

    def late(self, arm: NDArray[np.int64]) -> Bools:
        """(n,) who misses a payment within four weeks if these arms are given in the first; the same luck each time."""
        env = self._cohort(keep_burn_in=True)
        seen = now = observe(*env.reset(seed=self.seed))
        logs: list[WeekLog] = []
        for week in range(LABEL_WEEKS):
            given = arm if week == 0 else np.zeros_like(arm)
            obs, _, _, _, info = env.step(given)
            logs.append(record(now, np.eye(now.k, dtype=np.float32)[given], given, env))
            now = observe(obs, info)
        return late_within(history_of(env.burn_in_logs, seen, env.features.names), logs)

    def figures(self) -> dict[str, float]:
        """{claim: figure}: naive rates of success by arm, and true relative effects of each arm on the whole panel."""
        naive, alone = self.late(self.by_severity), self.late(np.zeros(self.users, np.int64))[self.panel]
        told = {"prevalence": float(alone.mean())}
        for arm, name in enumerate(("reminder", "call", "restructure"), start=1):
            told[f"naive_{name}"] = float(1 - naive[self.by_severity == arm].mean())
            treated = self.late(np.where(self.panel, arm, 0))[self.panel]
            told[f"effect_{name}"] = float(1 - treated.mean() / alone.mean())
        return told | {
            "naive_gap": told["naive_reminder"] - told["naive_call"],
            "call_over_reminder": told["effect_call"] - told["effect_reminder"],
        }

    def _cohort(self, *, keep_burn_in: bool = False) -> CohortEnv:
        return CohortEnv(self.users, "pre_delinquency", keep_burn_in=keep_burn_in)
