"""Some users of a week with everything that can be known of them, user by user.

Columns by arm are called `<what>.<arm>`: prob; of the truth value, loss, cost, active, gmv (expected, given the state
before the week; usd, usd, usd, share, usd); of the agent believed (value beyond no_offer) and believed_loss, left out
where the agent forms no such expectation. `allowed` holds the mask as bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.interface import Reason
from experiments.exhibits.funnel import UNSTATED
from experiments.exhibits.lived import LivedWeek, total
from rage_env.log import FEATURE_PREFIX
from rage_env.outcomes import LOSSES
from rage_env.state import Archetype

__all__ = ["life_rows", "person_rows"]

Rows = NDArray[np.intp]
Columns = dict[str, NDArray[np.generic]]
_COSTS = ("bonus_cost", "contact_cost")
_LEDGER = ("active", "transactions", "gmv", "revenue_gross", "bonus_cost", "contact_cost", "redeemed", "churned")


def person_rows(
    lived: LivedWeek, rows: Rows, archetype: NDArray[np.integer], arms: Sequence[str], features: Sequence[str]
) -> pd.DataFrame:
    """One row a sampled user: decision, beliefs, expected truth under every arm, and features."""
    columns = _common(lived, rows, archetype, arms)
    means = lived.truth.means
    columns |= _by_arm("loss", total(means, LOSSES), rows, arms)
    columns |= _by_arm("cost", total(means, _COSTS), rows, arms)
    columns |= _by_arm("active", means["active"], rows, arms)
    columns |= _by_arm("gmv", means["gmv"], rows, arms)
    expects = lived.decision.expects
    believed_loss = None if expects is None else total(expects.means, LOSSES)
    columns |= _by_arm("believed_loss", believed_loss, rows, arms)
    observed = lived.truth.observation
    columns |= {f"segment.{name}": codes[rows].astype(np.int16) for name, codes in observed.segments.items()}
    columns |= {f"{FEATURE_PREFIX}{name}": lived.log.features[rows, j] for j, name in enumerate(features)}
    return pd.DataFrame(columns)


def life_rows(lived: LivedWeek, rows: Rows, archetype: NDArray[np.integer], arms: Sequence[str]) -> pd.DataFrame:
    """One row a sampled user: decision, beliefs, expected value under every arm, and what the week then brought."""
    columns = _common(lived, rows, archetype, arms)
    columns |= {"realised_usd": lived.value[rows].astype(np.float32)}
    columns |= {"net_revenue_usd": lived.net_revenue[rows].astype(np.float32)}
    columns |= {"loss_usd": total(lived.ledger, LOSSES)[rows].astype(np.float32)}
    columns |= {name: np.asarray(lived.ledger[name][rows], np.float32) for name in _LEDGER}
    return pd.DataFrame(columns)


def _common(lived: LivedWeek, rows: Rows, archetype: NDArray[np.integer], arms: Sequence[str]) -> Columns:
    log, decision = lived.log, lived.decision
    mask = lived.truth.observation.action_mask[rows].astype(np.int64)
    columns: Columns = {
        "week": np.full(len(rows), log.week, np.int32),
        "user_id": log.user_id[rows],
        "archetype": _words([a.name.lower() for a in Archetype], archetype[rows]),
        "present": log.present[rows],
        "arm": _words(arms, log.arm[rows]),
        "propensity": log.propensity[rows],
        "reason": _reasons(decision.reason, rows),
        "allowed": (mask << np.arange(len(arms))).sum(axis=1),
    }
    columns |= _by_arm("prob", decision.probs, rows, arms)
    columns |= _by_arm("value", lived.truth.value, rows, arms)
    columns |= _by_arm("believed", None if decision.expects is None else decision.expects.value, rows, arms)
    return columns


def _reasons(codes: NDArray[np.int8], rows: Rows) -> NDArray[np.object_]:
    if not len(codes):
        return np.full(len(rows), UNSTATED, object)
    return _words([r.name.lower() for r in Reason], codes[rows])


def _words(names: Sequence[str], codes: NDArray[np.integer]) -> NDArray[np.object_]:
    return np.asarray(np.array(list(names), object)[codes])


def _by_arm(
    what: str, held: NDArray[np.floating] | None, rows: Rows, arms: Sequence[str]
) -> Mapping[str, NDArray[np.float32]]:
    """{`<what>.<arm>`: (rows,)}; nothing where there is nothing."""
    if held is None:
        return {}
    return {f"{what}.{arm}": held[rows, a].astype(np.float32) for a, arm in enumerate(arms)}
