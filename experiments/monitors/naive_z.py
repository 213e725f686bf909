"""The fixed-horizon z-test, looked at every week: how often it errs is why the other monitors exist.

It stops nothing. At a nominal 5 % its p-value dips under .05 at some of 12 weekly looks in about a fifth of
experiments in which nothing happens: Armitage, McPherson & Rowe (1969) on repeated significance tests.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments.monitors.batch import Batch
from experiments.monitors.cohort import ClosedCohort, Mode
from experiments.monitors.interface import Monitor, MonitorState, Validity, open_share
from experiments.monitors.streams import MeanStream, Stream

__all__ = ["NaiveZ"]


class NaiveZ(Monitor):
    """Two-sided z-test of the KPI as if this look were the only one. Same data as `group_sequential`; no verdicts."""

    kind: ClassVar[str] = "naive_z"
    validity: ClassVar[Validity] = "descriptive"

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        mode: Mode = "paired",
        treatment: int = 1,
        control: int = 0,
        cap: float | None = None,
    ) -> None:
        super().__init__()
        self.alpha = open_share("alpha", alpha)
        self.cohort = ClosedCohort(mode, treatment, control, cap)
        self.null = f"H0: {self.cohort.what} is 0, looked at once"

    def _take(self, batch: Batch) -> MonitorState:
        self.cohort.add(batch)
        return self._now(batch.week)

    def _now(self, week: int) -> MonitorState:
        _, now = self.cohort.compare(self.cohort.read())
        estimate, stderr = float(now.estimate), float(now.stderr)
        z = estimate / stderr if stderr > 0 else 0.0
        bound = -float(ndtri(self.alpha / 2))
        return MonitorState(
            estimate=estimate,
            lower=estimate - bound * stderr,
            upper=estimate + bound * stderr,
            e_value=math.nan,
            p_value=2 * float(ndtr(-abs(z))),
            verdict="continue",
            validity=self.validity,
            null=self.null,
            week=week,
            z=z,
            boundary=bound,
            n_units=len(self.cohort.unit),
            reason="no control of errors over repeated looks; stops nothing",
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Means of a cohort."""
        if not isinstance(stream, MeanStream):
            return None
        return cls(alpha=alpha, mode="paired" if stream.group is None else "groups", cap=stream.cap)

    def merge(self, other: Self) -> Self:
        """A monitor over the units of both; its path begins anew."""
        self._check_partner(other)
        both = copy.copy(self)
        both.cohort = self.cohort.merged(other.cohort)
        both.states = [both._now(self.week)] if self.week is not None else []
        return both

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return self.cohort.arrays()

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.cohort.restore(arrays)
