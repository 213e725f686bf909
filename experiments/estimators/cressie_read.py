"""cressie_read: empirical likelihood, the law nearest to the sample under which weights average to 1.

Karampatziakis, Langford and Mineiro (ICML 2020) with the Euclidean member of the Cressie-Read family, which has a
closed form: row i counts `1 + (1 - mean w)(w_i - mean w) / var w`, so the value is
`mean w r + (1 - mean w) cov(w r, w) / var w`. It is ips with the weights as a control variate; a row may count less
than nothing. Where weights do not vary it is snips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Estimator, Floats, Rows

LEAST_VARIANCE = 1e-9
"""Of the weights, as a share of their mean square: rounding of logged float32 propensities stays below it."""


@dataclass(frozen=True)
class CressieRead(Estimator):
    """Mean of the weighted rewards under the nearest law that has the right mean weight."""

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`w r`, `w`, `w^2 r` and `w^2`."""
        w = rows.weight
        return rows.weighted_reward, w, w * rows.weighted_reward, w * w

    def value(self, means: Floats) -> float:
        """`wr + (1 - w)(wwr - w wr) / (ww - w^2)` of the means."""
        wr, w, wwr, ww = means
        if not w:
            return math.nan
        spread = ww - w * w
        if spread <= LEAST_VARIANCE * ww:
            return float(wr / w)
        return float(wr + (1 - w) * (wwr - w * wr) / spread)

    def gradient(self, means: Floats) -> Floats:
        """Of the same."""
        wr, w, wwr, ww = means
        if not w:
            return np.full(4, math.nan)
        spread = ww - w * w
        if spread <= LEAST_VARIANCE * ww:
            return np.array([1 / w, -wr / w**2, 0.0, 0.0])
        slope = (wwr - w * wr) / spread
        by_w = -slope + (1 - w) * (-wr / spread + 2 * w * slope / spread)
        return np.array([1 - (1 - w) * w / spread, by_w, (1 - w) / spread, -(1 - w) * slope / spread])
