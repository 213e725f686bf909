"""How good an agent's expectations are: calibration of uplift and of risk, what drives them, how inputs drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.results import Results
from experiments.views.sample import Sample
from experiments.views.targeting import own_score
from experiments.views.view import View, sampled
from rage_env.log import FEATURE_PREFIX

__all__ = ["calibration", "drift", "drivers", "fit_by_week"]

Floats = NDArray[np.float64]
_BANDS = 10
_LEAST = 1e-4  # least share of a bin when two distributions are compared


def calibration(results: Results, agent: str) -> View:
    """model, band, users, predicted, true: tenths of user-weeks by prediction, usd; model: uplift or risk.

    uplift: of the offer believed best; risk: loss under the likeliest arm.
    """
    view = _believed(results, agent)
    if not view.here:
        return view
    sample = Sample.of(view.table)
    assert sample.believed is not None
    arm, predicted = sample.best_offer(sample.believed)
    able = np.isfinite(predicted)
    bands = [_bands("uplift", predicted[able], sample.of_arm(sample.uplift, arm)[able])]
    if sample.believed_loss is not None:
        likeliest = sample.prob.argmax(axis=1)
        risk = (sample.of_arm(held, likeliest) for held in (sample.believed_loss, sample.loss))
        bands.append(_bands("risk", *risk))
    note = "Choosing the offer believed best picks what is overrated, so the top of uplift may promise too much."
    return View(pd.concat(bands, ignore_index=True), f"{note} {view.note}")


def fit_by_week(results: Results, agent: str) -> View:
    """week, uplift, risk, promised, true: rank correlation of belief and truth, and mean usd of the offer chosen."""
    view = _believed(results, agent)
    if not view.here:
        return view
    rows = []
    for week, people in view.table.groupby("week"):
        sample = Sample.of(people)
        assert sample.believed is not None
        arm, predicted = sample.best_offer(sample.believed)
        able = np.isfinite(predicted)
        truth = sample.of_arm(sample.uplift, arm)
        risk = np.nan
        if sample.believed_loss is not None:
            risk = _rank_correlation(sample.believed_loss.ravel(), sample.loss.ravel())
        row = {"week": week, "uplift": _rank_correlation(predicted[able], truth[able]), "risk": risk}
        rows.append(row | {"promised": _mean(predicted[able]), "true": _mean(truth[able])})
    return View(pd.DataFrame(rows), f"1: ranks users as the truth does; 0: no better than chance. {view.note}")


def drivers(results: Results, agent: str) -> View:
    """feature, own, true: rank correlation with what the agent ranks by, and with true uplift; strongest first."""
    view = sampled(results, "people", agent)
    if not view.here:
        return view
    sample, table = Sample.of(view.table), view.table[view.table["present"]]
    own, truth = (sample.best_offer(score)[1] for score in (own_score(sample), sample.uplift))
    able = np.isfinite(own)
    rows = []
    for name in (c for c in table.columns if c.startswith(FEATURE_PREFIX)):
        held = table[name].to_numpy(np.float64)[able]
        correlations = {"own": _rank_correlation(held, own[able]), "true": _rank_correlation(held, truth[able])}
        rows.append({"feature": name.removeprefix(FEATURE_PREFIX), **correlations})
    ranked = pd.DataFrame(rows).sort_values("own", key=lambda c: c.abs().fillna(0), ascending=False, ignore_index=True)
    what = "what it believes of the best offer" if sample.believed is not None else "how likely it makes an offer"
    return View(ranked, f"Rank correlation with {what}, beside that with the truth. {view.note}")


def drift(results: Results, agent: str) -> View:
    """feature, week, psi: population stability index of each feature against the first week kept.

    Below .1 little has moved, above .25 much (a convention, not a test).
    """
    view = sampled(results, "people", agent)
    if not view.here:
        return view
    table = view.table[view.table["present"]]
    first = table[table["week"] == table["week"].min()]
    rows = [
        {"feature": name.removeprefix(FEATURE_PREFIX), "week": week, "psi": _psi(first[name], people[name])}
        for name in table.columns
        if name.startswith(FEATURE_PREFIX)
        for week, people in table.groupby("week")
    ]
    note = "Population stability index against the first week kept: below .1 little moved, above .25 much."
    return View(pd.DataFrame(rows, columns=["feature", "week", "psi"]), f"{note} {view.note}")


def _believed(results: Results, agent: str) -> View:
    view = sampled(results, "people", agent)
    if view.here and not any(c.startswith("believed.") for c in view.table.columns):
        return View(missing=f"{agent} forms no expectations of users that could be judged: choose a learner.")
    return view


def _bands(model: str, predicted: Floats, truth: Floats) -> pd.DataFrame:
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _BANDS) if len(part)]
    rows = [{"predicted": predicted[p].mean(), "true": truth[p].mean(), "users": len(p)} for p in parts]
    return pd.DataFrame(rows).assign(model=model, band=np.arange(1, len(rows) + 1))


def _rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's; nan where one side does not vary."""
    ranks = [pd.Series(x).rank().to_numpy() for x in (a, b)]
    if len(a) < 3 or any(r.std() == 0 for r in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def _mean(held: Floats) -> float:
    return float(held.mean()) if len(held) else float("nan")


def _psi(first: pd.Series, later: pd.Series) -> float:
    edges = np.unique(np.quantile(first, np.linspace(0, 1, _BANDS + 1)))
    cuts = edges[1:-1] if len(edges) > 2 else edges[:1]
    before, after = (
        np.maximum(np.bincount(np.searchsorted(cuts, held, side="right"), minlength=len(cuts) + 1) / len(held), _LEAST)
        for held in (first, later)
    )
    return float(((after - before) * np.log(after / before)).sum())
