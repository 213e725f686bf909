"""What a guardrail is: a limit on a sum over users. How it is kept is the business of agents/allocation.

`slack = limit - usage`, and slack >= 0 means kept, everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rage_env.errors import GuardrailError, did_you_mean
from rage_env.outcomes import COLUMNS, DELAYED, RESERVED

__all__ = [
    "Accounts",
    "Guardrail",
    "Row",
    "Scope",
    "TrueUsage",
    "account_row",
    "between_rows",
    "lagged_total",
    "largest",
    "limits_by_code",
    "linear_row",
    "true_usage",
    "weighted_sum",
]

Means = Mapping[str, NDArray[np.floating]]


class Scope(BaseModel):
    """Over whom a guardrail sums: the cohort, each segment of a column, or each account."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    kind: Literal["cohort", "segment", "account"] = "cohort"
    column: str | None = None

    @model_validator(mode="after")
    def _column_goes_with_segment(self) -> Self:
        if (self.kind == "segment") != (self.column is not None):
            raise ValueError("scope: 'column' is given exactly when kind is 'segment'")
        return self


class Guardrail(BaseModel):
    """A limit on `numerator / denominator` (or on the plain sum `numerator`) over a scope and a horizon.

    numerator, denominator: `{ledger column or reserved column: weight}`. limit: a rate when there is a
    denominator, else a total per window in the numerator's unit. between: two segment codes whose rates may
    differ by at most `limit` (fairness). hard: kept in every draw, not only in expectation; only for
    head-counts. relative_to `status_quo`: usage is counted beyond what the status quo would use.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    numerator: dict[str, float] = Field(min_length=1)
    denominator: dict[str, float] | None = None
    limit: float = Field(allow_inf_nan=False)
    sense: Literal["<=", ">="] = "<="
    scope: Scope = Scope()
    between: tuple[int, int] | None = None
    horizon: Literal["week", "month", "run"] = "week"
    denominator_lag: Literal[0, 1] = 0
    min_count: int = Field(default=0, ge=0)
    basis: Literal["reported", "accrued"] = "reported"
    hard: bool = False
    relative_to: Literal["status_quo"] | None = None

    @model_validator(mode="after")
    def _states_something_that_can_be_kept(self) -> Self:
        for side in (self.numerator, self.denominator or {}):
            for column, weight in side.items():
                if column not in COLUMNS + RESERVED:
                    known = (*COLUMNS, *RESERVED)
                    raise ValueError(f"{column!r} is not a column of the ledger{did_you_mean(column, known)}")
                if not math.isfinite(weight):
                    raise ValueError(f"{column}: weight must be finite, got {weight}")
        if self.denominator is not None and not self.denominator:
            raise ValueError("denominator: leave it out for a plain limit; an empty one divides by nothing")
        if self.hard and (self.sense != "<=" or set(self.numerator.values()) != {1.0}):
            raise ValueError("hard: only head-counts (weights of 1, sense '<=') can be kept in every draw")
        if self.hard and not set(self.numerator) <= {"contacts", *RESERVED}:
            raise ValueError("hard: the numerator must be known before the week is lived (contacts), not an outcome")
        late = sorted(set(self.denominator or {}) & set(DELAYED))
        if self.denominator_lag and (self.denominator is None or late):
            raise ValueError(
                f"denominator_lag: last week's denominator must be known a week later, "
                f"got {', '.join(late) or 'none at all'}; divide by a column that is reported at once"
            )
        if self.denominator_lag and (self.scope.kind != "cohort" or self.between is not None):
            raise ValueError(
                "denominator_lag: last week's sums are kept for the cohort only; leave scope and between out"
            )
        if self.between is not None and self.scope.kind != "segment":
            raise ValueError("between: compares two codes of a segment column, so scope.kind must be 'segment'")
        return self


@dataclass(frozen=True)
class Row:
    """One guardrail as a row of the week's program: `sum(coef * probs) <= limit` (sense already folded in)."""

    name: str
    coef: NDArray[np.float64]  # (n, k)
    limit: float
    spread: float  # scale for rounding allowances: total of |denominator|, or of |coef| differences
    accounts: Accounts | None = None  # one limit for each; `limit` and `spread` are then totals

    def sums(self, amounts: NDArray[np.floating]) -> NDArray[np.float64]:
        """(1,) total of amounts (n,), or (a,) by account."""
        if self.accounts is None:
            return np.array([amounts.sum(dtype=np.float64)])
        a = self.accounts
        return np.asarray(np.bincount(a.at, weights=amounts, minlength=len(a.limits)), dtype=np.float64)

    @property
    def limits(self) -> NDArray[np.float64]:
        """(1,) or (a,) limits, one for each of `sums`."""
        return np.array([self.limit]) if self.accounts is None else self.accounts.limits

    @property
    def spreads(self) -> NDArray[np.float64]:
        """(1,) or (a,) scales for rounding allowances."""
        return np.array([self.spread]) if self.accounts is None else self.accounts.spreads


