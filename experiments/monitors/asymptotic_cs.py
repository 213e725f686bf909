"""Asymptotic confidence sequence for the KPI: may be looked at any week, for want of which it needs more users.

Reject where |z| >= sqrt((1 + 1/(I r)) (2 ln(1/alpha) + ln(1 + I r))), I = 1 / stderr^2 and r = (-W(-alpha^2 / e) - 1)
/ I_best on the lower branch of Lambert's W: Waudby-Smith et al. (2021), arXiv 2103.06476. The evidence is a mixture
of likelihood ratios of a Brownian motion on the information scale, so estimates have to behave like one there.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.cohort import ClosedCohort, Mode, Outcome
from experiments.monitors.contrast import (
    USERS_PER_SKEW2,
    Contrast,
    kept_for_later,
    look_correlations,
)
from experiments.monitors.interface import Monitor, MonitorState, Validity, Verdict, open_share, positive, whole
from experiments.monitors.mixture import log_mixture, mixture_bound, mixture_scale, off_scale
from experiments.monitors.replications import asymptotic_paths
from experiments.monitors.streams import MeanStream, Stream
from rage_env.errors import LogError

__all__ = ["AsymptoticCs"]

Floats = NDArray[np.float64]


class AsymptoticCs(Monitor):
    """The KPI of `group_sequential` without planned looks.

    weeks: expected length; the sequence is tightest half-way, by the information of the first look (or at
    `best_information`, if given). Refuses looks whose correlations are not those of a Brownian motion.
    """

    kind: ClassVar[str] = "asymptotic_cs"
    validity: ClassVar[Validity] = "asymptotic"

    def __init__(
        self,
        *,
        weeks: int,
        alpha: float = 0.05,
        mode: Mode = "paired",
        treatment: int = 1,
        control: int = 0,
        cap: float | None = None,
        comparisons: int = 1,
        adjust: bool = False,
        outcome: Outcome = "mean",
        rows_per_unit: int = 1,
        best_information: float | None = None,
        users_per_skew2: float = USERS_PER_SKEW2,
    ) -> None:
        super().__init__()
        self.weeks = whole("weeks", weeks, 1)
        self.alpha = open_share("alpha", alpha) / whole("comparisons", comparisons, 1)
        self.users_per_skew2 = users_per_skew2
        self.best_information = None if best_information is None else positive("best_information", best_information)
        self.cohort = ClosedCohort(mode, treatment, control, cap, adjust, outcome, rows_per_unit)
        self.null = f"H0: {self.cohort.what} is 0, at every week"
        self._forget_looks()

    def _take(self, batch: Batch) -> MonitorState:
        self.cohort.add(batch)
        return self._look(batch.week, self.cohort.weeks, self.cohort.read())

    def _forget_looks(self) -> None:
        self._history: list[Floats] = []  # what was read, week by week
        self._tested: list[Floats] = []  # (n,) what later looks need of the weeks that were not refused
        self._stderr: list[float] = []
        self._scale: float | None = None
        self._most = 0.0
        self._stopped: Verdict | None = None

    def _look(self, week: int, elapsed: int, read: Floats) -> MonitorState:
        self._history.append(read)
        x, now = self.cohort.compare(read)
        if float(now.stderr) == 0:
            return self._state(week, "continue", now, "no two units differ yet")
        refusal = self.cohort.too_skewed(read, self.users_per_skew2) or self._off_scale(now)
        if refusal:
            return self._state(week, "refused", now, refusal)
        information = float(now.stderr) ** -2
        if self._scale is None:
            best = self.best_information or information * self.weeks / (2 * elapsed)
            self._scale = float(mixture_scale(np.array(best), self.alpha))
        self._tested.append(kept_for_later(x, now, self.cohort.who))
        self._stderr.append(float(now.stderr))
        return self._state(week, "continue", now, "", self._scale)

    def _off_scale(self, now: Contrast) -> str:
        """Why these looks are no Brownian motion on the information scale; empty where they may be one."""
        if not self._tested:
            return ""
        row = look_correlations(now, self._tested, self._stderr, self.cohort.who)
        expected = float(now.stderr) / np.array(self._stderr)
        off = off_scale(row, expected, self.cohort.who.smallest_arm)
        if off.max() <= 0:
            return ""
        worst = int(off.argmax())
        return (
            f"looks correlate {row[worst]:.2f} where information says {expected[worst]:.2f}: "
            "weeks of a user hang together too long; use independent_cs, or group_sequential"
        )

    def _state(
        self, week: int, verdict: Verdict, now: Contrast, reason: str, scale: float | None = None
    ) -> MonitorState:
        estimate, stderr = float(now.estimate), float(now.stderr)
        z = float(now.z)
        bound, log_e = math.inf, 0.0
        if scale is not None:
            information = np.array(stderr**-2)
            bound = float(mixture_bound(information, scale, self.alpha))
            log_e = float(log_mixture(np.array(z), information, scale))
            self._most = max(self._most, log_e)
            if abs(z) >= bound and self._stopped is None:
                self._stopped = "lift" if z > 0 else "harm"
        reach = now.reach(bound)
        return MonitorState(
            estimate=estimate,
            lower=estimate - reach,
            upper=estimate + reach,
            e_value=float(np.exp(min(log_e, 700.0))),
            p_value=math.exp(-self._most),
            verdict=self._stopped or verdict,
            validity=self.validity,
            null=self.null,
            week=week,
            z=z,
            boundary=bound,
            log_e=log_e,
            n_units=len(self.cohort.unit),
            reason=reason,
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Means of a cohort; users_per_skew2=0, so that the level itself is put to the test."""
        if not isinstance(stream, MeanStream):
            return None
        mode: Mode = "paired" if stream.group is None else "groups"
        adjust, weeks = stream.covariate is not None, stream.value.shape[1]
        return cls(weeks=weeks, alpha=alpha, mode=mode, adjust=adjust, cap=stream.cap, users_per_skew2=0.0)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, MeanStream) or self.users_per_skew2 > 0 or self.best_information is not None:
            return super().replicate(stream)
        return asymptotic_paths(*self.cohort.means_of(stream), self.alpha, self.weeks)

    def merge(self, other: Self) -> Self:
        """A monitor over the units of both, every look taken again on all of them."""
        self._check_partner(other)
        if len(self._history) != len(other._history):
            raise LogError(f"{self.kind}: shards took in different weeks; merge them after the same batches")
        both = copy.copy(self)
        both.cohort, both.states = self.cohort.merged(other.cohort), []
        both._look_again([np.concatenate(p, axis=-1) for p in zip(self._history, other._history, strict=True)])
        return both

    def _look_again(self, history: list[Floats]) -> None:
        self._forget_looks()
        for elapsed, means in enumerate(history, 1):
            self.states.append(self._look(self.cohort.first_week + elapsed - 1, elapsed, means))

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {**self.cohort.arrays(), "history": np.array(self._history, np.float64)}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.cohort.restore(arrays)
        self._look_again(list(arrays["history"].astype(np.float64)))
