"""Writes docs/ope_report.md from what the study found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.against_truth.study import Found
from experiments.against_truth.summary import carry_over, estimator_lines, limit_lines, step_truth, tail_lines
from experiments.storage import write_text

__all__ = ["page", "write"]

COMMAND = "rage evaluate --against-truth --all"

ROUNDING_USD = 1e-9
"""What is left of a difference of two equal sums."""

_HEAD = f"""# Estimators against the truth

What every estimator and every certificate said of logs whose truth is known. Written by
`{COMMAND}`, which goes on where it was stopped; no figure is typed by hand.

Five worlds, each logged in three ways: **uniform**, every allowed arm alike; **risk_biased**, one offer, the likelier
(.1 to .9) the more a user seems about to leave; **agent**, the arms of `constrained_thompson` as it learns, over a
small floor. Every seed is a fresh cohort. In question is the effect of the world's offer for everybody who may have it,
against nobody, on value in usd per assigned user-week.

| | |
|---|---|
| step truth | mean over a log's rows of what is expected under the target: it acts one week, in states the log made |
| carry-over gap | path truth less step truth: what acting in all weeks adds. No estimator's error, so it stands apart |
| bias, rmse | against the step truth of the very rows of each log; for estimators of a path, the mean path truth |
| mean z, within 2 SE | the same in the estimator's standard errors, which also count who happened to be in the log |
| coverage | of 95 % intervals, against the mean truth of all cohorts, of a step or a path: a fresh population each |
| regret | step value lost by taking the one of four targets (nobody, everybody, riskier, safer half) valued most |
| evaluable | share of logs in which the estimator's own diagnostics let it speak; figures beside it are of all logs |

`cdf_dr` values no mean but a distribution, and is marked apart, by what every row would have brought under the target
with the luck that was drawn: bias, rmse and z against that of the log's own rows, coverage against its mean over
cohorts. Where many rows tie, as at a median of zero, the interval is that one value. Biased estimators stand with the
rest: `naive` and `dm` always, the shrunk ones by what they bend. A share near 95 % is known to 1.5 points from 200
seeds, to 3.4 from 40, to 6.9 from 10.
"""


def page(found: Sequence[Found]) -> str:
    """The whole page."""
    parts = [_HEAD, *_headline(found)]
    for world in dict.fromkeys(f.cell.world for f in found):
        parts += [f"## {world.scenario}", "", f"Offer: `{world.offer}`, {world.weeks} week(s).", ""]
        for one in (f for f in found if f.cell.world == world):
            parts += [*_estimators(one), "", *_tails(one), "", *_limits(one), ""]
    return "\n".join(parts).rstrip() + "\n"


def write(path: Path, found: Sequence[Found]) -> None:
    """Write the page whole or not at all."""
    write_text(path, page(found))


def _headline(found: Sequence[Found]) -> Iterator[str]:
    yield "## At a glance\n"
    yield "`naive` and `dr` side by side; wrong sign is the share of logs in which the answer points the other way.\n"
    yield (
        "| world | log | users x weeks | seeds | step truth | carry-over gap | naive: bias | wrong sign | dr: bias | "
        "wrong sign | mean z | within 2 SE | coverage |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for one in found:
        lines = {line.estimator: line for line in estimator_lines(one)}
        naive, dr = lines["naive"], lines["dr"]
        cell, (truth, _), (gap, error) = one.cell, step_truth(one), carry_over(one)
        yield (
            f"| {cell.world.scenario} | {cell.logging} | {cell.users:,} x {cell.world.weeks} | {dr.seeds} | "
            f"{_usd(truth)} | {_usd(gap)} +- {_usd(error)} | {_usd(naive.bias)} | {naive.wrong_sign:.0%} | "
            f"{_usd(dr.bias)} | {dr.wrong_sign:.0%} | {dr.mean_z:.2f} | {dr.within_2se:.1%} | {dr.coverage:.1%} |"
        )
    yield ""


def _estimators(found: Found) -> Iterator[str]:
    cell, (truth, error), (gap, gap_error) = found.cell, step_truth(found), carry_over(found)
    yield f"### {cell.world.scenario}, {cell.logging} log"
    yield ""
    yield (
        f"{cell.users:,} slots, {found.answers['seed'].nunique()} seeds. Step truth {_usd(truth)} +- {_usd(error)}; "
        f"carry-over gap {_usd(gap)} +- {_usd(gap_error)}."
    )
    yield ""
    yield (
        "| estimator | of a | seeds | evaluable | ESS | bias | rmse | mean z | within 2 SE | coverage | wrong sign | "
        "regret |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for line in estimator_lines(found):
        yield (
            f"| `{line.estimator}` | {line.estimand} | {line.seeds} | {line.evaluable:.0%} | {line.ess:,.0f} | "
            f"{_usd(line.bias)} +- {_usd(line.bias_stderr)} | {_usd(line.rmse)} | {line.mean_z:.2f} | "
            f"{line.within_2se:.1%} | {line.coverage:.1%} | {line.wrong_sign:.0%} | {_usd(line.regret)} |"
        )


def _tails(found: Found) -> Iterator[str]:
    yield "`cdf_dr`, value of a user-week under a target:"
    yield ""
    yield "| target | what | seeds | with interval | truth | bias | rmse | mean z | within 2 SE | coverage |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for line in tail_lines(found):
        spread = "- | -" if math.isnan(line.mean_z) else f"{line.mean_z:.2f} | {line.within_2se:.1%}"
        marks = f"{spread} | {line.coverage:.1%}" if line.answered else "- | - | -"
        yield (
            f"| {line.target} | {line.question} | {line.seeds} | {line.answered:.0%} | {_usd(line.truth)} | "
            f"{_usd(line.bias)} +- {_usd(line.bias_stderr)} | {_usd(line.rmse)} | {marks} |"
        )


def _limits(found: Found) -> Iterator[str]:
    yield "Certificates at alpha .05, per target; an error is a broken limit certified (type I) or a kept one not (II)."
    yield ""
    yield "| target | limit | true rate | kept | certified | refused | error | delta method's error |"
    yield "|---|---|--:|---|--:|--:|--:|--:|"
    for line in limit_lines(found):
        kind = "II" if line.kept else "I"
        error, rival = (1 - share if line.kept else share for share in (line.certified, line.by_delta))
        yield (
            f"| {line.target} | {line.metric} <= {line.limit:g} | {line.truth:.3g} | "
            f"{'yes' if line.kept else '**no**'} | {line.certified:.0%} | "
            f"{line.refused:.0%} | {kind}: {error:.1%} | {kind}: {rival:.1%} |"
        )


def _usd(value: float) -> str:
    if abs(value) < ROUNDING_USD:
        return "0"
    return "-" if math.isnan(value) else f"{value:.3g}"