@dataclass(frozen=True)
class Accounts:
    """A limit for every account, in one row: whoever judges a thousand of them sums once."""

    at: NDArray[np.intp]  # (n,) place of each user's account
    limits: NDArray[np.float64]  # (a,)
    spreads: NDArray[np.float64]  # (a,)


@dataclass(frozen=True)
class TrueUsage:
    """Usage of one guardrail in one week by conditional means; `violated` as the architecture defines it."""

    name: str
    usage: float
    usage_no_offer: float
    allowance: float
    elsewhere: bool = False  # of many accounts this is the worst; whether any is beyond its limit if left alone

    @property
    def slack(self) -> float:
        """Limit minus usage, where the limit is what arm 0 itself would use if that is already too much."""
        return max(0.0, self.usage_no_offer) - self.usage

    @property
    def violated(self) -> bool:
        """Usage beyond both the limit and the usage of doing nothing, by more than rounding."""
        return self.usage > max(0.0, self.usage_no_offer) + self.allowance

    @property
    def unavoidable(self) -> bool:
        """Doing nothing already exceeds the limit this week."""
        return self.elsewhere or self.usage_no_offer > self.allowance


def weighted_sum(weights: Mapping[str, float], means: Means, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """`sum(weight * means[column])` in float64; `assigned` counts 1 a row unless `means` holds it."""
    total: NDArray[np.float64] | None = None
    for column, weight in weights.items():
        term = _term(column, weight, means, shape)
        if total is None:
            total = term + 0.0  # an array of our own, laid out as its terms are, which makes the others quick to add
        else:
            total += term
    return np.zeros(shape) if total is None else np.ascontiguousarray(total)


def _term(column: str, weight: float, means: Means, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if column in means:
        mean = np.asarray(means[column], dtype=np.float64)
        return mean if weight == 1.0 else weight * mean
    if column == "assigned":
        return np.full(shape, float(weight))
    raise GuardrailError(f"{column}: no expected usage was given for this column; columns given: {sorted(means)}")


def linear_row(
    guardrail: Guardrail,
    means: Means,
    *,
    status_quo: NDArray[np.floating] | None = None,
    members: NDArray[np.bool_] | None = None,
    denominator_total: float | None = None,
) -> Row:
    """The exact linear row of a guardrail in one week.

    means: `{column: (n, k)}` expected outcomes; `present` (0/1 a row) included where a guardrail counts it.
    status_quo: (n, k) probabilities, needed when `relative_to` is set. members: (n,) restricts the sum to a
    segment. denominator_total: replaces the week's own denominator (lagged denominators).

    A ratio `num / den <= c` becomes `num - c den <= 0`; a plain limit keeps its right-hand side; a hard row is
    a head-count against the integer part of its limit. `sense=">="` comes back negated.
    """
    shape = np.shape(next(iter(means.values())))
    num = _inside(weighted_sum(guardrail.numerator, means, shape), members)
    coef, limit = num, guardrail.limit
    if guardrail.denominator is None:
        spread = float(largest(np.abs(num - num[:, :1])).sum())
    else:
        den = _inside(weighted_sum(guardrail.denominator, means, shape), members)
        spread = max(float(largest(np.abs(den)).sum()), 1e-300)
        if guardrail.hard or denominator_total is not None:
            total = float(den[:, 0].sum()) if denominator_total is None else denominator_total
            limit = guardrail.limit * total
        else:
            den *= guardrail.limit  # arrays of our own: see weighted_sum
            coef, limit = np.subtract(num, den, out=num), 0.0
    if guardrail.hard:
        limit = math.floor(limit + 1e-9)
    if guardrail.relative_to == "status_quo":
        if status_quo is None:
            raise GuardrailError(f"{guardrail.name}: relative_to status_quo needs the status-quo probabilities")
        limit = limit + float(np.einsum("nk,nk->", coef, status_quo.astype(np.float64)))
    if guardrail.sense == ">=":
        coef, limit = -coef, -limit
    return Row(guardrail.name, coef, float(limit), spread)


def lagged_total(guardrail: Guardrail, means: Means, last_week: NDArray[np.float64], at: int | None) -> float | None:
    """What a lagged guardrail divides by: last week's denominator as it was lived, None without a lag.

    last_week: (g,) by guardrail, this one at `at`. Where nothing was lived yet it is what this week would
    bring if everybody were left alone.
    """
    if guardrail.denominator_lag == 0 or guardrail.denominator is None:
        return None
    if at is not None and at < len(last_week) and last_week[at] > 0:
        return float(last_week[at])
    shape = np.shape(next(iter(means.values())))
    return float(weighted_sum(guardrail.denominator, means, shape)[:, 0].sum())


def between_rows(guardrail: Guardrail, means: Means, codes: NDArray[np.integer]) -> tuple[Row, ...]:
    """`|rate_a - rate_b| <= limit` as two rows in the unit of the rate; none while one of the two segments is empty.

    means: as for `linear_row`. codes: (n,) of the segment column. Raises GuardrailError where an arm would change the
    denominator, since the difference of two ratios is then no linear row.
    """
    assert guardrail.between is not None
    shape = np.shape(next(iter(means.values())))
    den = weighted_sum(guardrail.denominator or {"assigned": 1.0}, means, shape)
    if np.ptp(den, axis=1).max(initial=0.0) > 0:
        raise GuardrailError(
            f"{guardrail.name}: a bound between segments needs a denominator that no arm changes, "
            f"got {guardrail.denominator}. Use assigned or present."
        )
    weight = np.zeros(shape[0])
    for sign, code in zip((1.0, -1.0), guardrail.between, strict=True):
        total = float(den[codes == code, 0].sum())
        if total <= 0:
            return ()
        weight[codes == code] = sign / total
    coef = weighted_sum(guardrail.numerator, means, shape) * weight[:, None]
    first, second = guardrail.between
    spread = float(largest(np.abs(coef)).sum())
    return (
        Row(f"{guardrail.name}[{first}-{second}]", coef, guardrail.limit, spread),
        Row(f"{guardrail.name}[{second}-{first}]", -coef, guardrail.limit, spread),
    )


def _inside(amounts: NDArray[np.float64], members: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """(n, k) amounts, 0 outside the members where there are some."""
    return amounts if members is None else amounts * members[:, None]


def largest(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) largest of each row, arm by arm: NumPy's own reduction is slow along a short axis."""
    return reduce(np.maximum, amounts.T)


def true_usage(row: Row, probs: NDArray[np.floating]) -> TrueUsage:
    """Usage beyond the limit of one week's row under `probs` (n, k), beside that of doing nothing.

    Where every account has a limit it is that of the account furthest beyond what counts as kept.
    """
    usage = row.sums(np.einsum("nk,nk->n", row.coef, probs.astype(np.float64))) - row.limits
    none, allowance = row.sums(row.coef[:, 0]) - row.limits, 1e-6 * row.spreads
    at = int(np.argmax(usage - np.maximum(none, 0.0) - allowance))
    elsewhere = bool((none > allowance).any())
    return TrueUsage(row.name, float(usage[at]), float(none[at]), float(allowance[at]), elsewhere)


def account_row(
    guardrail: Guardrail,
    means: Means,
    unit: NDArray[np.integer],
    *,
    status_quo: NDArray[np.floating] | None = None,
) -> Row:
    """The guardrail's rows for all accounts as one. means: as for `linear_row`. unit: (n,) account of each user."""
    shape = np.shape(next(iter(means.values())))
    _, at = np.unique(unit, return_inverse=True)
    count = int(at.max(initial=-1)) + 1
    row = linear_row(guardrail, means, status_quo=status_quo)
    limits = limits_by_code(guardrail, means, at, count, row.coef, status_quo)
    if guardrail.denominator is None:
        size = largest(np.abs(row.coef - row.coef[:, :1]))
    else:
        size = largest(np.abs(weighted_sum(guardrail.denominator, means, shape)))
    spreads = np.maximum(np.bincount(at, weights=size, minlength=count), 1e-300)
    return Row(row.name, row.coef, float(limits.sum()), float(spreads.sum()), Accounts(at, limits, spreads))


def limits_by_code(
    guardrail: Guardrail,
    means: Means,
    at: NDArray[np.integer],
    count: int,
    coef: NDArray[np.float64],
    status_quo: NDArray[np.floating] | None,
) -> NDArray[np.float64]:
    """(count,) right-hand sides of the rows of codes 0..count - 1, sense folded in. at: (n,), -1 outside.

    coef: (n, k) of the guardrail's row over everybody.
    """
    inside, sign = at >= 0, -1.0 if guardrail.sense == ">=" else 1.0
    limits = np.full(count, guardrail.limit if guardrail.denominator is None or guardrail.hard else 0.0)
    if guardrail.hard:
        if guardrail.denominator is not None:
            none = weighted_sum(guardrail.denominator, means, coef.shape)[:, 0]
            limits *= np.bincount(at[inside], weights=none[inside], minlength=count)
        limits = np.floor(limits + 1e-9)
    limits *= sign
    if guardrail.relative_to == "status_quo":
        if status_quo is None:
            raise GuardrailError(f"{guardrail.name}: relative_to status_quo needs the status-quo probabilities")
        used = np.einsum("nk,nk->n", coef, status_quo.astype(np.float64))
        limits = limits + np.bincount(at[inside], weights=used[inside], minlength=count)
    return np.asarray(limits, dtype=np.float64)


def find(guardrails: Sequence[Guardrail], name: str) -> Guardrail:
    """The guardrail of that name. Raises GuardrailError naming the nearest."""
    for guardrail in guardrails:
        if guardrail.name == name:
            return guardrail
    names = [g.name for g in guardrails]
    raise GuardrailError(f"no guardrail is called {name!r}{did_you_mean(name, names)}")
