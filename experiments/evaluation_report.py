"""What an evaluation of a log found, as rows, as JSON and as tables for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from experiments import provenance
from experiments.limits import CertificateRow
from experiments.uplift_metrics import UpliftMetrics

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["EvaluationReport", "UpliftRow", "ValueRow"]


@dataclass(frozen=True)
class ValueRow:
    """One estimator's answer on one metric: a policy's value, or its difference to `baseline` where there is one."""

    metric: str
    policy: str
    baseline: str  # "" for a value
    estimator: str
    value: float
    lower: float
    upper: float
    stderr: float
    ess: float
    max_weight: float
    mean_weight: float
    n_users: int
    n_rows: int
    evaluable: bool
    reason: str
    estimand: str = "step"  # one week under the policy; path: all weeks; distribution: see cdf_dr


@dataclass(frozen=True, eq=False)
class UpliftRow:
    """How well the out-of-fold model ranks people by the effect of one arm on one metric."""

    metric: str
    arm: str
    metrics: UpliftMetrics


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """Everything that a log says about its arms. `values`, `effects` and `learned` hold one row per estimator."""

    name: str
    source: str
    rows: int
    units: int
    arms: tuple[str, ...]
    arm_rows: tuple[int, ...]  # how often each arm was taken
    alpha: float
    reward_model: str
    values: tuple[ValueRow, ...]  # of everybody getting one arm, and of other plain policies
    effects: tuple[ValueRow, ...]  # of each arm against the first
    learned: tuple[ValueRow, ...]  # of a policy learned from the log, valued out of fold
    uplift: tuple[UpliftRow, ...]
    ratios: tuple[ValueRow, ...] = ()  # what a firm watches beside value, under every plain policy
    certificates: tuple[CertificateRow, ...] = ()  # for every plain policy, where a limit was asked about
    notes: tuple[str, ...] = ()  # what was dropped, and by which rule late columns were read

    def to_json(self) -> str:
        """The report as JSON text; numbers that do not exist are null."""
        return json.dumps(_plain({**asdict(self), "provenance": provenance.environment()}), indent=2, allow_nan=False)

    def tables(self) -> Iterator[Table]:
        """Tables for rich to print."""
        if self.certificates:
            yield _certificate_table(self.certificates)
        rows = (*self.values, *self.effects, *self.learned, *self.ratios)
        for metric, baseline in dict.fromkeys((row.metric, row.baseline) for row in rows):
            kind = "ratio of totals" if "/" in metric else "mean per row"
            title = f"{metric}: {kind}, change against {baseline}" if baseline else f"{metric}: {kind}"
            yield _value_table(title, [r for r in rows if (r.metric, r.baseline) == (metric, baseline)], self.alpha)
        if self.uplift:
            yield _uplift_table(self.uplift, self.alpha)


def _plain(held: object) -> object:
    if isinstance(held, float):
        return held if math.isfinite(held) else None
    if isinstance(held, dict):
        return {str(k): _plain(v) for k, v in held.items()}
    if isinstance(held, list | tuple):
        return [_plain(v) for v in held]
    return held


def _value_table(title: str, rows: Sequence[ValueRow], alpha: float) -> Table:
    table = _empty(title, ("policy", "estimator"), ("estimate", f"{1 - alpha:.0%} interval", "ESS"))
    table.add_column("note", min_width=13)
    before = ""
    for row in rows:
        heads = [piece.partition(":")[0] for piece in row.reason.split("; ") if piece]
        note = ", ".join(heads if row.evaluable else ["NOT EVALUABLE", *heads])
        shown = "" if row.policy == before else row.policy
        span = f"{row.lower:.4g} to {row.upper:.4g}"
        table.add_row(shown, row.estimator, f"{row.value:.4g}", span, f"{row.ess:,.0f}", note)
        before = row.policy
    unfit = {f"{row.estimator}: {row.reason}": None for row in rows if not row.evaluable}
    table.caption = "\n".join(unfit) or None
    return table


def _certificate_table(rows: Sequence[CertificateRow]) -> Table:
    claim = rows[0].certificate
    title = f"certificate, {claim.claim} at alpha {claim.alpha:g}"
    table = _empty(title, ("policy",), ("usage", f"{1 - claim.alpha:.0%} interval", "users", "needed"))
    table.add_column("answer", no_wrap=True)
    for row in rows:
        found = row.certificate
        needed = "-" if found.users_needed is None else f"{found.users_needed:,}"
        span = f"{found.lower:.3g} to {found.upper:.3g}"
        table.add_row(row.policy, f"{found.usage:.3g}", span, f"{found.users:,}", needed, found.answer)
    told = {f"{row.policy}: {row.certificate.reason}": None for row in rows}
    table.caption = "\n".join(told)
    return table


def _uplift_table(rows: Sequence[UpliftRow], alpha: float) -> Table:
    headings = [f"{what}, {1 - alpha:.0%} interval" for what in ("Qini", "top 30 %")]
    table = _empty("ranking by predicted effect, out of fold", ("metric", "arm"), headings)
    for row in rows:
        shown = (row.metrics.qini, row.metrics.uplift_at[0.3])
        cells = [f"{i.value:.2g} ({i.lower:.2g} to {i.upper:.2g})" for i in shown]
        table.add_row(row.metric, row.arm, *cells)
    return table


def _empty(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in words:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
