"""What all figures share: sizes, colours, titles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import provenance
from experiments.results import Results
from experiments.storage import moved

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "QUIET", "WRONG", "agent_colours", "canvas", "grid", "legend", "save", "study_title", "title"]

# Okabe & Ito (2008): told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7B4FA3", "#8B5A2B")
QUIET = "#777777"
WRONG = "#B00020"


def agent_colours(results: Results) -> Iterator[tuple[str, str]]:
    """(agent, colour) in the order of the experiment; whoever does nothing is grey."""
    others = [a for a in results.study.agents if a != results.baseline]
    painted = {a: COLOURS[i % len(COLOURS)] for i, a in enumerate(others)}
    return ((a, painted.get(a, "#333333")) for a in results.study.agents)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches with one panel."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def grid(
    panels: int, width: float, height: float, *, sharey: bool = False, across: int = 0
) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels of this size in inches, `across` beside each other; four or three by itself."""
    from matplotlib.figure import Figure

    columns = across or min(panels, 4 if sharey else 3)
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(width * columns, height * rows + 0.9), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    for empty in axes[panels:]:
        empty.set_visible(False)
    return figure, axes[:panels]


def legend(figure: Figure, axes: Axes) -> None:
    """Names of the lines in `axes`, below all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False, fontsize=8)


def study_title(figure: Figure, results: Results, what: str, note: str) -> None:
    """What is shown, of which study."""
    study = results.study
    title(figure, what, f"{study.name}: {study.users:,} users x {study.weeks} weeks x {len(study.seeds)} seeds; {note}")


def title(figure: Figure, what: str, about: str) -> None:
    """A headline, and a quieter line below it."""
    figure.suptitle(f"{what}\n", fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.text(0.011, 0.995, f"\n\n{about}", fontsize=8, color=QUIET, va="top")


def save(figure: Figure, path: Path) -> Path:
    """Write the picture whole or not at all; returns its path. Its metadata say what it was made with."""
    made = {"Comment": provenance.line()}
    return moved(path, lambda beside: figure.savefig(beside, dpi=150, format="png", metadata=made))
