"""From a log alone: is the target proven to keep its guardrail, is it not, or can this log not tell?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.certificates.claim import Claim
from experiments.certificates.needed import from_log
from experiments.certificates.proof import log_evidence
from experiments.estimators import evaluate
from experiments.estimators._log import Probs, numbers, outcome, table_of
from experiments.estimators._sums import clusters_of
from rage_env.errors import LogError

__all__ = ["Answer", "Certificate", "certify", "slack_of"]

Floats = NDArray[np.float64]
Answer = Literal["certified", "not", "uninformative", "refused"]


@dataclass(frozen=True)
class Certificate:
    """The answer on one claim. `not`: the log is large enough for the margin asked and yet there is no proof, or the
    rate seems to lie above the limit.

    usage: the rate under the target by self-normalised weights, with its two-sided interval (asymptotic, for
    orientation; the answer does not rest on it). users_needed: at least, for a truth `margin` below the limit.
    """

    claim: str
    answer: Answer
    reason: str
    log_e: float  # evidence; certified from log(1 / alpha) on
    alpha: float
    usage: float
    lower: float
    upper: float
    limit: float
    margin: float
    users: int
    users_needed: int | None
    ess: float


def certify(log: object, target_probs: Probs, claim: Claim, clusters: str = "user_id") -> Certificate:
    """Certificate of the claim for the target. log, target_probs (rows, k), clusters: as `estimators.evaluate`.

    Raises LogError where a row breaks a declared bound: then it was no bound.
    """
    table = table_of(log, np.shape(target_probs)[1] if np.ndim(target_probs) == 2 else None)
    above, below = (_weighed(table, side) for side in (claim.numerator, claim.denominator))
    rows = table.append_column("certified_num", pa.array(above)).append_column("certified_den", pa.array(below))
    shown = evaluate(rows, target_probs, ["snips"], clusters=clusters, metric="certified_num/certified_den").iloc[0]
    usage = (float(shown["value"]), float(shown["lower"]), float(shown["upper"]))
    about = (claim.alpha, *usage, claim.limit, claim.aim, int(shown["n_users"]))
    ess = float(shown["ess"])
    if not shown["evaluable"] and "denominator" not in str(shown["reason"]):
        return Certificate(claim.words, "refused", str(shown["reason"]), math.nan, *about, None, ess)
    slack, worst = _slack(table, np.asarray(target_probs, np.float64), above, below, claim, clusters)
    log_e = float(log_evidence(slack, worst))
    aim = claim.aim * max(float(_mean_den(table, np.asarray(target_probs, np.float64), below, slack)), 0.0)
    needed = from_log(slack, worst, aim, claim.alpha) if aim > 0 else None
    above_limit = usage[1] > claim.limit
    answer = _answer(log_e, len(slack), needed, claim.alpha, above_limit=above_limit)
    reason = _broken(usage, claim) if answer == "not" and above_limit else _reason(answer, claim, len(slack), needed)
    return Certificate(claim.words, answer, reason, log_e, *about, needed, ess)


def _answer(log_e: float, users: int, needed: int | None, alpha: float, *, above_limit: bool) -> Answer:
    if log_e >= math.log(1 / alpha):
        return "certified"
    return "not" if above_limit or (needed is not None and users >= needed) else "uninformative"


def _broken(usage: tuple[float, float, float], claim: Claim) -> str:
    """To withhold a certificate takes no warranty, so the asymptotic interval will do."""
    return f"the rate seems to lie above the limit: {usage[0]:.3g}, from {usage[1]:.3g} on"


def _reason(answer: Answer, claim: Claim, users: int, needed: int | None) -> str:
    if answer == "certified":
        return f"a target that breaks the limit is certified with a chance of at most {claim.alpha:g}"
    if needed is None:
        return f"{users:,} users cannot tell: no number of users like these would do"
    least = f"a truth {claim.aim:.3g} below the limit takes at least {needed:,} users"
    if answer == "not":
        return f"no proof, though {users:,} users are enough for one: {least}"
    return f"{users:,} users cannot tell: {least}"


def slack_of(table: pa.Table, target: Probs, claim: Claim, clusters: str = "user_id") -> tuple[Floats, float]:
    """(users,) slack of a checked table's users, and how low it could have been by the declared bounds.

    Raises LogError where a row breaks a bound.
    """
    above, below = (_weighed(table, side) for side in (claim.numerator, claim.denominator))
    return _slack(table, np.asarray(target, np.float64), above, below, claim, clusters)


def _weighed(table: pa.Table, side: Mapping[str, float]) -> Floats:
    """(rows,) weighted sum of outcome columns."""
    total = np.zeros(table.num_rows)
    for column, weight in side.items():
        total += weight * outcome(table, column).astype(np.float64)
    return total


def _weights(table: pa.Table, target: Floats) -> Floats:
    """(rows,) target probability over propensity; 1 for whoever has left."""
    arm = numbers(table, "arm").astype(np.int64)
    weight = np.take_along_axis(target, arm[:, None], axis=1)[:, 0] / numbers(table, "propensity").astype(np.float64)
    if "present" not in table.column_names:
        return np.asarray(weight, np.float64)
    return np.where(np.asarray(table["present"].to_numpy(), np.bool_), weight, 1.0)


def _slack(
    table: pa.Table, target: Floats, above: Floats, below: Floats, claim: Claim, clusters: str
) -> tuple[Floats, float]:
    """(users,) slack summed over the rows of each, and how low it could have been by the declared bounds."""
    weight = _weights(table, target)
    for problem in _broken_bounds(weight, above, below, claim):
        raise LogError(f"certificate of {claim.words}: {problem}")
    groups = clusters_of(table[clusters], table.num_rows)
    kept = weight * (claim.limit * below - above)
    slack = np.bincount(groups.codes, kept, minlength=groups.count).astype(np.float64)
    return slack, float(groups.sizes().max()) * claim.heaviest * claim.most


def _broken_bounds(weight: Floats, above: Floats, below: Floats, claim: Claim) -> Iterator[str]:
    rounding = 1 + 1e-5  # propensities are logged as float32
    for name, held, most, way_out in (
        ("weight", weight, claim.heaviest * rounding, f"declare the true floor; {claim.floor:g} is none"),
        ("numerator", above, claim.most * rounding, "declare a bound that is enforced"),
    ):
        if held.max() > most:
            row = int(held.argmax())
            yield f"row {row} has a {name} of {held[row]:.6g}, above the declared {most / rounding:.6g}; {way_out}"
    for name, held in (("numerator", above), ("denominator", below)):
        if held.min() < 0:
            row = int(held.argmin())
            yield f"row {row} has a {name} of {held[row]:.6g}; it must be 0 or more"


def _mean_den(table: pa.Table, target: Floats, below: Floats, slack: Floats) -> float:
    """The weighted denominator per user, by self-normalised weights."""
    weight = _weights(table, target)
    return float((weight * below).sum() / weight.sum() * table.num_rows / len(slack))
