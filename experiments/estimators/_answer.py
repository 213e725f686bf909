"""One estimator's answer: its estimate over policies and columns, and whether it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.estimators._base import Estimator, Floats
from experiments.estimators._inference import LEAST_ESS, SKEW_FACTOR, Estimate, Weights, estimate, weigh
from experiments.estimators._sums import ClusterSums
from experiments.estimators._tuning import Tuned

__all__ = ["Facts", "Line", "answer"]


@dataclass(frozen=True)
class Line:
    """One estimator's answer; the columns of the table that `evaluate` returns."""

    estimator: str
    value: float
    lower: float
    upper: float
    stderr: float
    ess: float  # effective sample size of the users' weights; of the worse policy where two are compared
    evaluable: bool
    reason: str  # why not evaluable, and what else a reader must know: `word: details; word: details`
    max_weight: float
    mean_weight: float  # 1 within noise if the log can answer
    n_users: int
    n_rows: int
    skew: float  # of the influence function
    reward_model: str
    estimand: str  # what the number is of: step, path or distribution


@dataclass(frozen=True, eq=False)
class Facts:
    """What all estimators of one evaluation share."""

    sizes: Floats  # (c,) rows per cluster
    columns: int  # 1, or 2 for a ratio
    deterministic: bool
    withheld: bool  # the log does not say with which probabilities arms were drawn
    alpha: float
    reward_model: str
    estimated: bool  # propensities were fitted, for the log withholds them
    refused: Mapping[str, str]  # {estimator: why the log does not hold what it needs}
    interval: str = "influence"  # or one of intervals.RESAMPLED
    untried: float = 0.0  # largest share of a policy that falls on arms which the log never took


def answer(name: str, estimator: Estimator, held: Sequence[ClusterSums], facts: Facts) -> Line:
    """The line of one estimator. held: one ClusterSums per policy and, within it, per column."""
    if facts.withheld and estimator.needs_propensity:
        return _refused(name, estimator, facts, _WITHHELD)
    if name in facts.refused:
        return _refused(name, estimator, facts, f"refused: {facts.refused[name]}")
    if facts.columns > 1 and estimator.estimand == "distribution":
        return _refused(name, estimator, facts, _NO_RATIO)
    if isinstance(estimator, Tuned):
        return _chosen(name, estimator, held, facts)
    found = _found(name, estimator, held, facts)
    weights = [weigh(*sums.weights(name), sums.support(name), facts.sizes) for sums in held[:: facts.columns]]
    blocks = _blocks(estimator, found, weights, facts.deterministic)
    if estimator.needs_propensity and facts.deterministic and blocks:
        found = Estimate(math.nan, np.full_like(facts.sizes, math.nan))
    lower, upper = _ends(name, estimator, found, held, facts)
    return Line(
        estimator=name,
        value=found.value,
        lower=lower,
        upper=upper,
        stderr=found.stderr,
        ess=min(w.ess for w in weights),
        evaluable=not blocks,
        reason="; ".join([*blocks, *_remarks(estimator, found, facts)]),
        max_weight=max(w.largest for w in weights),
        mean_weight=max((w.mean for w in weights), key=lambda m: abs(m - 1)),
        n_users=len(facts.sizes),
        n_rows=int(facts.sizes.sum()),
        skew=found.skew,
        reward_model=facts.reward_model if estimator.needs_q else "",
        estimand=estimator.estimand,
    )


