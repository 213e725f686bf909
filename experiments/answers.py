"""Answers of estimators as rows for a terminal: the estimate, its interval, and whether it is to be trusted."""

from __future__ import annotations

import pandas as pd

from experiments import console

__all__ = ["show_answers"]


def show_answers(found: pd.DataFrame, title: str) -> None:
    """found: rows of `estimators.evaluate`."""
    rows = [
        {
            "estimator": line["estimator"],
            "estimate": line["value"],
            "95 % interval": f"{line['lower']:.4g} to {line['upper']:.4g}",
            "ESS": round(line["ess"]),
            "trust": "yes" if line["evaluable"] else "NO: " + line["reason"].partition(":")[0],
        }
        for line in found.to_dict("records")
    ]
    console.print_rows(rows, title)
