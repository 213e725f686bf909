"""Writes docs/safe_exploration.md and its figure from finished runs of safe_from_week_one and safe_rivals.

    python -m experiments.safe_page docs/safe_exploration.md [--out results] [--folders FOLDER ...] [--gap FILE]

Without --folders both studies are run under --out, or taken from there; the first one also at full delays, and with
the oracle solved in every week, on fewer seeds. With --folders only the runs that these results folders hold are shown;
several folders of one study are put together, and a run that stands in two of them is taken from the first.
--gap: what `python -m experiments.safe_gap --csv FILE` wrote, instead of measuring it again.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.report.safety import safety
from experiments.safe_page_text import GAP, INTRODUCTION, METHOD, READING
from experiments.safe_runs import run_all, weekly_of
from experiments.safe_share import MOST_SEEDS, SafeShare, by_week, safe_share, seeds_violated, share_of_weeks

__all__ = ["agents_table", "gap_table", "main", "page", "weeks_table"]

EARLY, LATE = range(8, 12), range(22, 26)
"""Weeks 9 to 12 and 23 to 26, counted from 0."""
SAFE = "safe_exploration"
ASKED_SEEDS = 100


def page(scaled: pd.DataFrame, full: pd.DataFrame, gap: pd.DataFrame, figure: str) -> str:
    """The whole page. scaled, full: weekly rows of all agents and seeds, delays cut at six weeks and in full.

    gap: what safe_gap found of the rest.
    """
    parts = [INTRODUCTION, *_told(scaled), "", f"![violations and share of the oracle by week]({figure})", ""]
    parts += [READING, *agents_table(scaled), "", "## Week by week", "", *weeks_table(_of(scaled, SAFE)), ""]
    if len(full):
        parts += [
            "## At full delays",
            "",
            "Reports take up to 18 weeks. No target was set.",
            "",
            *agents_table(full),
            "",
        ]
    return "\n".join([*parts, GAP, *gap_table(gap), "", METHOD])


def gap_table(gap: pd.DataFrame) -> Iterator[str]:
    """One line a week: shares of the oracle's gain under plans that are half the oracle's, and how beliefs stand."""
    yield "| week | agent | its values, oracle's rows | oracle's values, its rows | loss left alone | lent | GMV |"
    yield "|--:|--:|--:|--:|--:|--:|--:|"
    for row in gap.to_dict("records"):
        shares = " | ".join(f"{row[c]:.0%}" for c in ("agent", "its_values", "its_rows"))
        ratios = " | ".join(f"{row[c]:.2f}" for c in ("base_loss", "lent_loss", "gmv"))
        yield f"| {int(row['week']) + 1} | {shares} | {ratios} |"


def _told(weekly: pd.DataFrame) -> Iterator[str]:
    """The result in a sentence, against what was aimed at."""
    mine = _of(weekly, SAFE)
    seeds, broken = mine["seed"].nunique(), seeds_violated(mine)
    early, late = _often(mine, EARLY), _often(mine, LATE)
    kept = "kept" if broken <= MOST_SEEDS * seeds else "missed"
    text = (
        f"Aimed at: a true violation in at most 5 of 100 seeds. Measured: {broken} of {seeds} ({kept}; by the binomial "
        f"law at most {_at_most(broken, seeds):.0%} of all seeds there could be, with 95 % confidence). "
        f"Aimed at: 60 % of `oracle_observable`'s gain in weeks 9 to 12, and 80 % in weeks 23 to 26. Measured: "
        f"{_interval(share_of_weeks(early, EARLY))} and {_interval(share_of_weeks(late, LATE))}, bootstrap over seeds, "
        f"from the weeks of these spans in which the oracle was solved ({_sampled(early, EARLY)}; "
        f"{_sampled(late, LATE)})."
    )
    if early["seed"].nunique() < seeds:
        one, other = (_sampled(mine[~mine["seed"].isin(early["seed"])], span) for span in (EARLY, LATE))
        text += (
            f" It was solved in all of them in {early['seed'].nunique()} seeds, for time. Over all {seeds} seeds: "
            f"{_interval(share_of_weeks(mine, _weeks(one)))} in {one} and "
            f"{_interval(share_of_weeks(mine, _weeks(other)))} in {other}."
        )
    if seeds < ASKED_SEEDS:
        text += f" The study asks for {ASKED_SEEDS} seeds; {seeds} had been run when this page was made."
    yield textwrap.fill(text, 120)


def _at_most(broken: int, seeds: int) -> float:
    """Upper 95 % limit of Clopper and Pearson (1934)."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, broken + 1, seeds - broken)) if broken < seeds else 1.0


