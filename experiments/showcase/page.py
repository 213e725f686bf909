"""docs/scenarios.md: each world's claims, published figure beside measured one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.showcase import Row

__all__ = ["section", "write"]

_HEAD = """# What each world must show

Every shipped scenario makes claims that can be checked. This page is written by `python -m experiments.showcase`, which
lives each world on seeds that were not used to choose its numbers. Ranges are those of the mean over seeds.
"""


def section(name: str, about: str, seeds: Sequence[int], rows: Sequence[Row]) -> str:
    """One scenario as Markdown. about: what to know before reading its table."""
    told = f"Seeds {min(seeds)} to {max(seeds)} ({len(seeds)})." if seeds else ""
    lines = [f"## {name}", "", about.strip(), "", told, ""]
    lines += ["| claim | published | accepted | measured (lowest, highest seed) | holds |", "|---|---|---|---|---|"]
    lines += [_line(row) for row in rows]
    notes = [f"- {row.claim.text}: {row.claim.note}" for row in rows if row.claim.note]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def write(path: Path, sections: Mapping[str, str], head: str = _HEAD) -> None:
    """Write these sections into the page, under `head`, leaving the sections of other scenarios as they stand."""
    held = {**_sections(path.read_text() if path.exists() else ""), **sections}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *(held[name] for name in sorted(held))]))


def _sections(text: str) -> dict[str, str]:
    parts = text.split("\n## ")[1:]
    return {part.split("\n", 1)[0].strip(): f"## {part.rstrip()}\n" for part in parts}


def _line(row: Row) -> str:
    claim = row.claim
    verdict = {True: "yes", False: "**no**", None: "shown"}[row.holds]
    measured = f"{row.mean:.3g} ({min(row.figures):.3g}, {max(row.figures):.3g})"
    if math.isnan(row.mean):
        measured, verdict = "later", "later"
    return f"| {claim.text} | {claim.published} | {_range(claim.low, claim.high)} | {measured} | {verdict} |"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "" if high is None else f"<= {high:.3g}"
    return f">= {low:.3g}" if high is None else f"{low:.3g} to {high:.3g}"
