"""One line for each estimator of a cell, each limit, and each question about a tail, from what was said on all seeds.

Bias and error are held against the step truth of the very rows of each log; of estimators that follow a path, against
the mean of the paths rolled out. Coverage is held against the mean over all cohorts, each of which is fresh. The
carry-over gap, path truth less step truth, is nobody's error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.against_truth.cells import TARGETS
from experiments.against_truth.marks import EFFECT
from experiments.against_truth.study import Found

__all__ = [
    "EstimatorLine",
    "LimitLine",
    "TailLine",
    "carry_over",
    "estimator_lines",
    "limit_lines",
    "step_truth",
    "tail_lines",
]


@dataclass(frozen=True)
class Line:
    """Answers of all seeds beside their truths; in usd per user-week."""

    seeds: int
    evaluable: float  # share of seeds
    ess: float  # median
    bias: float
    bias_stderr: float
    rmse: float
    mean_z: float
    within_2se: float  # share of seeds whose answer lies within 2 standard errors of their own truth
    coverage: float  # share of intervals that hold the mean truth of all cohorts


@dataclass(frozen=True)
class EstimatorLine(Line):
    """How one estimator found the effect of the offer, and what choosing a target by it costs.

    truth of a step: that of the log's own rows; of a path: the mean over cohorts of what is rolled out.
    """

    estimator: str
    estimand: str
    wrong_sign: float  # share of answers of the other sign than the mean truth
    regret: float  # usd per user-week lost by taking the target that it values most


@dataclass(frozen=True)
class TailLine(Line):
    """How cdf_dr found a quantile or a tail. answered: share of seeds with an interval, none where values tie there."""

    target: str
    question: str
    truth: float  # mean over logs
    answered: float


@dataclass(frozen=True)
class LimitLine:
    """How certificates judged one limit for one target. truth: the rate, mean over logs."""

    target: str
    metric: str
    limit: float
    truth: float
    seeds: int
    certified: float
    uninformative: float
    refused: float
    by_delta: float  # share that the delta method would have certified

    @property
    def kept(self) -> bool:
        """Whether the target truly keeps it."""
        return self.truth <= self.limit


def step_truth(found: Found) -> tuple[float, float]:
    """Mean step truth of the effect over cohorts, and its standard error."""
    truth = _effect(found).groupby("seed")["truth"].first()
    return float(truth.mean()), float(truth.std(ddof=1) / math.sqrt(len(truth))) if len(truth) > 1 else math.nan


def carry_over(found: Found) -> tuple[float, float]:
    """Path effect less step effect on the same cohorts where both are known, and its standard error; nan without."""
    if found.path.empty:
        return math.nan, math.nan
    truth = _effect(found).groupby("seed")["truth"].first()
    both = found.path.set_index("seed")["path"].to_frame().join(truth, how="inner")
    gap = both["path"] - both["truth"]
    return float(gap.mean()), float(gap.std(ddof=1) / math.sqrt(len(gap))) if len(gap) > 1 else math.nan


def estimator_lines(found: Found) -> Iterator[EstimatorLine]:
    """In alphabetical order."""
    step, _ = step_truth(found)
    path = float(found.path["path"].mean()) if len(found.path) else math.nan
    regrets = _regrets(found)
    for name, rows in _effect(found).groupby("estimator"):
        of_path = bool((rows["estimand"] == "path").all())
        mean = path if of_path else step
        rows = rows.assign(truth=path) if of_path else rows
        yield EstimatorLine(
            **_marks(rows, mean),
            estimator=str(name),
            estimand="path" if of_path else "step",
            wrong_sign=float((np.sign(_answered(rows)["value"]) != np.sign(mean)).mean()),
            regret=regrets.get(str(name), math.nan),
        )


def tail_lines(found: Found) -> Iterator[TailLine]:
    """In the order in which they were asked."""
    for (target, question), rows in found.tails.groupby(["target", "question"], sort=False):
        truth = float(rows["truth"].mean())
        yield TailLine(
            **_marks(rows, truth),
            target=str(target),
            question=str(question),
            truth=truth,
            answered=len(_answered(rows)) / len(rows),
        )


def limit_lines(found: Found) -> Iterator[LimitLine]:
    """In the order of the world's limits."""
    for (target, metric, limit), rows in found.verdicts.groupby(["target", "metric", "limit"], sort=False):
        said = rows["answer"].value_counts(normalize=True)
        share = {a: float(said.get(a, 0.0)) for a in ("certified", "uninformative", "refused")}
        yield LimitLine(
            str(target), str(metric), float(limit), float(rows["truth"].mean()), len(rows), **share,
            by_delta=float(rows["by_delta"].mean()),
        )  # fmt: skip


def _answered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[np.isfinite(rows["value"]) & np.isfinite(rows["stderr"])]


def _marks(rows: pd.DataFrame, mean: float) -> dict[str, Any]:  # Any: the fields of Line
    """What any line tells of the seeds that were answered."""
    answered = _answered(rows)
    error = answered["value"] - answered["truth"]
    z = error / answered["stderr"].where(answered["stderr"] > 0)
    return {
        "seeds": len(rows),
        "evaluable": float(rows["evaluable"].mean()),
        "ess": float(rows["ess"].median()),
        "bias": float(error.mean()),
        "bias_stderr": float(error.std(ddof=1) / math.sqrt(len(error))) if len(error) > 1 else math.nan,
        "rmse": float(np.sqrt((error**2).mean())),
        "mean_z": float(z.mean()),
        "within_2se": float((z.abs() <= 2).mean()),
        "coverage": float(((answered["lower"] <= mean) & (mean <= answered["upper"])).mean()),
    }


def _effect(found: Found) -> pd.DataFrame:
    return found.answers[found.answers["target"] == EFFECT]


def _regrets(found: Found) -> dict[str, float]:
    """{estimator: mean over seeds of the best target's step truth less that of the target it values most}."""
    rows = found.answers[found.answers["target"].isin(TARGETS)]
    out = {}
    for name, mine in rows.groupby("estimator"):
        value, truth = (mine.pivot(index="seed", columns="target", values=v)[list(TARGETS)] for v in ("value", "truth"))
        told = value.notna().all(axis=1)
        if told.any():
            taken = value[told].to_numpy().argmax(axis=1)
            worth = truth[told].to_numpy()
            out[str(name)] = float((worth.max(axis=1) - worth[np.arange(len(worth)), taken]).mean())
    return out
