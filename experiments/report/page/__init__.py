"""One self-contained HTML page of a study: nothing is loaded, it can be mailed, printed, and read on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import pandas as pd

from experiments.report.page import about, evidence, limits, people, standing
from experiments.report.page.parts import Section
from experiments.report.page.style import STYLE
from experiments.results import Results
from experiments.storage import write_text

__all__ = ["PAGE", "page", "write_page"]

PAGE = "report.html"
"""How the page is called in the results folder."""

_CHAPTERS = (standing, limits, people, evidence, about)


def write_page(results: Results, out: Path | None = None) -> Path:
    """Write the page, whole or not at all, into the results folder or to `out`. Raises LogError for damaged tables."""
    return write_text(out or results.path / PAGE, page(results))


def page(results: Results) -> str:
    """The HTML. A study that did not keep what a section needs gets that section in words: what to run."""
    parts = tuple(_sections(results, results.all_weekly()))
    study = results.study
    title = escape(f"{study.name}: {study.scenario}")
    seeds = ", ".join(map(str, study.seeds[:8])) + (" ..." if len(study.seeds) > 8 else "")
    facts = escape(f"{study.users:,} users, {study.weeks} weeks, seeds {seeds}; {study.created}")
    links = "".join(f'<a href="#{s.key}">{escape(s.title)}</a>' for s in parts)
    body = "".join(
        f'<section id="{s.key}"><h2>{escape(s.title)}</h2><p class="lead">{escape(s.lead)}</p>{s.body}</section>'
        for s in parts
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<h1>{title}</h1><p class="lead">{escape(study.question)}</p><p class="facts">{facts}</p>'
        f"<nav>{links}</nav>{body}</body></html>\n"
    )


def _sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    for chapter in _CHAPTERS:
        yield from chapter.sections(results, weekly)
