"""Off-policy evaluation inside a run: what the agent's own log says of a target policy, held against the truth.

`step_truth` is the mean over the very rows used of sum_a target(a) E[value_a]: the target acts for one week in the
states that the agent made. Only rows of present users that gave every arm of the target at least the study's floor can
be used; for an agent with a floor those are the held-out users', for one without a floor often none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from experiments import estimators
from experiments.config import ExperimentConfig, OpeTarget
from experiments.estimators._discovery import label
from experiments.week_truth import WeekTruth
from rage_env.interface import NO_OFFER, Observation
from rage_env.log import FEATURE_PREFIX, WeekLog

__all__ = ["OfflineBook", "target_probs"]

Floats = NDArray[np.float64]
LEAST_USERS = 100
"""Fewer users than this in the usable rows are not evaluated: no effective sample size of theirs would do."""


def target_probs(target: OpeTarget, observation: Observation, arm_names: Sequence[str]) -> Floats:
    """(n, k) what the target policy would do; where its arm is masked it leaves the user alone."""
    mask = observation.action_mask.astype(np.float64)
    if target.kind == "uniform":
        return np.asarray(mask / mask.sum(axis=1, keepdims=True))
    if target.kind == "status_quo":
        wish = observation.status_quo.astype(np.float64) * mask
    else:
        wish = np.zeros(mask.shape)
        wish[:, NO_OFFER if target.arm is None else arm_names.index(target.arm)] = 1.0
        wish *= mask
    wish[:, NO_OFFER] = 1.0 - wish[:, NO_OFFER + 1 :].sum(axis=1)
    return wish


@dataclass(frozen=True, eq=False)
class _Part:
    """The rows of one week that can be used."""

    columns: dict[str, NDArray[np.generic]]
    target: Floats
    truth: float  # sum over rows


class OfflineBook:
    """Gathers a run's usable rows. held: (n,) users with a floor under every arm; None where no user has one."""

    def __init__(
        self,
        config: ExperimentConfig,
        arm_names: Sequence[str],
        feature_names: Sequence[str],
        held: NDArray[np.bool_] | None,
    ) -> None:
        self.config, self.arm_names, self.feature_names, self.held = config, arm_names, feature_names, held
        self._parts: list[_Part] = []

    def add(self, truth: WeekTruth, log: WeekLog, reward: Floats) -> None:
        """Take in a week. log: with probs; reward: (n,) value by accrual, settled."""
        target = target_probs(self.config.ope.target, truth.observation, self.arm_names)
        assert log.probs is not None
        least = 0.999 * self.config.floor.propensity
        supported = (((log.probs > 0) & (log.probs >= least)) | (target == 0)).all(axis=1) & log.present
        rows = np.flatnonzero(supported if self.held is None else supported & self.held)
        columns: dict[str, NDArray[np.generic]] = {
            "user_id": log.user_id[rows],
            "week": np.full(len(rows), log.week, np.int32),
            "arm": log.arm[rows].astype(np.int16),
            "propensity": log.propensity[rows],
            "reward": reward[rows],
        }
        for j, name in enumerate(self.feature_names):
            columns[FEATURE_PREFIX + name] = log.features[rows, j]
        worth = float(np.einsum("nk,nk->", target[rows], truth.value[rows]))
        self._parts.append(_Part(columns, target[rows], worth))

    def judge(self) -> pd.DataFrame:
        """One row an estimator: its answer, the truth, its error in usd per user-week and in standard errors (z).

        Where too few users have usable rows, every answer says why.
        """
        if not self.config.estimators:
            return pd.DataFrame()
        rows = sum(len(p.target) for p in self._parts)
        users = len(np.unique(np.concatenate([p.columns["user_id"] for p in self._parts])))
        if users < LEAST_USERS:
            return self._refusal(users)
        table = pa.table({c: np.concatenate([p.columns[c] for p in self._parts]) for c in self._parts[0].columns})
        target = np.concatenate([p.target for p in self._parts])
        found = estimators.evaluate(table, target, list(self.config.estimators))
        truth = sum(p.truth for p in self._parts) / rows
        found["step_truth"], found["error"] = truth, found["value"] - truth
        found["z"] = found["error"] / found["stderr"].where(found["stderr"] > 0)
        found["rows"] = rows
        return found

    def _refusal(self, users: int) -> pd.DataFrame:
        target, least = self.config.ope.target.kind, self.config.floor.propensity
        reason = f"{users or 'no'} users with rows in which every arm of {target} has a propensity of {least:g} or more"
        named = [label(e) for e in self.config.estimators]
        return pd.DataFrame(
            {"estimator": named, "evaluable": False, "reason": reason, "rows": sum(len(p.target) for p in self._parts)}
            | dict.fromkeys(("value", "lower", "upper", "stderr", "step_truth", "error", "z"), np.nan)
        )
