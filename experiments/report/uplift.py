"""Figures of a ranking by predicted effect: what treating the top share brings, and whether predictions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.report.canvas import COLOURS, QUIET, grid, save, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.uplift_report import RankedArm

__all__ = ["calibration", "draw", "gain_curves"]


def draw(rows: Sequence[RankedArm], folder: Path, source: str) -> tuple[Path, ...]:
    """Write both figures; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = (("uplift_curves", gain_curves(rows, source)), ("uplift_calibration", calibration(rows, source)))
    return tuple(save(figure, folder / f"{name}.png") for name, figure in made)


def gain_curves(rows: Sequence[RankedArm], source: str) -> Figure:
    """Gain per user of the whole by share treated, best first, with its interval and the line of a random order."""
    figure, panels = grid(len(rows), 3.6, 2.8)
    for row, axes in zip(rows, panels, strict=True):
        share, gain = zip(*row.metrics.curve, strict=True)
        lower, upper = zip(*row.metrics.band, strict=True)
        axes.fill_between(share, lower, upper, color=COLOURS[0], alpha=0.18, linewidth=0)
        axes.plot(share, gain, color=COLOURS[0], linewidth=1.6)
        axes.plot([0, 1], [0, gain[-1]], color=QUIET, linewidth=1, linestyle="--")
        axes.set(xlabel="share treated, best first", ylabel=f"{row.metric} per user")
        qini = row.metrics.qini
        axes.set_title(f"{row.arm}: Qini {qini.value:.2g} ({qini.lower:.2g} to {qini.upper:.2g})", fontsize=8)
    title(figure, "What ranking by predicted effect brings", f"{source}; dashed: a random order; band: 95 % by point")
    return figure


def calibration(rows: Sequence[RankedArm], source: str) -> Figure:
    """Observed against predicted effect in each tenth of users."""
    figure, panels = grid(len(rows), 3.6, 2.8)
    for row, axes in zip(rows, panels, strict=True):
        bands = row.metrics.calibration
        predicted, observed = [b.predicted for b in bands], [b.observed.value for b in bands]
        for band in bands:
            axes.plot([band.predicted] * 2, [band.observed.lower, band.observed.upper], color=COLOURS[1], linewidth=1)
        axes.plot(predicted, observed, "o", color=COLOURS[1], markersize=4)
        ends = [min(predicted), max(predicted)]
        axes.plot(ends, ends, color=QUIET, linewidth=1, linestyle="--")
        axes.set(xlabel=f"predicted effect on {row.metric}", ylabel="observed")
        axes.set_title(row.arm, fontsize=8)
    title(figure, "Predicted and observed effect by tenth", f"{source}; dashed: as predicted; lines: 95 % intervals")
    return figure
