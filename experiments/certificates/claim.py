"""What is to be certified of a target policy, and the bounds that make a finite-sample proof possible.

Bounds are declared, never read off the outcomes: a certificate built on the largest loss that happened to be seen would
take the log's luck for a law.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from experiments.estimators._log import CAPPED, columns_of
from rage_env.errors import ConfigError, GuardrailError
from rage_env.guardrails import Guardrail

__all__ = ["Claim"]


@dataclass(frozen=True)
class Claim:
    """Under the target, the mean of `numerator` is at most `limit` times that of `denominator`, per row of the log.

    numerator, denominator: {column: weight}. most: the largest numerator a row can have, enforced by the world or by
    the firm. floor: the least propensity of any arm the target takes, so that no weight exceeds 1 / floor.
    margin: how far below the limit the truth must lie for the log to be asked to tell (in the limit's unit); half the
    limit by default. alpha: how often a target that breaks the limit may be certified. Raises ConfigError.
    """

    numerator: Mapping[str, float]
    denominator: Mapping[str, float]
    limit: float
    most: float
    floor: float
    margin: float | None = None
    alpha: float = 0.05
    name: str = ""

    def __post_init__(self) -> None:
        problems = [
            f"{what}: must be a finite number above 0, got {held!r}"
            for what, held in (("limit", self.limit), ("most", self.most))
            if not (math.isfinite(held) and held > 0)
        ]
        for what, held in (("floor", self.floor), ("alpha", self.alpha)):
            if not 0 < held <= 1 or (what == "alpha" and held == 1):
                problems.append(f"{what}: must lie in (0, 1{']' if what == 'floor' else ')'}, got {held!r}")
        if self.margin is not None and not 0 < self.margin <= self.limit:
            problems.append(f"margin: must lie in (0, limit], got {self.margin!r} with a limit of {self.limit:g}")
        problems += [
            f"numerator: {column} would hide what lies above the cap; certify the loss itself, and declare its bound"
            for column in self.numerator
            if CAPPED.fullmatch(column)
        ]
        if problems:
            raise ConfigError(problems)

    @property
    def heaviest(self) -> float:
        """The largest weight a row can have."""
        return 1 / self.floor

    @property
    def aim(self) -> float:
        """How far below its limit a target has to lie before a certificate is expected of the log."""
        return self.limit / 2 if self.margin is None else self.margin

    @property
    def words(self) -> str:
        """`a + b / c <= limit`."""
        below = _words(self.denominator)
        return f"{_words(self.numerator)}{'' if below == 'assigned' else f' / {below}'} <= {self.limit:g}"

    @classmethod
    def of_metric(
        cls, metric: str, limit: float, most: float, floor: float, margin: float | None = None, alpha: float = 0.05
    ) -> Self:
        """The claim on `num/den`, or on the mean of a column per row."""
        columns = columns_of(metric)
        below = {columns[1]: 1.0} if len(columns) > 1 else {"assigned": 1.0}
        return cls({columns[0]: 1.0}, below, limit, most, floor, margin, alpha, metric)

    @classmethod
    def of_guardrail(
        cls, guardrail: Guardrail, most: float, floor: float, margin: float | None = None, alpha: float = 0.05
    ) -> Self:
        """A world's own guardrail. Raises GuardrailError for one that is no ratio over the whole cohort."""
        other = {
            f"sense {guardrail.sense}": guardrail.sense != "<=",
            f"scope {guardrail.scope.kind}": guardrail.scope.kind != "cohort",
            "relative_to status_quo": guardrail.relative_to is not None,
            "a total instead of a rate": guardrail.denominator is None,
        }
        for what, asked in other.items():
            if asked:
                raise GuardrailError(
                    f"{guardrail.name}: {what} cannot be certified from a log; name the columns of a rate with --metric"
                )
        below = guardrail.denominator or {}
        return cls(guardrail.numerator, below, guardrail.limit, most, floor, margin, alpha, guardrail.name)


def _words(weights: Mapping[str, float]) -> str:
    return " + ".join(c if w == 1 else f"{w:g} {c}" for c, w in weights.items())
