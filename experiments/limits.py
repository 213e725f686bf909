"""The limits that `rage evaluate` is asked to certify, and the bounds it is told for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from experiments.certificates import Certificate, Claim, certify
from experiments.log_source import LogSource
from experiments.ratio_metrics import spelt
from rage_env import scenario as scenarios
from rage_env.errors import ConfigError
from rage_env.guardrails import find
from rage_env.outcomes import LOSSES

if TYPE_CHECKING:
    from experiments.intervals.rare_losses import Declared

__all__ = ["RARE_LOSSES", "Bounds", "CertificateRow", "Limits"]

RARE_LOSSES = "rare_losses"


@dataclass(frozen=True)
class CertificateRow:
    """Whether one policy is proven to keep the limit."""

    policy: str
    certificate: Certificate


@dataclass(frozen=True)
class Limits:
    """A limit on a metric, or a guardrail of the log's world by name; what is None is taken from log or world."""

    metric: str | None
    limit: float | None
    guardrail: str | None
    max_loss: float | None
    floor: float | None
    margin: float | None

    @classmethod
    def of(
        cls,
        metric: str | None,
        limit: float | None,
        guardrail: str | None,
        max_loss: float | None = None,
        floor: float | None = None,
        margin: float | None = None,
    ) -> Self | None:
        """From options; None where nothing is to be certified. Raises ConfigError."""
        if limit is None and guardrail is None:
            given = {"--max-loss": max_loss, "--floor": floor, "--margin": margin}
            for option, held in given.items():
                if held is not None:
                    raise ConfigError(f"{option}: belongs to a limit; give --limit with --metric, or --guardrail")
            return None
        if guardrail is not None and limit is not None:
            raise ConfigError("--limit and --guardrail: a guardrail has its own limit; give one of the two")
        if guardrail is None and metric is None:
            raise ConfigError("--limit: of what? Name the rate with --metric, as in --metric loss/gmv")
        return cls(metric, limit, guardrail, max_loss, floor, margin)

    def rows(self, source: LogSource, alpha: float) -> Iterator[CertificateRow]:
        """A certificate for each plain policy. Raises ConfigError for a bound that nobody declared."""
        claim = self.claim(source, alpha)
        for policy, probs in source.policies().items():
            yield CertificateRow(policy, certify(source.table, probs, claim, source.clusters))

    def claim(self, source: LogSource, alpha: float) -> Claim:
        """What is to be proven on this log."""
        floor = _floor(self.floor, source)
        if self.guardrail is None:
            assert self.metric is not None
            assert self.limit is not None
            metric = spelt(self.metric)
            most = self._most(source, (metric.split("/")[0].strip(),))
            return Claim.of_metric(metric, self.limit, most, floor, self.margin, alpha)
        if not source.scenario:
            raise ConfigError("--guardrail: the log names no world of ours; give --metric num/den and --limit")
        rule = find(scenarios.load(source.scenario).guardrails, self.guardrail)
        return Claim.of_guardrail(rule, self._most(source, tuple(rule.numerator)), floor, self.margin, alpha)

    def _most(self, source: LogSource, columns: tuple[str, ...]) -> float:
        if self.max_loss is not None:
            return self.max_loss
        if source.scenario and set(columns) <= {"loss", *LOSSES}:
            return max(arm.max_loss_usd for arm in scenarios.load(source.scenario).specs)
        raise ConfigError(
            f"--max-loss: the most that {' + '.join(columns)} can be in a row is not known; declare the bound that is "
            "enforced, not the largest value seen"
        )


@dataclass(frozen=True)
class Bounds:
    """What the interval of rare losses is told: the most a row of the metric can lose, and the least propensity."""

    max_loss: float | None
    floor: float | None

    def declared(self, source: LogSource, metrics: Sequence[str]) -> Declared:
        """For the one metric that is asked about. Raises ConfigError for a bound that nobody declared."""
        from experiments.intervals.rare_losses import Declared

        if len(metrics) != 1 or "/" in metrics[0]:
            raise ConfigError(f"--interval {RARE_LOSSES}: is of one column; name it, as in --metric net_revenue")
        if self.max_loss is None:
            raise ConfigError(
                f"--interval {RARE_LOSSES}: declare the most that {metrics[0]} can lose in a row, as it is enforced, "
                "with --max-loss; no log can show it"
            )
        return Declared(self.max_loss, _floor(self.floor, source))


def _floor(declared: float | None, source: LogSource) -> float:
    if declared is not None:
        return declared
    if source.least_propensity is not None:
        return source.least_propensity
    raise ConfigError("--floor: the log does not say its least propensity; declare the one it was designed with")
