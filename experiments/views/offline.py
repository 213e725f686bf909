"""Off-policy estimates beside the truth they were after."""

from __future__ import annotations

import pandas as pd

from experiments.results import Results
from experiments.views.view import View, of_runs

__all__ = ["against_truth", "by_estimator"]

_Z95 = 1.96


def against_truth(results: Results) -> View:
    """agent, seed, estimator, value, lower, upper, truth, error, z, ess, covered: a row an estimate that was given."""
    view = of_runs(results, "ope")
    if not view.here:
        return View(missing=f"{view.missing} `estimators=[ips, dr]` asks for estimates.")
    given = view.table[view.table["value"].notna() & view.table["step_truth"].notna()]
    if not len(given):
        reasons = "; ".join(sorted(set(view.table["reason"].dropna())))
        return View(missing=f"No log could answer: {reasons}. Give learners a floor: `floor.propensity=0.01`.")
    keep = [c for c in ("agent", "seed", "estimator", "value", "lower", "upper", "error", "z", "ess") if c in given]
    table = given[keep].assign(truth=given["step_truth"])
    table["covered"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    return View(table.reset_index(drop=True), f"Of {len(view.table)} estimates asked for, {len(given)} were given.")


def by_estimator(estimates: pd.DataFrame) -> pd.DataFrame:
    """estimator, logs, mean_abs_error (usd), worst_z, covered: over the agents' logs. estimates: of against_truth."""
    groups = estimates.groupby("estimator", sort=False)
    table = pd.DataFrame(
        {
            "logs": groups.size(),
            "mean_abs_error": groups["error"].apply(lambda e: e.abs().mean()),
            "worst_z": groups["z"].apply(lambda z: z.abs().max()),
            "covered": groups["covered"].mean(),
        }
    )
    return table.reset_index().sort_values("mean_abs_error", kind="stable", ignore_index=True)
