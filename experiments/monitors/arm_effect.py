"""Effect of one arm against another inside an agent that keeps learning: AIPW with the logged propensities.

A row's score is q1 - q0 + 1{arm 1} (y - q1) / p - 1{arm 0} (y - q0) / p; given the past its mean is the user's effect
in that week, however the agent chose p, since q is fixed by the weeks before (Robins, Rotnitzky & Zhao 1994; for
adaptive draws Hadad et al. 2021). Sums of scores are therefore a martingale over weeks. Their variance is that of the
users' sums, and the bound is the normal mixture of `asymptotic_cs` on that clock.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.arm_scores import Rows, ScoreBook, freedom, scores
from experiments.monitors.batch import Batch
from experiments.monitors.contrast import USERS_PER_SKEW2, Contrast, too_skewed
from experiments.monitors.interface import Monitor, MonitorState, Reads, Validity, Verdict, open_share, whole
from experiments.monitors.mixture import log_mixture, mixture_bound, mixture_scale
from experiments.monitors.streams import LoggedStream, Stream
from rage_env.errors import ConfigError, LogError

__all__ = ["ArmEffect"]

Floats = NDArray[np.float64]

LEAST_FREEDOM = 50.0
"""Degrees of freedom that the variance of users' sums must have before it is trusted; assumed, held by the contract."""


