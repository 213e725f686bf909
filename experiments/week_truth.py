"""What the simulator knows of the coming week, worked out once for oracles, guardrails and offline truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import GuardrailError, did_you_mean
from rage_env.guardrails import Guardrail, Row, account_row, between_rows, lagged_total, linear_row
from rage_env.interface import Observation
from rage_env.outcomes import value
from rage_env.truth import Truth

__all__ = ["Judged", "WeekTruth", "expected", "judged_by", "rows_of", "week_truth"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """One row of a guardrail and whom it sums over."""

    row: Row
    members: NDArray[np.bool_] | None  # (n,); None: everybody
    lagged: float | None = None  # last week's denominator, where the guardrail divides by that


@dataclass(frozen=True, eq=False)
class WeekTruth:
    """Conditional means of one week. rows: for each guardrail its linear rows, one for each segment it speaks of."""

    observation: Observation
    means: Mapping[str, Floats]  # {column: (n, k)}, `present` included
    value: Floats  # (n, k)
    rows: tuple[tuple[Judged, ...], ...]  # by guardrail

    @property
    def flat(self) -> list[Row]:
        """Rows of all guardrails, in order."""
        return [judged.row for rows in self.rows for judged in rows]

    def step_value(self, probs: NDArray[np.floating]) -> float:
        """Expected value of the week under probs (n, k), summed over users."""
        return expected(self.value, probs)


def week_truth(
    truth: Truth, observation: Observation, guardrails: Sequence[Guardrail], retention_value_usd: float
) -> WeekTruth:
    """The truth of the week that `observation` opens."""
    return judged_by(truth.mean_outcomes(), observation, guardrails, retention_value_usd)


def judged_by(
    outcomes: Mapping[str, Floats],
    observation: Observation,
    guardrails: Sequence[Guardrail],
    retention_value_usd: float,
) -> WeekTruth:
    """The same from conditional means already at hand. outcomes: {ledger column: (n, k)}."""
    means = dict(outcomes)
    worth = np.asarray(value(means, retention_value_usd), np.float64)
    present = observation.present.astype(np.float64)
    means["present"] = np.broadcast_to(present[:, None], worth.shape)
    rows = tuple(rows_of(g, means, observation, i) for i, g in enumerate(guardrails))
    return WeekTruth(observation, means, worth, rows)


def rows_of(
    guardrail: Guardrail, means: Mapping[str, Floats], observation: Observation, at: int | None = None
) -> tuple[Judged, ...]:
    """Linear rows of one guardrail this week: for the cohort, each code of a segment, or all accounts.

    means: {column: (n, k)}. at: the guardrail's place among the observation's sums. Raises GuardrailError for what no
    run judges yet.
    """
    _refuse_unjudged(guardrail)
    if guardrail.between is not None:
        return tuple(Judged(row, None) for row in between_rows(guardrail, means, _codes(guardrail, observation)))
    if guardrail.scope.kind == "account":
        return (Judged(account_row(guardrail, means, observation.unit, status_quo=observation.status_quo), None),)
    lag = lagged_total(guardrail, means, observation.denominator_last_week, at)
    return tuple(
        Judged(
            linear_row(guardrail, means, status_quo=observation.status_quo, members=members, denominator_total=lag),
            members,
            lag,
        )
        for members in _members(guardrail, observation)
    )


def expected(amounts: Floats, probs: NDArray[np.floating]) -> float:
    """Sum of amounts x probs, both (n, k)."""
    return float(np.einsum("nk,nk->", amounts, probs))


def _members(guardrail: Guardrail, observation: Observation) -> Iterator[NDArray[np.bool_] | None]:
    if guardrail.scope.column is None:
        yield None
        return
    codes = _codes(guardrail, observation)
    yield from (codes == code for code in np.unique(codes))


def _codes(guardrail: Guardrail, observation: Observation) -> NDArray[np.integer]:
    """(n,) codes of the guardrail's segment column. Raises GuardrailError where the world has none of that name."""
    column = str(guardrail.scope.column)
    if column not in observation.segments:
        known = sorted(observation.segments)
        raise GuardrailError(
            f"{guardrail.name}: the world has no segment column {column!r}{did_you_mean(column, known)} "
            f"Columns: {', '.join(known) or 'none'}."
        )
    return observation.segments[column]


def _refuse_unjudged(guardrail: Guardrail) -> None:
    unjudged = {
        f"a hard limit by {guardrail.scope.kind}": guardrail.hard and guardrail.scope.kind != "cohort",  # see `draw`
        f"an account's {guardrail.horizon}": guardrail.scope.kind == "account" and guardrail.horizon != "week",
        f"a total of {guardrail.limit:g} a {guardrail.horizon}": _is_total_of_a_window(guardrail),
    }
    for what, asked in unjudged.items():
        if asked:
            raise GuardrailError(
                f"{guardrail.name}: {what} cannot be judged in a run yet; state the limit for the cohort or for "
                "segments, week by week or as a rate, on the week's own denominator"
            )


def _is_total_of_a_window(guardrail: Guardrail) -> bool:
    """A plain limit for several weeks together: the week's own row would grant all of it every week."""
    return guardrail.denominator is None and guardrail.horizon != "week" and guardrail.limit != 0
