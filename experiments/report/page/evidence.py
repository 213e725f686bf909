"""What statistics made of it, beside the truth: off-policy estimates and sequential tests."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from experiments.report.page.parts import Section, colours, figures, legend, section, table
from experiments.report.page.svg import Panel
from experiments.results import Results
from experiments.views import monitors, offline

__all__ = ["sections"]


def sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    """Estimates, monitors, verdicts."""
    css = colours(results)
    yield section(
        "ope", "Off-policy estimates against truth",
        "Each dot is one agent's log and seed: what an estimator said of the target policy, less the truth.",
        offline.against_truth(results),
        lambda t: legend(_there(t, css)) + figures([_errors(t, css)]) + table(
            offline.by_estimator(t), {"mean_abs_error": ".3f", "worst_z": ".1f", "covered": ".0%"},
            {"mean_abs_error": "mean abs error, usd", "covered": "intervals that hold the truth"},
        ),
    )  # fmt: skip
    yield section(
        "monitors", "Monitor paths", "What each sequential test saw, look by look.",
        monitors.paths(results), lambda t: legend(_there(t, css)) + figures(_paths(t, css)),
    )  # fmt: skip
    yield section(
        "verdicts", "Verdicts, marked", "What the tests came to, and how that stands to the truth.",
        monitors.verdicts(results), lambda t: table(_counted(t)),
    )  # fmt: skip


def _there(rows: pd.DataFrame, css: dict[str, str]) -> dict[str, str]:
    there = set(rows["agent"])
    return {agent: c for agent, c in css.items() if agent in there}


def _errors(estimates: pd.DataFrame, css: dict[str, str]) -> Panel:
    names = list(estimates["estimator"].unique())
    panel = Panel.around(
        "estimate less truth", [-0.5, len(names) - 0.5], estimates["error"], zero=True, y_label="usd per user-week"
    )
    panel.x_names = names
    panel.rule(0)
    agents = list(estimates["agent"].unique())
    for line in estimates.to_dict("records"):
        shift = (agents.index(line["agent"]) + 0.5) / len(agents) - 0.5
        words = f"{line['agent']}, seed {line['seed']}: {line['error']:+.3f}"
        panel.dot(names.index(line["estimator"]) + 0.6 * shift, line["error"], css[str(line["agent"])], words)
    return panel


def _paths(paths: pd.DataFrame, css: dict[str, str]) -> Iterator[Panel]:
    by_monitor = paths.sort_values("monitor", kind="stable")
    for (monitor, agent), rows in by_monitor.groupby(["monitor", "agent"], sort=False):
        betting = rows["log_e"].notna().any() and ("z" not in rows or rows["z"].isna().all())
        values = rows["log_e"] / 2.302585 if betting else rows["estimate"]
        first = monitors.drawable(rows[rows["seed"] == rows["seed"].min()])
        bounds = [] if betting else [*first["lower"], *first["upper"]]
        label = "log10 of evidence" if betting else "estimate"
        panel = Panel.around(
            f"{monitor}, {agent}", rows["week"], [*values, *bounds], zero=True, x_label="week", y_label=label
        )
        panel.rule(0)
        if not betting:
            panel.band(first["week"], first["lower"], first["upper"], css[str(agent)])
        for seed, path in rows.assign(shown=values).groupby("seed"):
            panel.line(path["week"], path["shown"], css[str(agent)], f"seed {seed}")
            for stop in path[path["stopped"]].to_dict("records"):
                panel.dot(stop["week"], stop["shown"], "bad", f"{stop['verdict']}, seed {seed}", cross=True)
        yield panel


def _counted(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Seeds by agent, monitor, verdict and mark, with the weeks of stops."""
    week = "stop_week" if "stop_week" in verdicts else "week"
    groups = verdicts.assign(word=verdicts["verdict"].str.partition(" at week")[0]).groupby(
        ["agent", "monitor", "word", "mark"], sort=False, dropna=False
    )
    weeks = groups[week].apply(lambda w: ", ".join(str(int(x)) for x in w.dropna().head(8)) or "-")
    counted = pd.DataFrame({"seeds": groups.size(), "stopped_in_week": weeks}).reset_index()
    return counted.rename(columns={"word": "verdict"})
