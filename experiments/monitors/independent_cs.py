"""Asymptotic confidence sequence for the KPI that holds however weeks of a user hang together.

`asymptotic_cs` refuses where looks are no Brownian motion on the information scale, as running means of people are who
differ for months. Here the looks are combined first so that they are one (see `independent`), and then held against the
same bound: Waudby-Smith et al. (2021), arXiv 2103.06476; Scharfstein, Tsiatis & Robins (1997) for the combining.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.asymptotic_cs import AsymptoticCs
from experiments.monitors.contrast import Contrast, contrast
from experiments.monitors.independent import Independent, made_independent
from experiments.monitors.interface import MonitorState
from experiments.monitors.mixture import mixture_bound, mixture_scale
from experiments.monitors.streams import MeanStream, Stream

__all__ = ["IndependentCs"]

Floats = NDArray[np.float64]


class IndependentCs(AsymptoticCs):
    """The null of `asymptotic_cs`: no effect at any week. Estimate and interval speak of one effect for all weeks.

    Where the effect changes, the estimate is the mean over looks that is known best, which may lean on early weeks.
    Parameters as there.
    """

    kind: ClassVar[str] = "independent_cs"

    def _forget_looks(self) -> None:
        super()._forget_looks()
        self._estimates: list[float] = []  # of each look that was not refused
        self._terms: list[Floats] = []  # (n,)

    def _look(self, week: int, elapsed: int, read: Floats) -> MonitorState:
        self._history.append(read)
        _, now = self.cohort.compare(read)
        if float(now.stderr) == 0:
            return self._state(week, "continue", now, "no two units differ yet")
        if refusal := self.cohort.too_skewed(read, self.users_per_skew2):
            return self._state(week, "refused", now, refusal)
        self._estimates.append(float(now.estimate))
        self._terms.append(now.terms)
        terms = np.array(self._terms)
        latest = _latest(made_independent(np.array(self._estimates), terms @ terms.T, now.freedom))
        if self._scale is None:
            best = self.best_information or float(latest.stderr) ** -2 * self.weeks / (2 * elapsed)
            self._scale = float(mixture_scale(np.array(best), self.alpha))
        return self._state(week, "continue", latest, "", self._scale)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, MeanStream) or self.users_per_skew2 > 0 or self.best_information is not None:
            return super(AsymptoticCs, self).replicate(stream)
        means, who = self.cohort.means_of(stream)
        now = contrast(means, who)
        freedom = np.broadcast_to(now.freedom.reshape(-1), (len(means),))
        combined = made_independent(now.estimate, now.terms @ np.swapaxes(now.terms, -1, -2), freedom)
        information = combined.stderr**-2
        scale = mixture_scale(information[:, 0] * self.weeks / 2, self.alpha)[:, None]
        z = Contrast(combined.estimate, combined.stderr[..., None], combined.freedom).z
        crossed = np.abs(z) >= mixture_bound(information, scale, self.alpha)
        return np.asarray(np.logical_or.accumulate(crossed, axis=1), np.bool_)


def _latest(looks: Independent) -> Contrast:
    """The last combination, as one contrast."""
    assert math.isfinite(looks.stderr[-1])
    return Contrast(looks.estimate[-1], looks.stderr[-1:], looks.freedom[-1])
