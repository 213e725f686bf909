"""What `rage evaluate --against-truth` does: lives the cells that were asked for, shows them, and writes the page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from experiments import console
from experiments.against_truth.cells import cells
from experiments.against_truth.page import write
from experiments.against_truth.study import Found, study
from experiments.against_truth.summary import carry_over, estimator_lines, limit_lines, step_truth, tail_lines
from experiments.executor import Executor
from rage_env.errors import ConfigError

__all__ = ["PAGE", "truth_command"]

PAGE = Path("docs/ope_report.md")


def truth_command(
    scenario: str | None,
    *,
    everything: bool,
    out: Path,
    page: Path | None = None,
    workers: int = 2,
    seeds: int | None = None,
    as_json: bool = False,
    executor: Executor = "process",
) -> None:
    """Marks of every estimator by the truth. everything: all worlds, and the page is written. Raises InputError."""
    if (scenario is None) != everything:
        raise ConfigError("--against-truth: give the scenario to be lived, or --all for every one and the page")
    asked = cells(scenario)
    found = study(asked, out, workers, seeds, executor=executor)
    if as_json:
        console.print_json([_plain(one) for one in found])
    else:
        for one in found:
            _show(one)
    if everything or page is not None:
        place = page or PAGE
        write(place, found)
        console.show(f"page: {place}")


def _show(found: Found) -> None:
    truth, gap = step_truth(found), carry_over(found)
    title = f"{found.cell.name}: step truth {truth[0]:.4g}, carry-over gap {gap[0]:.4g} +- {gap[1]:.2g}"
    console.print_rows([asdict(line) for line in estimator_lines(found)], title)
    console.print_rows([asdict(line) for line in tail_lines(found)], "tails, by cdf_dr")
    console.print_rows([{**asdict(line), "kept": line.kept} for line in limit_lines(found)], "certificates")


def _plain(found: Found) -> dict[str, object]:
    return {
        "cell": found.cell.name,
        "step_truth": step_truth(found),
        "carry_over_gap": carry_over(found),
        "estimators": [asdict(line) for line in estimator_lines(found)],
        "tails": [asdict(line) for line in tail_lines(found)],
        "limits": [{**asdict(line), "kept": line.kept} for line in limit_lines(found)],
    }
