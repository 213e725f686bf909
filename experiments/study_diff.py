"""What changed between two studies, and whether it matters: question, world, code, packages, and results in pairs.

Runs of one agent and seed in both studies share their users and luck. Two questions are asked of them. Of these very
seeds: the difference of each user's value, one user one pair, with a normal interval as on the leaderboard. Of seeds in
general: the difference of each seed's figures, one seed one pair, by t. Each question is a family of its own: p-values
after Holm, intervals that hold for all its rows at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from experiments import provenance
from experiments.compare import changes
from experiments.metrics import Mean, pooled
from experiments.paired_seeds import Difference, differences, holm
from experiments.results import Results
from experiments.summary import check_summary
from rage_env.errors import LogError

__all__ = ["FIGURES", "StudyDiff", "diff"]

LEVEL = 0.05
FIGURES = {"value": 1, "gain": 1, "net_revenue": 1, "weeks_violated": -1}
"""{figure compared over seeds: 1 where more is better, -1 where less is}."""


@dataclass(frozen=True, eq=False)
class StudyDiff:
    """asked: changed settings; world, code, made_with: what else changed; apart: runs that only one study has.

    rows: one an agent and figure; `over` says what was paired, users of these seeds or seeds.
    """

    asked: tuple[str, ...]
    world: tuple[str, ...]
    code: tuple[str, ...]
    made_with: tuple[str, ...]
    apart: tuple[str, ...]
    rows: pd.DataFrame


@dataclass(frozen=True)
class _Pair:
    agent: str
    figure: str
    over: str
    then: float
    now: float


def diff(a: Results, b: Results, margin: float = 0.0) -> StudyDiff:
    """From study a to study b. margin: usd per user-week (or weeks) within which a difference does not matter.

    Raises LogError naming a file that is missing or damaged.
    """
    mine, theirs = (_finished(study) for study in (a, b))
    for study, runs in ((a, mine), (b, theirs)):
        if not runs:
            raise LogError(
                f"{study.path}: holds no finished run, so there is nothing to compare; `rage run {study.study.name}` "
                "goes on where it stopped"
            )
    both = [run for run in mine if run in set(theirs)]
    agents = list(dict.fromkeys(agent for agent, _ in both))
    rows = [*_over_users(a, b, both, agents, margin), *_over_seeds(a, b, both, agents, margin)]
    environment = provenance.differences(a.study.made_with, b.study.made_with)
    return StudyDiff(
        asked=tuple(changes(_named(a.config), _named(b.config))),
        world=tuple(_world(a, b)),
        code=tuple(_code(a, b)),
        made_with=tuple(line for line in environment if not line.startswith("code_hash")),
        apart=tuple(_apart(mine, theirs)),
        rows=pd.DataFrame(rows),
    )


def _finished(study: Results) -> list[tuple[str, int]]:
    return [run for run in study.runs() if study.is_done(*run)]


def _named(config: Mapping[str, object]) -> dict[str, object]:
    """The configuration with its lists of entries by their names, so that a new entry shifts nothing."""
    out = dict(config)
    if isinstance(seeds := out.get("seeds"), list):
        out["seeds"] = ", ".join(map(str, seeds))
    for field in ("agents", "monitors"):
        entries = out.get(field)
        if isinstance(entries, list) and all(isinstance(e, Mapping) for e in entries):
            out[field] = {_label(e): {k: v for k, v in e.items() if k != "name"} for e in entries}
    return out


def _label(entry: Mapping[str, object]) -> str:
    return str(entry.get("name") or ".".join(str(entry[k]) for k in ("kind", "metric") if k in entry))


def _world(a: Results, b: Results) -> Iterator[str]:
    if a.study.scenario_hash != b.study.scenario_hash:
        yield f"numbers of the world: {a.study.scenario} {a.study.scenario_hash[:12]} -> " + (
            f"{b.study.scenario} {b.study.scenario_hash[:12]}"
        )


def _code(a: Results, b: Results) -> Iterator[str]:
    if a.study.code_hash != b.study.code_hash:
        yield f"code: {a.study.code_hash[:12]} -> {b.study.code_hash[:12]}"
    if a.study.commit != b.study.commit:
        yield f"commit: {a.study.commit} -> {b.study.commit}"


def _apart(mine: Sequence[tuple[str, int]], theirs: Sequence[tuple[str, int]]) -> Iterator[str]:
    for which, runs, others in (("first", mine, theirs), ("second", theirs, mine)):
        for agent in dict.fromkeys(agent for agent, _ in runs):
            if only := [str(seed) for name, seed in runs if name == agent and (name, seed) not in set(others)]:
                yield f"{agent}: in the {which} study alone, seeds {', '.join(only[:10])}{' ...' * (len(only) > 10)}"


def _over_users(
    a: Results, b: Results, both: Sequence[tuple[str, int]], agents: Sequence[str], margin: float
) -> Iterator[dict[str, object]]:
    pairs, means = [], []
    for agent in agents:
        seeds = [_users(a, b, agent, seed) for name, seed in both if name == agent]
        then, now, moved = (float(np.mean([s[i].value for s in seeds])) for i in (0, 1, 2))
        pairs.append(_Pair(agent, "value", "users", then, now))
        means.append(Mean(moved, pooled([s[2] for s in seeds]).stderr))
    moving = [i for i, mean in enumerate(means) if mean.stderr > 0]
    p = {i: 2 * NormalDist().cdf(-abs(means[i].value) / means[i].stderr) for i in moving}
    adjusted = dict(zip(moving, holm([p[i] for i in moving]), strict=True))
    z = NormalDist().inv_cdf(1 - LEVEL / (2 * max(1, len(moving))))
    for i, (pair, mean) in enumerate(zip(pairs, means, strict=True)):
        seeds_ = sum(name == pair.agent for name, _ in both)
        reach = z * mean.stderr
        found = Difference(
            seeds_,
            mean.value,
            mean.stderr,
            mean.value - reach,
            mean.value + reach,
            p.get(i, math.nan),
            adjusted.get(i, math.nan),
        )
        yield _row(pair, found, 1, margin)


def _users(a: Results, b: Results, agent: str, seed: int) -> tuple[Mean, Mean, Mean]:
    """Value per user-week of the users that both have: then, now, and the paired difference."""
    tables = [s.run_table(agent, seed, "users")[["user_id", "value"]].assign(weeks=s.study.weeks) for s in (a, b)]
    both = tables[0].merge(tables[1], on="user_id", suffixes=("_then", "_now"))
    then, now = (both[f"value_{x}"].to_numpy(np.float64) / both[f"weeks_{x}"].to_numpy() for x in ("then", "now"))
    then_mean, now_mean, moved = (_mean(x) for x in (then, now, now - then))
    return then_mean, now_mean, moved


def _mean(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Mean:
    n = len(x)
    return Mean(float(x.mean()) if n else math.nan, float(x.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan)


def _over_seeds(
    a: Results, b: Results, both: Sequence[tuple[str, int]], agents: Sequence[str], margin: float
) -> Iterator[dict[str, object]]:
    pairs, moved = [], []
    for agent in agents:
        seeds = [seed for name, seed in both if name == agent]
        held = [[_summary(s, agent, seed) for seed in seeds] for s in (a, b)]
        for figure in FIGURES:
            then, now = (np.array([_figure(run, figure) for run in runs], np.float64) for runs in held)
            pairs.append(_Pair(agent, figure, "seeds", float(then.mean()), float(now.mean())))
            moved.append(now - then)
    for pair, found in zip(pairs, differences(moved, LEVEL), strict=True):
        yield _row(pair, found, FIGURES[pair.figure], margin)


def _summary(study: Results, agent: str, seed: int) -> dict[str, object]:
    summary = study.summary(agent, seed)
    check_summary(summary, study.run_folder(agent, seed) / "summary.json")
    return summary


def _figure(summary: Mapping[str, object], name: str) -> float:
    held = summary[name]
    value = held["value"] if isinstance(held, Mapping) else held
    return math.nan if value is None else float(str(value))


def _row(pair: _Pair, found: Difference, sign: int, margin: float) -> dict[str, object]:
    return {
        **asdict(pair),
        "seeds": found.seeds,
        "difference": found.mean,
        "lower": found.lower,
        "upper": found.upper,
        "p_holm": found.p_holm,
        "verdict": _verdict(found, sign, margin),
    }


def _verdict(found: Difference, sign: int, margin: float) -> str:
    """What the difference means; within the margin on both ends it does not matter, however sure it is."""
    said = found.verdict(LEVEL, sign)
    if said != "same" and margin > 0 and max(abs(found.lower), abs(found.upper)) <= margin:
        return "does not matter"
    return said