class ArmEffect(Monitor):
    """Says lift or harm once arm `treatment` is proven better or worse than arm `control` for the users fed.

    Feed rows in which both arms were possible; group: arm drawn. The first week only teaches what to expect of each
    arm. `predicted`, if given, is what was expected of the row beforehand, whatever the arm. weeks: expected length,
    half-way through which the bound is tightest. Every row is remembered, so that shards can be merged.
    """

    kind: ClassVar[str] = "arm_effect"
    validity: ClassVar[Validity] = "asymptotic"
    reads: ClassVar[Reads] = "arm_values"

    def __init__(
        self,
        *,
        weeks: int,
        treatment: int = 1,
        control: int = 0,
        alpha: float = 0.05,
        users_per_skew2: float = USERS_PER_SKEW2,
    ) -> None:
        super().__init__()
        if treatment == control:
            raise ConfigError(f"treatment: must differ from control, both are arm {control}")
        self.weeks, self.alpha = whole("weeks", weeks, 2), open_share("alpha", alpha)
        self.treatment, self.control, self.users_per_skew2 = treatment, control, users_per_skew2
        self.null = f"H0: given the past, arm {treatment} less arm {control} has mean effect 0 over its users each week"
        self._forget()

    def _forget(self) -> None:
        self._rows: list[Rows] = []
        self._book = ScoreBook()
        self._scale: float | None = None
        self._most = 0.0
        self._stopped: Verdict | None = None

    def _take(self, batch: Batch) -> MonitorState:
        if self.week == batch.week or len(batch.repeated()):
            raise LogError(f"{self.kind}: week {batch.week}: one row a unit and week; merge shards instead")
        logged = batch.require("propensity", "arms inside an agent are compared by their logged probabilities")
        if batch.probs is not None:
            columns = [a for a in (self.treatment, self.control) if a < batch.probs.shape[1]]
            batch.refuse(batch.probs[:, columns].min(axis=1) <= 0, "probs", "must leave both arms possible")
        expected = np.zeros(batch.n) if batch.predicted is None else batch.predicted
        arm = np.where(batch.groups() == self.treatment, 1, np.where(batch.groups() == self.control, 0, -1))
        return self._fold(Rows(batch.week, batch.unit, arm, batch.value, logged, expected))

    def _fold(self, rows: Rows) -> MonitorState:
        self._rows.append(rows)
        self._book = self._book.with_week(rows)
        variance = self._book.variance
        if variance <= 0:
            return self._state(rows.week, "continue", "the first week only teaches what to expect of each arm")
        refusal = _too_few(self._book.off) or too_skewed(self._book.sums, None, self.users_per_skew2)
        if refusal:
            return self._state(rows.week, "refused", refusal)
        if self._scale is None:
            ahead = (self.weeks - 1) / (2 * (len(self._rows) - 1))
            self._scale = float(mixture_scale(np.array(variance * ahead), self.alpha))
        z, information = float(self._book.contrast.z), np.array(variance)
        bound = float(mixture_bound(information, self._scale, self.alpha))
        if abs(z) >= bound and self._stopped is None:
            self._stopped = "lift" if z > 0 else "harm"
        log_e = float(log_mixture(np.array(z), information, self._scale))
        self._most = max(self._most, log_e)
        return self._state(rows.week, "continue", "", (z, bound, log_e))

    def _state(
        self, week: int, verdict: Verdict, reason: str, test: tuple[float, float, float] = (0.0, math.inf, 0.0)
    ) -> MonitorState:
        z, bound, log_e = test
        rows = max(self._book.rows, 1)
        reach = self._book.contrast.reach(bound) / rows
        estimate = self._book.total / rows
        return MonitorState(
            estimate=estimate,
            lower=estimate - reach,
            upper=estimate + reach,
            e_value=math.exp(min(log_e, 700.0)),
            p_value=math.exp(-self._most),
            verdict=self._stopped or verdict,
            validity=self.validity,
            null=self.null,
            week=week,
            z=z,
            boundary=bound,
            log_e=log_e,
            n_units=len(self._book.unit),
            reason=reason,
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """An agent's draws; users_per_skew2=0, so that the level itself is put to the test."""
        if not isinstance(stream, LoggedStream):
            return None
        return cls(weeks=max(2, stream.value.shape[1]), alpha=alpha, users_per_skew2=0.0)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, LoggedStream) or self.users_per_skew2 > 0:
            return super().replicate(stream)
        p = np.where(stream.arm == 1, stream.chance[..., None], 1 - stream.chance[..., None])
        expected = 0.0 if stream.predicted is None else stream.predicted[:, None]
        by_user = np.cumsum(scores(stream.value - expected, stream.arm, p), axis=1)  # (reps, weeks, n)
        total, n = by_user.sum(axis=2), by_user.shape[2]
        off = by_user - total[..., None] / n
        variance = np.maximum((off * off).sum(axis=2), 1e-300)
        tested = freedom(off) >= LEAST_FREEDOM
        tested[:, 0] = False
        first = tested.argmax(axis=1)
        ahead = (self.weeks - 1) / (2 * np.maximum(first, 1))
        scale = mixture_scale(variance[np.arange(len(first)), first] * ahead, self.alpha)[:, None]
        z = Contrast(total, off, freedom(off)).z
        crossed = tested & (np.abs(z) >= mixture_bound(variance, scale, self.alpha))
        return np.asarray(np.logical_or.accumulate(crossed, axis=1), np.bool_)

    def merge(self, other: Self) -> Self:
        """A monitor over the users of both shards, every week scored again on all of them."""
        self._check_partner(other)
        if [r.week for r in self._rows] != [r.week for r in other._rows]:
            raise LogError(f"{self.kind}: shards took in different weeks; merge them after the same batches")
        both = copy.copy(self)
        both._forget()
        both.states = [both._fold(a + b) for a, b in zip(self._rows, other._rows, strict=True)]
        return both

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        table = np.concatenate([r.table() for r in self._rows]) if self._rows else np.empty((0, 6))
        return {"rows": table}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._forget()
        table = arrays["rows"].astype(np.float64)
        cuts = np.flatnonzero(np.diff(table[:, 0])) + 1
        for part in np.split(table, cuts) if len(table) else []:
            self._fold(Rows.of(part))


def _too_few(off: Floats) -> str:
    """Why the variance of users' sums is not known well enough; empty where it is."""
    held = float(freedom(off))
    if held >= LEAST_FREEDOM:
        return ""
    return f"{len(off)} users are worth {held:.0f} normal ones, needed are {LEAST_FREEDOM:.0f}: events are rare; wait"
