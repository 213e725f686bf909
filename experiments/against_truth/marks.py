"""What estimators and certificates said of one lived log, beside the truth that they are marked by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments import estimators, reward_model
from experiments.against_truth.cells import Cell, Limit
from experiments.against_truth.lived import Lived, lived, opened, target_of
from experiments.against_truth.tails import tails
from experiments.certificates import Claim, certify
from experiments.certificates.certify import slack_of
from experiments.certificates.rivals import by_delta
from experiments.estimators._discovery import load
from rage_env.outcomes import value
from rage_env.rollout import Rollout

__all__ = ["EFFECT", "Marked", "answers", "marked", "path_effects", "verdicts"]

EFFECT = "everybody less nobody"
ALPHA = 0.05
KEPT = ("seed", "target", "estimator", "estimand", "value", "lower", "upper", "stderr", "ess", "evaluable", "truth")


@dataclass(frozen=True)
class Verdict:
    """One certificate. truth: the rate by conditional means in the very states of the log."""

    seed: int
    target: str
    metric: str
    limit: float
    answer: str
    by_delta: bool
    truth: float


@dataclass(frozen=True, eq=False)
class Marked:
    """One seed of a cell, a table each. tails: empty where not asked for."""

    answers: pd.DataFrame
    verdicts: pd.DataFrame
    tails: pd.DataFrame


def marked(cell: Cell, seed: int, *, full: bool = True) -> Marked:
    """Answers of all estimators, verdicts of all certificates. full: as `answers` has it, and tails too."""
    found = lived(cell, seed)
    return Marked(
        answers(found, seed, full=full),
        pd.DataFrame([asdict(v) for v in verdicts(cell, found, seed)]),
        tails(found, seed) if full else pd.DataFrame(),
    )


def answers(found: Lived, seed: int, *, full: bool = True) -> pd.DataFrame:
    """One row an estimator for the effect of the offer: answer, interval, step truth. For distributions see `tails`.

    full: each target's value too, by those that value a week, and the effect by those that follow a path.
    """
    table, q = found.table, _model(found)
    parts = []
    for target, probs in found.targets.items() if full else ():
        said = estimators.evaluate(table, probs, None, q_hat=q, clusters="unit")
        parts.append(said.assign(target=target, truth=found.truth[target]["reward"]))
    everybody, nobody = found.targets["everybody"], found.targets["nobody"]
    asked = [
        name
        for name, one in load(estimators.names()).items()
        if one.estimand == "step" or (full and one.estimand == "path")
    ]
    said = estimators.evaluate(table, everybody, asked, q_hat=q, baseline_probs=nobody, clusters="unit")
    effect = found.truth["everybody"]["reward"] - found.truth["nobody"]["reward"]
    parts.append(said.assign(target=EFFECT, truth=effect))
    return pd.concat(parts, ignore_index=True).assign(seed=seed)[list(KEPT)]


def verdicts(cell: Cell, found: Lived, seed: int) -> Iterator[Verdict]:
    """Every limit of the world for nobody and for everybody."""
    floor = cell.floor
    for limit in cell.world.limits:
        claim = Claim.of_metric(limit.metric, limit.limit, limit.most, floor, alpha=ALPHA)
        for target in ("nobody", "everybody"):
            probs = found.targets[target]
            answer = certify(found.table, probs, claim, clusters="unit").answer
            slack, _ = slack_of(found.table, probs, claim, "unit")
            truth = _rate(limit, found.truth[target])
            yield Verdict(seed, target, limit.metric, limit.limit, answer, bool(by_delta(slack, ALPHA)), truth)


def path_effects(cell: Cell, seed: int) -> dict[str, float]:
    """What the offer for everybody brings over the weeks beyond nobody, per user-week, had each acted from week 0."""
    env, _ = opened(cell, seed)
    arm, names = env.arm_names.index(cell.world.offer), env.features.names

    def rolled(target: str) -> Rollout:
        return env.truth.rollout(lambda seen: target_of(target, seen, arm, names), cell.world.weeks, replications=1)

    everybody, nobody = rolled("everybody"), rolled("nobody")
    mean = everybody.minus(nobody).mean
    return {"seed": seed, "path": float(value(mean, env.scenario.retention_value_usd).mean())}


def _rate(limit: Limit, truth: Mapping[str, float]) -> float:
    above, below = limit.metric.split("/")
    return truth[above] / truth[below]


def _model(found: Lived) -> NDArray[np.float32]:
    """(rows, k) ridge, out of fold by unit: fitted once for all estimators and targets."""
    table = found.table
    folds = reward_model.folds_of(table["unit"])
    arm, reward = (np.asarray(table[c].to_numpy()) for c in ("arm", "reward"))
    k = next(iter(found.targets.values())).shape[1]
    return reward_model.cross_fit(reward_model.features_of(table), arm.astype(np.int64), reward, folds, k)