def _ends(
    name: str, estimator: Estimator, found: Estimate, held: Sequence[ClusterSums], facts: Facts
) -> tuple[float, float]:
    """The interval that was asked for; none is resampled around a number that does not exist."""
    if facts.interval == "influence" or not math.isfinite(found.value):
        return found.interval(facts.alpha)
    from experiments.intervals.bootstrap import resample
    from experiments.intervals.question import Question

    terms = [term for sums in held for term in sums.terms(name)]
    policies = len(held) // facts.columns
    question = Question(estimator, len(terms) // len(held), facts.columns, policies)
    return resample(question, np.column_stack(terms), facts.sizes).interval(facts.interval, facts.alpha)


_WITHHELD = (
    "refused: the log withholds its propensities, so no row can be weighed. Ask naive or dm, keep the probability with "
    "which each arm is drawn, or have them estimated"
)
_NO_RATIO = "refused: a ratio of totals has no distribution over rows; ask for a single column"


def _refused(name: str, estimator: Estimator, facts: Facts, reason: str) -> Line:
    """The line of an estimator that cannot answer on this log at all."""
    nan = math.nan
    return Line(
        estimator=name,
        value=nan,
        lower=nan,
        upper=nan,
        stderr=nan,
        ess=0.0,
        evaluable=False,
        reason=reason,
        max_weight=nan,
        mean_weight=nan,
        n_users=len(facts.sizes),
        n_rows=int(facts.sizes.sum()),
        skew=nan,
        reward_model=facts.reward_model if estimator.needs_q else "",
        estimand=estimator.estimand,
    )


def _found(name: str, estimator: Estimator, held: Sequence[ClusterSums], facts: Facts) -> Estimate:
    """What is asked: a value or a ratio of two, and less that of the baseline if there is one."""
    parts = [estimate(estimator, sums.terms(name), facts.sizes) for sums in held]
    found = parts[0] if facts.columns == 1 else parts[0] / parts[1]
    if len(held) > facts.columns:
        found = found - (parts[1] if facts.columns == 1 else parts[2] / parts[3])
    return found


def _chosen(name: str, tuned: Tuned, held: Sequence[ClusterSums], facts: Facts) -> Line:
    """The line of the candidate that the log chooses."""
    candidates = tuned.labelled(name)
    place, told = tuned.choose([_found(label, one, held, facts) for label, one in candidates.items()])
    label = list(candidates)[place]
    line = answer(label, candidates[label], held, facts)
    return replace(line, estimator=name, reason=f"{line.reason}; {told}" if line.reason else told)


def _blocks(estimator: Estimator, found: Estimate, weights: Sequence[Weights], deterministic: bool) -> list[str]:
    """Every reason not to trust the number."""
    out = []
    off = [w for w in weights if w.mean_is_off] if estimator.needs_propensity else []
    if off and deterministic:
        out.append("refused: the log is deterministic (every propensity is 1), so weights say nothing of other arms")
    elif off:
        out.append(
            f"weights off: their mean {off[0].mean:.4g} +- {off[0].mean_stderr:.2g} is not 1, so the log never tries "
            "part of the target, or its propensities are wrong"
        )
    ess = min(w.ess for w in weights)
    if ess < LEAST_ESS:
        out.append(f"too few: effective sample size {ess:.0f} is below {LEAST_ESS:.0f}")
    if not out and not (math.isfinite(found.value) and math.isfinite(found.stderr)):
        out.append("undefined: a denominator is 0, or numbers are too large to be squared")
    return out


def _remarks(estimator: Estimator, found: Estimate, facts: Facts) -> list[str]:
    """What a reader must know even of a number to be trusted."""
    out = [estimator.note] if estimator.note else []
    models = estimator.needs_q or estimator.model_only
    if facts.estimated:
        out.append("estimated propensities: fitted on the features, wrong if anything else decided who got what")
    if facts.withheld and models:
        out.append("unchecked: propensities were withheld, so nothing corrects the model or tells how far it is off")
    if facts.deterministic and models and not estimator.needs_propensity:
        out.append("guesswork: the log is deterministic, so the model cannot know arms that were not tried")
    elif facts.untried > 0 and models and not estimator.needs_propensity:
        out.append(f"guesswork: {facts.untried:.2g} of the target falls on arms that the log never took")
    if found.stderr == 0:
        out.append("no variation: nothing differs between users, so the interval has no width and says nothing")
    if len(found.influence) < SKEW_FACTOR * found.skew**2:
        out.append(f"skewed: skewness {found.skew:.3g} asks for {SKEW_FACTOR * found.skew**2:,.0f} users")
    return out
