"""Where the effect of offers sits: from conditional means by arm, (n, k)."""

from __future__ import annotations

import numpy as np

from experiments.facts.panel import Bools, Floats
from experiments.facts.spending import top_share

__all__ = ["effect_in_standard_errors", "relative_effects", "share_of_positive_uplift"]


def share_of_positive_uplift(value: Floats, share: float) -> float:
    """Share of all positive uplift that the best `share` of people hold. value: (n, k) usd, arm 0 leaves them alone."""
    gain = np.maximum(value.max(axis=1) - value[:, 0], 0.0)
    return top_share(gain, share)


def relative_effects(mean: Floats) -> Floats:
    """(k - 1,) what each arm for all adds, relative to nobody offered anything. mean: (n, k) of any outcome."""
    total = mean.sum(axis=0)
    out: Floats = total[1:] / total[0] - 1
    return out


def effect_in_standard_errors(outcome: Floats, treated: Bools) -> float:
    """Difference of means between randomly treated people and the others, over its standard error. (n,) each."""
    one, other = outcome[treated], outcome[~treated]
    return float((one.mean() - other.mean()) / np.sqrt(one.var() / len(one) + other.var() / len(other)))
