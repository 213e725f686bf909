"""The KPI through a posterior: chance to beat control, expected loss, chance to be of no importance.

Normal prior about no effect, declared before; posterior by conjugacy on the estimate and its standard error. None of
these figures controls errors when looked at every week (P > .975 errs as often as naive peeking), so they stop
nothing. The Bayes factor against no effect does: it is the normal mixture of likelihood ratios, an e-process wherever
`asymptotic_cs` is valid (Robbins 1970; Deng, Lu & Chen 2016 on optional stopping), and at 1/alpha it stops.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments.monitors.asymptotic_cs import AsymptoticCs
from experiments.monitors.cohort import Mode
from experiments.monitors.contrast import USERS_PER_SKEW2, Contrast
from experiments.monitors.interface import MonitorState, Validity, Verdict, positive
from experiments.monitors.replications import asymptotic_paths
from experiments.monitors.streams import MeanStream, Stream

__all__ = ["Bayesian", "Posterior", "posterior"]


@dataclass(frozen=True)
class Posterior:
    """What is believed of the effect; expected_loss: mean cost of rolling out, paid where the effect is below 0."""

    mean: float
    sd: float
    beats_control: float
    expected_loss: float
    unimportant: float  # chance that the effect lies within the region of practical equivalence; NaN without one

    def interval(self, share: float) -> tuple[float, float]:
        """Ends of the central credible interval."""
        reach = -float(ndtri((1 - share) / 2)) * self.sd
        return self.mean - reach, self.mean + reach


class Bayesian(AsymptoticCs):
    """Posterior of the KPI's difference; stops only where the Bayes factor against no effect reaches 1 / alpha.

    prior_sd: of the effect, in units of the KPI, declared before. rope: effects up to this size do not matter. The
    interval is credible at 1 - alpha and moves with every look; `posterior` holds the figures of the last look. The
    rest as in `asymptotic_cs`, refusals included.
    """

    kind: ClassVar[str] = "bayesian"
    validity: ClassVar[Validity] = "descriptive"

    def __init__(
        self,
        *,
        prior_sd: float,
        weeks: int = 1,
        rope: float | None = None,
        alpha: float = 0.05,
        mode: Mode = "paired",
        treatment: int = 1,
        control: int = 0,
        cap: float | None = None,
        comparisons: int = 1,
        adjust: bool = False,
        users_per_skew2: float = USERS_PER_SKEW2,
    ) -> None:
        self.prior_sd = positive("prior_sd", prior_sd)
        self.rope = None if rope is None else positive("rope", rope)
        self.posterior: Posterior | None = None
        super().__init__(
            weeks=weeks,
            alpha=alpha,
            mode=mode,
            treatment=treatment,
            control=control,
            cap=cap,
            comparisons=comparisons,
            adjust=adjust,
            users_per_skew2=users_per_skew2,
        )
        self.null += f", against a normal prior with sd {prior_sd:g}"

    def _forget_looks(self) -> None:
        super()._forget_looks()
        self._scale = self.prior_sd**2

    def _state(
        self, week: int, verdict: Verdict, now: Contrast, reason: str, scale: float | None = None
    ) -> MonitorState:
        state = super()._state(week, verdict, now, reason, scale)
        stderr = float(now.stderr)
        if not (stderr > 0 and math.isfinite(stderr)):
            return dataclasses.replace(state, validity=self.validity)
        self.posterior = posterior(state.estimate, stderr, self.prior_sd, self.rope)
        lower, upper = self.posterior.interval(1 - self.alpha)
        words = f"P(beats control) {self.posterior.beats_control:.3f}, expected loss {self.posterior.expected_loss:.4g}"
        if self.rope is not None:
            words += f", P(unimportant) {self.posterior.unimportant:.3f}"
        return dataclasses.replace(
            state,
            lower=lower,
            upper=upper,
            validity="descriptive" if self._stopped is None else "asymptotic",
            reason="; ".join(w for w in (reason, words) if w),
        )

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """Means of a cohort, the prior as wide as an effect of three standard errors at the end."""
        if not isinstance(stream, MeanStream):
            return None
        _, weeks, n = stream.value.shape
        sd = 3 * float(stream.value.mean(axis=1).std()) * math.sqrt(4 / n)
        mode: Mode = "paired" if stream.group is None else "groups"
        adjust = stream.covariate is not None
        return cls(
            prior_sd=sd or 1.0, weeks=weeks, alpha=alpha, mode=mode, adjust=adjust, cap=stream.cap, users_per_skew2=0.0
        )

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, MeanStream) or self.users_per_skew2 > 0:
            return super().replicate(stream)
        return asymptotic_paths(*self.cohort.means_of(stream), self.alpha, self.weeks, prior=self.prior_sd**2)


def posterior(estimate: float, stderr: float, prior_sd: float, rope: float | None = None) -> Posterior:
    """Belief after an estimate with this standard error, from a normal prior about 0."""
    weight = prior_sd**2 / (prior_sd**2 + stderr**2)
    mean, sd = weight * estimate, math.sqrt(weight) * stderr
    z = mean / sd
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    below = float(ndtr(-z))
    inside = math.nan if rope is None else float(ndtr((rope - mean) / sd) - ndtr((-rope - mean) / sd))
    return Posterior(mean, sd, 1 - below, sd * density - mean * below, inside)
