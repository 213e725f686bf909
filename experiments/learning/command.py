"""Answers `rage learn`, and `rage evaluate --policy`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments import console
from experiments.answers import show_answers
from experiments.learning.learn import METHODS, Learned, Limit, learn, scored
from experiments.learning.policy import LearnedPolicy
from experiments.log_source import LogSource
from experiments.named import naming
from rage_env.errors import InputError

__all__ = ["learn_command", "limit_of", "score_command"]


def limit_of(text: str) -> Limit:
    """`COLUMN<=NUMBER`. Raises InputError."""
    column, sign, most = (part.strip() for part in text.partition("<="))
    try:
        found = Limit(column, float(most))
    except ValueError:
        sign = ""
    if not (sign and column):
        raise InputError(f"--keep {text!r}: write COLUMN<=NUMBER, its mean per row at most, e.g. contacts<=0.3")
    return found


def learn_command(
    source: LogSource,
    out: Path,
    method: str,
    metric: str,
    keep: Sequence[str],
    seed: int,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Learn, save and show. Raises InputError."""
    if (out / "policy.json").exists() and not force:
        raise InputError(f"{out}: holds a policy already; give another --out, or --force to replace it")
    found = learn(source, method, metric, [limit_of(text) for text in keep], seed)
    found.policy.save(out)
    if not as_json:
        learned, who = len(found.policy.learned_from), "units" if source.clusters == "unit" else "users"
        console.show(f"{source.name}: {METHODS[method]}; learned from {learned:,} {who}, kept in {out}")
    _show(found.scores, found.policy, as_json=as_json, extra=_facts(found, out))


def score_command(source: LogSource, folder: Path, *, as_json: bool) -> None:
    """Score a saved policy on a log of others. Raises InputError."""
    policy = LearnedPolicy.load(folder)
    with naming(folder):
        scores = scored(policy, source, source.table)
    _show(scores, policy, as_json=as_json, extra={"policy": str(folder)})


def _facts(found: Learned, out: Path) -> dict[str, object]:
    return {
        "policy": str(out),
        "learned_from": len(found.policy.learned_from),
        "held_out_rows": int(found.held_out.sum()),
    }


def _show(scores: pd.DataFrame, policy: LearnedPolicy, *, as_json: bool, extra: dict[str, object]) -> None:
    if as_json:
        rows = json.loads(scores.to_json(orient="records"))
        console.print_json({**extra, "method": policy.method, "limits": list(policy.limits), "scores": rows})
        return
    console.show("on users whom it never saw:")
    for (metric, against), rows in scores.groupby(["metric", "against"], sort=False):
        show_answers(rows, f"{metric}, change against {against}" if against else str(metric))
    for reason in scores.loc[~scores["evaluable"], "reason"].unique():
        console.show(f"not evaluable: {reason}")
