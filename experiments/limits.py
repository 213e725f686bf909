"""The limits that `rage evaluate` is asked to certify, and the bounds it is told for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from experiments.certificates import Certificate, Claim, certify
from experiments.log_source import LogSource
from experiments.ratio_metrics import spelt
from rage_env import scenario as scenarios
from rage_env.errors import ConfigError
from rage_env.guardrails import find
from rage_env.outcomes import LOSSES

__all__ = ["CertificateRow", "Limits"]


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
        floor = self._floor(source)
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

    def _floor(self, source: LogSource) -> float:
        if self.floor is not None:
            return self.floor
        if source.least_propensity is not None:
            return source.least_propensity
        raise ConfigError("--floor: the log does not say its least propensity; declare the one it was designed with")

    def _most(self, source: LogSource, columns: tuple[str, ...]) -> float:
        if self.max_loss is not None:
            return self.max_loss
        if source.scenario and set(columns) <= {"loss", *LOSSES}:
            return max(arm.max_loss_usd for arm in scenarios.load(source.scenario).specs)
        raise ConfigError(
            f"--max-loss: the most that {' + '.join(columns)} can be in a row is not known; declare the bound that is "
            "enforced, not the largest value seen"
        )
