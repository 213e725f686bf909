"""How a week's probabilities failed users of each archetype, by what was truly to be expected of every arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.exhibits.lived import LivedWeek
from rage_env.interface import NO_OFFER
from rage_env.state import Archetype

__all__ = ["FATES", "failures"]

FATES = ("right", "harmful", "missed", "lesser")
"""What can become of a user-week; shares of the four sum to 1 over present users.

right: the allowed arm of highest expected value. harmful: an offer worth less than leaving alone. missed: left alone
though an offer would gain. lesser: an offer that gains, though another would gain more. Guardrails are not considered:
whoever keeps a budget must miss some.
"""


def failures(lived: LivedWeek, archetype: NDArray[np.integer]) -> pd.DataFrame:
    """One row an archetype: its present users, probability mass by fate, and usd gained, given away and lost.

    gain_usd: expected value over leaving everybody alone; harm_usd: the part of it that is below 0; regret_usd: what
    the best arms would have gained beyond it.
    """
    truth, here = lived.truth, lived.log.present
    probs, mask = lived.decision.probs.astype(np.float64), truth.observation.action_mask > 0
    uplift = truth.value - truth.value[:, :1]
    best = np.where(mask, uplift, -np.inf).argmax(axis=1)
    is_best = best[:, None] == np.arange(probs.shape[1])
    is_none = np.arange(probs.shape[1]) == NO_OFFER
    by_arm = {
        "right": is_best,
        "harmful": ~is_best & ~is_none & (uplift < 0),
        "missed": ~is_best & is_none,
        "lesser": ~is_best & ~is_none & (uplift >= 0),
    }
    gain = (probs * uplift).sum(axis=1)
    amounts = {name: (probs * fate).sum(axis=1) for name, fate in by_arm.items()}
    amounts["offered"] = 1.0 - probs[:, NO_OFFER]
    amounts["gain_usd"] = gain
    amounts["harm_usd"] = (probs * np.minimum(uplift, 0.0)).sum(axis=1)
    amounts["regret_usd"] = uplift[np.arange(len(best)), best] - gain
    codes = np.asarray(archetype[here], np.int64)
    sums = {name: np.bincount(codes, held[here], minlength=len(Archetype)) for name, held in amounts.items()}
    names = [a.name.lower() for a in Archetype]
    count = np.bincount(codes, minlength=len(Archetype))
    return pd.DataFrame({"week": lived.log.week, "archetype": names, "present": count, **sums})
