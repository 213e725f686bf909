"""Guardrails and believed outcomes as rows of the week's program, and their refusal in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.allocation.refusal import require_kept
from agents.allocation.rows import Linear
from rage_env.errors import GuardrailError, did_you_mean
from rage_env.guardrails import Guardrail, between_rows, lagged_total, largest, limits_by_code, linear_row, weighted_sum
from rage_env.interface import NO_OFFER, Observation

__all__ = ["guardrail_rows", "require_kept"]

Means = Mapping[str, NDArray[np.floating]]
_FIRST = 256  # rows looked at before all are


def guardrail_rows(
    guardrails: Sequence[Guardrail],
    means: Means,
    observation: Observation,
    *,
    known: Sequence[Guardrail] | None = None,
    spare_no_offer: bool = False,
) -> list[Linear]:
    """One Linear for each guardrail, two for each fairness bound.

    means: `{column: (n, k)}` expected outcomes of the week; `present` is taken from the observation. known: the
    problem's guardrails in order, when `guardrails` are only some of them, so that sums to date find their
    guardrail. spare_no_offer: a limit that leaving everybody alone
    exceeds is lifted to what that uses, as the definition of a true violation does. Raises GuardrailError for
    guardrails that cannot be written as rows.
    """
    shape = (observation.n, observation.k)
    wrong = [c for c, mean in means.items() if np.shape(mean) != shape]
    if wrong:
        raise GuardrailError(f"{wrong[0]}: expected outcomes have shape {np.shape(means[wrong[0]])}, not {shape}.")
    full = {**means, "present": np.broadcast_to(observation.present[:, None].astype(np.float64), shape)}
    rows: list[Linear] = []
    for guardrail in guardrails:
        _refuse_empty_denominator(guardrail, full, shape)
        everyone = guardrails if known is None else known
        left = _used_to_date(guardrail, everyone, observation)
        at = next((i for i, one in enumerate(everyone) if one.name == guardrail.name), None)
        lag = lagged_total(guardrail, full, observation.denominator_last_week, at)
        if guardrail.between is not None:
            rows += _fairness(guardrail, full, observation)
        elif guardrail.scope.kind == "cohort":
            rows += _cohort(guardrail, full, observation, left, lag)
        else:
            rows.append(_segments(guardrail, full, observation, left, lag))
    return [_spared(row) for row in rows] if spare_no_offer else rows


def _used_to_date(guardrail: Guardrail, known: Sequence[Guardrail], observation: Observation) -> float:
    """What the window's earlier weeks have used of the right-hand side; 0 for weekly guardrails."""
    if guardrail.horizon == "week":
        return 0.0
    names = [g.name for g in known]
    if guardrail.name not in names or len(names) != len(observation.numerator_to_date):
        raise GuardrailError(
            f"{guardrail.name}: its sums to date cannot be found among {len(observation.numerator_to_date)} when "
            f"{len(names)} guardrails are known. Pass the problem's guardrails as `known`."
        )
    at = names.index(guardrail.name)
    used = float(observation.numerator_to_date[at])
    if guardrail.denominator is not None:
        used -= guardrail.limit * float(observation.denominator_to_date[at])
    return used


def _refuse_empty_denominator(guardrail: Guardrail, means: Means, shape: tuple[int, int]) -> None:
    """A rate of something over nothing is no rate; nothing over nothing, when everybody has left, breaks no limit."""
    if guardrail.denominator is None or _brings_any(guardrail.denominator, means, shape):
        return
    used = weighted_sum(guardrail.numerator, means, shape)
    if used.any():
        user, arm = (int(i) for i in np.argwhere(used != 0)[0])
        raise GuardrailError(
            f"{guardrail.name}: its denominator {' + '.join(guardrail.denominator)} is expected to be 0 for every user "
            f"under every arm, while its numerator is {used[user, arm]:.6g} for user {user} under arm {arm}. Check the "
            "beliefs, or state a plain limit."
        )


