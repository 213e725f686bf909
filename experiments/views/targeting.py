"""Whom to target: value gained by the top share of several orders, and how uplift is spread.

All of it by true expected value in the week, so without noise of outcomes; what is left is whom the sample holds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.results import Results
from experiments.views.sample import Sample
from experiments.views.view import View, sampled

__all__ = ["curves", "qini", "spread_of_uplift"]

Floats = NDArray[np.float64]
_POINTS = 41
_BINS = 24
_HOW = "Offers go to the top share of each order, whatever they cost; by true expected value."


def curves(results: Results, agent: str) -> View:
    """order, share, gain: usd per user-week gained by making offers to the top share.

    order: `uplift (true)`, the agent's own (what it believes, or where it believes nothing how likely it makes an
    offer), `propensity` (who is most likely to be active after an offer) and `random`.
    """
    view = sampled(results, "people", agent)
    if not view.here:
        return view
    sample = Sample.of(view.table)
    if not sample.n:
        return View(missing="Nobody of the sample is left in the weeks that were kept.")
    orders = {"uplift (true)": sample.uplift, own_order(sample): own_score(sample), "propensity": sample.active}
    shares = np.linspace(0, 1, _POINTS)
    parts = [
        pd.DataFrame({"order": name, "share": shares, "gain": _cumulative(sample, score, shares)})
        for name, score in orders.items()
    ]
    offers = sample.allowed[:, 1:]
    mean = float((np.where(offers, sample.uplift[:, 1:], 0).sum(axis=1) / np.maximum(offers.sum(axis=1), 1)).mean())
    parts.append(pd.DataFrame({"order": "random", "share": shares, "gain": mean * shares}))
    return View(pd.concat(parts, ignore_index=True), f"{_HOW} {view.note}")


def own_order(sample: Sample) -> str:
    """How the agent's own order is called."""
    return "believed uplift" if sample.believed is not None else "how likely it offers"


def own_score(sample: Sample) -> Floats:
    """(n, k) what the agent would rank by."""
    return sample.prob if sample.believed is None else sample.believed


def qini(curves: pd.DataFrame) -> pd.DataFrame:
    """order, qini, of_best: area between each curve and the random line, usd per user-week, and as a share of the
    true uplift's. curves: of `curves`.
    """
    areas = {n: float(np.trapezoid(c["gain"], c["share"])) for n, c in curves.groupby("order", sort=False)}
    plain = areas.pop("random")
    most = areas["uplift (true)"] - plain
    rows = [
        {"order": n, "qini": a - plain, "of_best": (a - plain) / most if most > 0 else np.nan} for n, a in areas.items()
    ]
    return pd.DataFrame(rows)


def spread_of_uplift(results: Results, agent: str) -> View:
    """group, left, right, share: true uplift, usd per user-week, of offers likely made and of the best ones not made.

    An offer counts for `offered` by its probability; a user left alone counts with the best offer that was allowed.
    The outermost bins hold all that lies beyond.
    """
    view = sampled(results, "people", agent)
    if not view.here:
        return view
    sample = Sample.of(view.table)
    uplift = sample.uplift[:, 1:]
    best, _ = sample.best_offer(sample.uplift)
    alone = sample.of_arm(sample.uplift, best)
    reach = max(float(np.quantile(np.abs(uplift), 0.99)), 1e-6) if uplift.size else 1.0
    edges = np.linspace(-reach, reach, _BINS + 1)
    made, _ = np.histogram(np.clip(uplift, -reach, reach), edges, weights=sample.prob[:, 1:])
    left, _ = np.histogram(np.clip(alone, -reach, reach), edges, weights=sample.prob[:, 0])
    parts = [
        pd.DataFrame({"group": name, "left": edges[:-1], "right": edges[1:], "share": held / max(sample.n, 1)})
        for name, held in (("offered", made), ("left alone: its best offer", left))
    ]
    return View(pd.concat(parts, ignore_index=True), f"Shares of user-weeks. {view.note}")


def _cumulative(sample: Sample, score: Floats, shares: Floats) -> Floats:
    """Gain per user of making the offer of highest score to the top share; equal scores are never told apart."""
    arm, top = sample.best_offer(score)
    gains = np.where(np.isfinite(top), sample.of_arm(sample.uplift, arm), 0.0)
    keys, group = np.unique(-top, return_inverse=True)
    size = np.bincount(group, minlength=len(keys))
    total = np.bincount(group, gains, minlength=len(keys))
    return np.asarray(np.interp(shares, np.r_[0, np.cumsum(size)] / sample.n, np.r_[0, np.cumsum(total)] / sample.n))