def agents_table(weekly: pd.DataFrame) -> Iterator[str]:
    """One line an agent, those that break least first."""
    yield "| agent | seeds | seeds with any violation | weeks broken | by guardrail | weeks 9-12 | 23-26 | safe share |"
    yield "|---|--:|--:|--:|---|--:|--:|--:|"
    lines = [(*_safety(_of(weekly, a)), a) for a in weekly["agent"].unique()]
    for _, _, agent in sorted(lines):
        mine = _of(weekly, agent)
        seeds, broken = mine["seed"].nunique(), seeds_violated(mine)
        yield (
            f"| `{agent}` | {seeds} | {broken} | {_weeks_broken(mine):.1%} | {_by_rail(mine)} | "
            f"{_number(share_of_weeks(_often(mine, EARLY), EARLY).value)} | "
            f"{_number(share_of_weeks(_often(mine, LATE), LATE).value)} | "
            f"{_interval(_safe(mine))} |"
        )


def weeks_table(weekly: pd.DataFrame) -> Iterator[str]:
    """One line a week of one agent."""
    seeds = weekly["seed"].nunique()
    yield "| week | seeds with a violation | share of oracle | offers | credit line | least slack of the loss limit |"
    yield "|--:|--:|--:|--:|--:|--:|"
    table = by_week(weekly)
    rest = weekly.groupby("week").agg(
        {"share.no_offer": "mean", "share.credit_line": "mean", "slack_true.loss_rate": "min"}
    )
    for row, (_, more) in zip(table.to_dict("records"), rest.iterrows(), strict=True):
        share = _interval(SafeShare(*(float(row[c]) for c in ("share_of_oracle", "share_lower", "share_upper"))))
        yield (
            f"| {int(row['week']) + 1} | {round(row['any'] * seeds)} of {seeds} | {share} | "
            f"{1 - more['share.no_offer']:.1%} | {more['share.credit_line']:.1%} | "
            f"{1e4 * more['slack_true.loss_rate']:+.1f} bps |"
        )


def _of(weekly: pd.DataFrame, agent: str) -> pd.DataFrame:
    return weekly[weekly["agent"] == agent]


def _rails(weekly: pd.DataFrame) -> list[str]:
    return [c for c in weekly.columns if c.startswith("violated.")]


def _safety(weekly: pd.DataFrame) -> tuple[float, float]:
    return seeds_violated(weekly) / weekly["seed"].nunique(), _weeks_broken(weekly)


def _weeks_broken(weekly: pd.DataFrame) -> float:
    return float(weekly[_rails(weekly)].any(axis=1).mean())


def _by_rail(weekly: pd.DataFrame) -> str:
    found = {c.removeprefix("violated."): float(weekly[c].mean()) for c in _rails(weekly)}
    return ", ".join(f"{name} {share:.0%}" for name, share in found.items() if share > 0) or "none"


def _often(weekly: pd.DataFrame, weeks: Sequence[int]) -> pd.DataFrame:
    """Rows of the seeds in which the oracle was solved in most of these weeks, so that no week counts for more."""
    solved = weekly["step.agent"].notna() & weekly["week"].isin(list(weeks))
    count = solved.groupby(weekly["seed"]).sum()
    return weekly[weekly["seed"].isin(count.index[count == count.max()])]


def _weeks(told: str) -> list[int]:
    """Weeks from 0 of what `_sampled` tells."""
    return [int(w) - 1 for w in told.removeprefix("week ").split(", ")]


def _safe(weekly: pd.DataFrame) -> SafeShare:
    often = _often(weekly, range(26))
    rows = often[often["step.agent"].notna()]
    gains = (rows["step.agent"] - rows["step.no_offer"]).groupby(rows["seed"]).sum()
    best = (rows["step.oracle_observable"] - rows["step.no_offer"]).groupby(rows["seed"]).sum()
    broken = weekly.groupby("seed")[_rails(weekly)].any().any(axis=1)
    return safe_share(gains.to_numpy(np.float64), best.to_numpy(np.float64), broken.to_numpy(np.bool_))


def _sampled(weekly: pd.DataFrame, weeks: Sequence[int]) -> str:
    held = sorted(int(w) + 1 for w in weekly.loc[weekly["step.agent"].notna(), "week"].unique() if w in weeks)
    return f"week {', '.join(map(str, held))}"


def _number(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.0%}"


def _interval(share: SafeShare) -> str:
    reach = "" if np.isnan(share.lower) else f" [{share.lower:.0%}, {share.upper:.0%}]"
    return "" if np.isnan(share.value) else f"{share.value:.0%}{reach}"


def _gap() -> pd.DataFrame:
    from experiments import config as configs
    from experiments.safe_gap import SEEDS, table

    return table(configs.load("safe_from_week_one"), SAFE, SEEDS)


def main(arguments: Sequence[str]) -> int:
    """Run what is missing, and write page and figure."""
    parser = argparse.ArgumentParser(prog="python -m experiments.safe_page")
    parser.add_argument("page", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--folders", type=Path, nargs="+", default=[])
    parser.add_argument("--gap", type=Path)
    asked = parser.parse_args(arguments)
    gap = _gap() if asked.gap is None else pd.read_csv(asked.gap)
    scaled, full = weekly_of(asked.folders or run_all(asked.out))
    figure = asked.page.with_suffix(".svg")
    safety(scaled, figure)
    asked.page.write_text(page(scaled, full, gap, figure.name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