def _brings_any(weights: Mapping[str, float], means: Means, shape: tuple[int, int]) -> bool:
    """Whether the weighted sum differs from 0 anywhere: most often among the first, so that few have to be summed."""
    first = {c: np.asarray(mean)[:_FIRST] for c, mean in means.items()}
    if weighted_sum(weights, first, (min(_FIRST, shape[0]), shape[1])).any():
        return True
    return bool(weighted_sum(weights, means, shape).any())


def _cohort(
    guardrail: Guardrail, means: Means, observation: Observation, used: float, lag: float | None
) -> list[Linear]:
    row = linear_row(guardrail, means, status_quo=observation.status_quo, denominator_total=lag)
    room = _minimum_room(guardrail, means, lag)
    if room is None:
        return []
    sign = -1.0 if guardrail.sense == ">=" else 1.0
    return [Linear(guardrail.name, row.coef, row.limit - sign * used + room)]


def _minimum_room(guardrail: Guardrail, means: Means, lag: float | None) -> float | None:
    """Room gained because counts below `min_count` break nothing; None when no choice can reach that count.

    `num - c * den <= min_count - c * max den` implies `num <= min_count`, so the larger of this and 0 is safe.
    """
    if guardrail.min_count == 0 or guardrail.denominator is None or guardrail.sense == ">=":
        return 0.0
    shape = np.shape(next(iter(means.values())))
    most = float(largest(weighted_sum(guardrail.numerator, means, shape)).sum())
    if most <= guardrail.min_count:
        return None
    den = float(largest(weighted_sum(guardrail.denominator, means, shape)).sum()) if lag is None else lag
    return max(0.0, guardrail.min_count - guardrail.limit * den)


def _segments(guardrail: Guardrail, means: Means, observation: Observation, used: float, lag: float | None) -> Linear:
    """One limit for each segment or account; sums to date and lagged sums exist for the cohort only."""
    if used or lag is not None:
        raise GuardrailError(
            f"{guardrail.name}: sums to date are not kept by {guardrail.scope.kind}. Use horizon 'week' and no lag."
        )
    codes = _codes(guardrail, observation)
    values, at = np.unique(codes[codes >= 0], return_inverse=True)
    if np.issubdtype(codes.dtype, np.integer) and len(values) and values[-1] >= 4 * len(codes):
        compact = np.full(len(codes), -1)
        compact[codes >= 0] = at
        codes, values = compact, np.arange(len(values))
    coef = linear_row(guardrail, means, status_quo=observation.status_quo).coef
    count = int(values.max(initial=-1)) + 1
    limit = limits_by_code(guardrail, means, codes, count, coef, observation.status_quo)
    return Linear(guardrail.name, coef, limit, segment=codes)


def _codes(guardrail: Guardrail, observation: Observation) -> NDArray[np.int64]:
    """(n,) segment code of each user, -1 outside every segment."""
    if guardrail.scope.kind == "account":
        return np.asarray(observation.unit, dtype=np.int64)
    column = str(guardrail.scope.column)
    if column not in observation.segments:
        raise GuardrailError(
            f"{guardrail.name}: no segment column is called {column!r}{did_you_mean(column, observation.segments)} "
            f"Known: {', '.join(sorted(observation.segments)) or 'none'}."
        )
    return np.asarray(observation.segments[column], dtype=np.int64)


def _fairness(guardrail: Guardrail, means: Means, observation: Observation) -> list[Linear]:
    """A fairness bound's two rows."""
    rows = between_rows(guardrail, means, _codes(guardrail, observation))
    return [Linear(row.name, row.coef, row.limit) for row in rows]


def _spared(row: Linear) -> Linear:
    """The row with limits that leaving everybody alone keeps."""
    none = np.asarray(row.coef, dtype=np.float64)[:, NO_OFFER]
    if row.segment is None:
        return Linear(row.name, row.coef, max(float(row.limit), float(none.sum())))
    inside = row.segment >= 0
    limit = np.asarray(row.limit, dtype=np.float64)
    used = np.asarray(np.bincount(row.segment[inside], weights=none[inside], minlength=len(limit)), dtype=np.float64)
    return Linear(row.name, row.coef, np.maximum(limit, used), segment=row.segment)
