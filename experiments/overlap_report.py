"""Answers `rage evaluate --overlap`: for every plain policy, where can this log say anything?"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from experiments import console
from experiments.estimators import overlap
from experiments.log_source import Reading, open_source
from experiments.named import naming

__all__ = ["overlap_command"]

SHOWN = ["segment", "users", "ess", "max_weight", "mean_weight", "tiny_mass", "evaluable"]


def overlap_command(path: str, mapping: str | None, segment: str, reading: Reading, *, as_json: bool) -> None:
    """Show the support of the log, over all and by segment. Raises InputError."""
    source = open_source(path, mapping, reading)
    parts = []
    for name, probs in source.policies().items():
        with naming(Path(path)):
            part = overlap(source.table, probs, segment, source.clusters)
        part.insert(0, "policy", name)
        parts.append(part)
    found = pd.concat(parts, ignore_index=True)
    if as_json:
        console.print_json({"log": source.origin, "overlap": json.loads(found.to_json(orient="records"))})
        return
    for policy, rows in found.groupby("policy", sort=False):
        console.print_rows(rows[SHOWN].to_dict("records"), str(policy))
        for line in rows[~rows["evaluable"]].itertuples():
            console.show(f"{line.segment}: {line.reason}")
