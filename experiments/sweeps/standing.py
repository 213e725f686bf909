"""How a sweep stands, finished or not: agents of all cells over the seeds that are there, and paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments import storage
from experiments.metrics import across_seeds
from experiments.paired_seeds import differences
from experiments.results import Results
from experiments.summary import check_summary
from experiments.sweeps.folder import Placed
from experiments.sweeps.schema import METRICS, Sweep
from rage_env.errors import ConfigError, RageError, did_you_mean

__all__ = ["Standing", "reference", "standing", "write_tables"]

Seeds = dict[int, float]  # {seed: figure}


@dataclass(frozen=True, eq=False)
class Standing:
    """leaderboard: one row a treatment and agent; comparisons: one a contender; unread: cells whose files are damaged.

    best: the first of the leaderboard in words, empty before anybody is there.
    """

    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    unread: tuple[str, ...]
    best: str = ""


@dataclass(frozen=True)
class _Contender:
    """One agent under one treatment: its summaries by seed. wanted: seeds there will be."""

    treatment: str
    agent: str
    wanted: int
    runs: Mapping[int, Mapping[str, object]]
    is_baseline: bool

    @property
    def name(self) -> str:
        return f"{self.treatment}/{self.agent}"

    def figure(self, metric: str) -> Seeds:
        return {seed: _figure(run, metric) for seed, run in self.runs.items()}


def standing(sweep: Sweep, cells: Sequence[Placed]) -> Standing:
    """What the finished runs say. Raises ConfigError for a reference (`compare.against`) that no cell has."""
    unread: list[str] = []
    contenders = list(_contenders(cells, unread))
    metric, sign = sweep.compare.metric, METRICS[sweep.compare.metric]
    base = reference(sweep, cells)
    board = pd.DataFrame([dict(_row(c, metric)) for c in contenders if c.runs])
    if len(board):
        board = board.sort_values(metric, ascending=sign < 0, kind="stable", ignore_index=True)
    rivals = [c for c in contenders if not c.is_baseline and c.name != base]
    against = next((c for c in contenders if c.name == base), None)
    compared = pd.DataFrame(_compared(rivals, against, sweep)) if against is not None else pd.DataFrame()
    agents = {c.name for c in contenders if not c.is_baseline}
    return Standing(board, compared, tuple(unread), _best(board, metric, agents))


def write_tables(path: Path, found: Standing) -> Standing:
    """Write leaderboard.csv and comparisons.csv; returns what was given."""
    for name, table in (("leaderboard", found.leaderboard), ("comparisons", found.comparisons)):
        storage.write_text(path / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    return found


def _contenders(cells: Sequence[Placed], unread: list[str]) -> Iterator[_Contender]:
    """Agents by treatment, in the order of the cells; cells that differ in seeds alone are joined."""
    found: dict[tuple[str, str], dict[int, Mapping[str, object]]] = {}
    wanted: dict[tuple[str, str], int] = {}
    baselines = {(c.cell.treatment, _baseline(c)) for c in cells}
    for placed in cells:
        for agent in placed.cell.config.groups:
            key = (placed.cell.treatment, agent)
            wanted[key] = wanted.get(key, 0) + len(placed.cell.config.seeds)
            found.setdefault(key, {})
        try:
            for (agent, seed), summary in _summaries(placed):
                found[placed.cell.treatment, agent][seed] = summary
        except RageError as error:
            unread.append(f"{placed.cell.name}: {error}")
    for (treatment, agent), runs in found.items():
        yield _Contender(treatment, agent, wanted[treatment, agent], runs, (treatment, agent) in baselines)


def _summaries(placed: Placed) -> Iterator[tuple[tuple[str, int], Mapping[str, object]]]:
    if not (placed.path / "study.json").is_file():
        return
    results = Results.open(placed.path)
    for agent, seed in results.runs():
        if results.is_done(agent, seed):
            summary = results.summary(agent, seed)
            check_summary(summary, results.run_folder(agent, seed) / "summary.json")
            yield (agent, seed), summary


def _baseline(placed: Placed) -> str:
    config = placed.cell.config
    return config.groups[0] if config.mode == "ab" else next(a.label for a in config.agents if a.kind == "no_offer")


def reference(sweep: Sweep, cells: Sequence[Placed]) -> str:
    """`cell/agent` that the others are compared with. Raises ConfigError for one that no cell has."""
    names = [f"{c.cell.treatment}/{agent}" for c in cells for agent in c.cell.config.groups if agent != _baseline(c)]
    asked = sweep.compare.against
    if not asked:
        return names[0] if names else ""
    fit = [name for name in dict.fromkeys(names) if asked in (name, name.rpartition("/")[2])]
    if not fit:
        raise ConfigError(
            f"compare.against: no cell has {asked!r}{did_you_mean(asked, names)} "
            f"Known: {', '.join(dict.fromkeys(names))}."
        )
    return fit[0]


def _row(contender: _Contender, metric: str) -> Iterator[tuple[str, object]]:
    seeds = contender.figure(metric)
    low, high = across_seeds([*seeds.values()])
    yield "cell", contender.treatment
    yield "agent", contender.agent
    yield "seeds", f"{len(seeds)} of {contender.wanted}"
    yield metric, float(np.mean([*seeds.values()]))
    yield "lower", low
    yield "upper", high
    if metric != "weeks_violated":
        yield "weeks_violated", float(np.mean([*contender.figure("weeks_violated").values()]))


def _compared(rivals: Sequence[_Contender], against: _Contender, sweep: Sweep) -> Iterator[dict[str, object]]:
    metric, level = sweep.compare.metric, sweep.compare.level
    base = against.figure(metric)
    pairs = []
    for rival in rivals:
        mine = rival.figure(metric)
        pairs.append(np.array([mine[s] - base[s] for s in sorted(mine.keys() & base.keys())], np.float64))
    for rival, found in zip(rivals, differences(pairs, level), strict=True):
        yield {
            "contender": rival.name,
            "against": against.name,
            "seeds": found.seeds,
            "difference": found.mean,
            "lower": found.lower,
            "upper": found.upper,
            "p": found.p,
            "p_holm": found.p_holm,
            "verdict": found.verdict(level, METRICS[metric]),
        }


def _best(board: pd.DataFrame, metric: str, agents: set[str]) -> str:
    """The first of these agents in words; doing nothing is no answer."""
    rows = [row for _, row in board.iterrows() if f"{row['cell']}/{row['agent']}" in agents]
    if not rows:
        return ""
    first = rows[0]
    return f"{first['cell']}/{first['agent']} ({metric} {first[metric]:.4g}, {first['seeds']} seeds)"


def _figure(run: Mapping[str, object], metric: str) -> float:
    """Of a run's summary; means have a value and a standard error, and null stands for what is no number."""
    held = run[metric]
    value = held["value"] if isinstance(held, Mapping) else held
    return math.nan if value is None else float(str(value))
