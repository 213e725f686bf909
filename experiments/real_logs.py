"""Writes docs/real-logs.md: what the estimators say of logs whose owners published the answer.

`python -m experiments.real_logs [docs/real-logs.md]`; needs the data folder (RAGE_DATA).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from experiments import estimators
from experiments.estimators._log import numbers
from experiments.log_source import LogSource, open_source
from experiments.policy_of_log import with_policy_of
from experiments.storage import write_text
from experiments.thinning import ranked, thinned
from experiments.threads import one_thread
from experiments.uplift_report import RankedArm, ranked_arms
from experiments.uplift_value import Money

__all__ = ["bandit", "hillstrom", "main"]

SLOPES, THINNINGS = (0, 1, 2, 4), 20
ASKED = ("naive", "ips", "snips", "dr")
BTS, RANDOM = "open_bandit_men_bts", "open_bandit_men_random"

_HEAD = """# Real logs

Written by `python -m experiments.real_logs` from two public data sets, which are not shipped; `RAGE_DATA` names their
folder. The same figures come from `rage evaluate hillstrom`, `rage evaluate hillstrom --uplift`,
`rage evaluate open_bandit_men_bts --metric click` and
`rage evaluate open_bandit_men_random --metric click --as-in open_bandit_men_bts`.
"""


def hillstrom() -> Iterator[str]:
    """The e-mail trial: effects, biased logs made of it, and who is worth a mail."""
    source = open_source("hillstrom")
    yield "## Hillstrom's e-mail trial\n"
    yield "64,000 customers, three arms by lot: the truth is the difference in means.\n"
    yield "| metric | mail | published effect | `snips` | 95 % interval |"
    yield "|---|---|--:|--:|--:|"
    published = {("visit", 1): ".0766", ("visit", 2): ".0452", ("spend", 1): ".770", ("spend", 2): ".424"}
    for (metric, arm), known in published.items():
        target, none = source.blanket(arm), source.blanket(0)
        line = estimators.evaluate(source.table, target, ["snips"], baseline_probs=none, metric=metric).iloc[0]
        yield f"| {metric} | {source.arms[arm]} | {known} | {line['value']:.4f} | {_span(line)} |"
    yield "\n### Made biased\n"
    yield (
        "The women's mail or none, kept so that the mail went rather to customers unlikely to visit (logistic in the\n"
        f"rank of a predicted visit). Effect on visits in percentage points, mean of {THINNINGS} thinnings; the\n"
        "trial's own is 4.5.\n"
    )
    yield "| slope | rows | naive | published naive | " + " | ".join(f"`{e}`" for e in ASKED[1:]) + " | ESS, `ips` |"
    yield "|--:|--:|--:|--:|" + "--:|" * len(ASKED)
    two, place = ranked(source, 2, "visit")
    for slope, known in zip(SLOPES, ("+4.0", "+1.6", "-.8", "-2.6"), strict=True):
        yield _thinned(two, place, slope, known)
    yield "\n### Who is worth a mail\n"
    yield "Visits, by a ridge model out of fold; a visit taken for $0.50 and a mail for $0.02, for the example.\n"
    yield from _ranked(list(ranked_arms(source, ["visit"], Money(cost=0.02, worth=0.5))))


def _thinned(two: pd.DataFrame, place: np.ndarray, slope: int, known: str) -> str:
    values, ess, rows = [], [], []
    for seed in range(THINNINGS):
        log = thinned(two, place, slope, seed)
        target, none = (np.eye(2)[[a] * len(log)] for a in (1, 0))
        found = estimators.evaluate(log, target, ASKED, baseline_probs=none, metric="visit").set_index("estimator")
        values.append([100 * float(found.loc[e, "value"]) for e in ASKED])
        ess.append(float(found.loc["ips", "ess"]))
        rows.append(len(log))
    mean = np.mean(values, axis=0)
    cells = " | ".join(f"{v:+.1f}" for v in mean[1:])
    return f"| {slope} | {np.mean(rows):,.0f} | {mean[0]:+.1f} | {known} | {cells} | {np.mean(ess):,.0f} |"


def _ranked(rows: list[RankedArm]) -> Iterator[str]:
    yield "| mail | Qini | uplift of the top 30 % | treated by rule | $ per customer by rule | by best share | to all |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        value = row.value
        nets = (value.rule.net, value.best.net, value.at[-1].net)
        money = " | ".join(f"{i.value:.4f} ({i.lower:.4f} to {i.upper:.4f})" for i in nets)
        shown = (row.metrics.qini, row.metrics.uplift_at[0.3])
        cells = " | ".join(f"{i.value:.4f} ({i.lower:.4f} to {i.upper:.4f})" for i in shown)
        yield f"| {row.arm} | {cells} | {value.rule.share:.0%} | {money} |"


def bandit() -> Iterator[str]:
    """Both logs of one campaign, each asked about the policy of the other."""
    bts, random = open_source(BTS), open_source(RANDOM)
    yield "## Open Bandit, campaign men\n"
    yield (
        "Two logs of 10,000 impressions and 34 items: one by Thompson sampling (`bts`), one even at random. Each is\n"
        "asked what the other's policy clicks, and the other log knows. Of `bts`, which learned while it was logged,\n"
        "the shares of items by position are valued. z: difference in its standard errors.\n"
    )
    yield (
        "| log | policy | estimator | click rate | 95 % interval | the other log's own | z | ESS | largest weight | "
        "verdict |"
    )
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|---|"
    even = bts.policies()["uniform"]
    yield from _asked(bts, even, "uniform", random)
    as_bts = with_policy_of(random, bts)
    yield from _asked(as_bts, as_bts.others[f"as in {BTS}"], "as in bts", bts)


def _asked(source: LogSource, target: np.ndarray, name: str, other: LogSource) -> Iterator[str]:
    clicks = numbers(other.table, "click").astype(np.float64)
    own, error = float(clicks.mean()), float(clicks.std(ddof=1)) / len(clicks) ** 0.5
    found = estimators.evaluate(source.table, target, ["ips", "snips", "dr"], metric="click")
    for line in found.to_dict("records"):
        z = (line["value"] - own) / float(np.hypot(line["stderr"], error))
        verdict = "evaluable" if line["evaluable"] else "not evaluable"
        told = f"{verdict}; {line['reason']}" if line["reason"] else verdict
        yield (
            f"| {source.name.rsplit('_', 1)[1]} | {name} | `{line['estimator']}` | {line['value']:.4f} | "
            f"{_span(line)} | {own:.4f} | {z:+.1f} | {line['ess']:,.0f} | {line['max_weight']:.0f} | {told} |"
        )


def _span(line: object) -> str:
    return f"{line['lower']:.4f} to {line['upper']:.4f}"  # type: ignore[index]  # a row of a frame


def main(arguments: list[str]) -> int:
    """Writes the page."""
    out = Path(arguments[0]) if arguments else Path("docs/real-logs.md")
    write_text(out, "\n".join([_HEAD, *bandit(), "", *hillstrom()]) + "\n")
    return 0


if __name__ == "__main__":
    one_thread()
    sys.exit(main(sys.argv[1:]))
