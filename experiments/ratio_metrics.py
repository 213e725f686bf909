"""Ratio metrics by name: what a firm watches beside value, each a ratio of two totals with the ratio's own interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.estimators._log import columns_of
from rage_env.outcomes import COLUMNS

__all__ = ["RATIOS", "loggable", "spelt"]

RATIOS = {
    "nrpau": "net_revenue/active",
    "loss_rate": "loss/gmv",
    "chargeback_rate": "chargebacks/transactions",
    "abuse_rate": "abuse/present",
}
"""{name: num/den}. nRPAU is shown beside value and never ranks: waking low spenders raises revenue and lowers it."""

_DERIVED = ("net_revenue", "loss", "assigned", "present")


def spelt(metric: str) -> str:
    """The metric as columns: a name of RATIOS written out, anything else as it is."""
    return RATIOS.get(metric.strip(), metric)


def loggable(columns: Sequence[str]) -> Iterator[str]:
    """Names whose numerator and denominator a log with these columns can give."""
    known = {*columns, *(_DERIVED if set(COLUMNS) <= set(columns) else ())}
    for name, metric in RATIOS.items():
        if set(columns_of(metric)) <= known:
            yield name
