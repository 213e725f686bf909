"""Writes docs/rare-losses.md: net revenue by its influence function, and with an allowance for losses not met."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.coverage.page import Measured, table
from experiments.coverage.study import RARE

__all__ = ["COMMAND", "rare_page"]

COMMAND = "python -m experiments.coverage --rare"

_HEAD = f"""# Losses that a log has not met

Written by `{COMMAND}`. Populations, columns and goals are those of [coverage](coverage.md); why there is
such an interval at all: [decision 22](decisions/0022-losses-a-log-has-not-met.md).

Net revenue is carried by losses so rare that a sample may hold none of those that count. `influence` is then too high
and too narrow at once. `rare_losses` takes net revenue down to a tenth of the worst loss that the arms declare, by its
influence function, and for what lies beyond an upper bound that holds whatever those losses are. It is wide because
10,000 users do not tell how often $2,504 are lost; whoever can declare a smaller worst loss gets a narrower interval.
GMV has no losses and keeps to its goal as it is.
"""


def rare_page(measured: Sequence[Measured]) -> str:
    """The whole page."""
    parts = [_HEAD, "## As `evaluate` gives it by default", ""]
    parts += [*table(measured, lambda t: t.interval == "influence", goals=True), "", "## With `rare_losses`", ""]
    parts += [*table(measured, lambda t: t.interval == RARE, goals=True)]
    return "\n".join(parts) + "\n"
