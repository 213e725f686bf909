"""Where the search begins: parameters solved from moments in closed form, or nearly so.

Activity: with a Beta(a, b) law of weekly propensities and a Gaussian copula over time, the pooled autocorrelation at
lag g is about (w + (1 - w) r^g) / (1 + a + b). Churn: survival of the shifted beta-geometric (Fader and Hardie 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import betaln

from experiments.calibration.moments import LAGS, SURVIVAL, lag_name, survival_name, survival_week
from experiments.calibration.target import Design
from experiments.facts.panel import Floats

__all__ = ["start", "survival_law"]

Values = dict[str, float]
_ATTENUATION = 0.85  # of a copula by what activity and finite weeks hide; found for Beta(1.1, .93), not critical


def start(moments: Mapping[str, float], design: Design, usual: Mapping[str, float], oldest_age_weeks: int) -> Values:
    """{dotted path: value} for what the moments tell; `usual` gives the rest. oldest_age_weeks: of a mixed cohort."""
    found = dict(usual)
    found.update(_activity(moments, usual))
    found.update(_spending(moments))
    ages = oldest_age_weeks if design.ages == "mixed" else 0
    found.update(_churn(moments, design.weeks, ages, usual))
    return {path: value for path, value in found.items() if path in usual}


def _activity(moments: Mapping[str, float], usual: Mapping[str, float]) -> Values:
    lags = [g for g in LAGS if lag_name(g) in moments]
    if "activity_mean" not in moments or not lags:
        return {}
    seen = np.array([moments[lag_name(g)] for g in lags])
    between, ar = usual["mechanisms.engagement.between"], usual["mechanisms.engagement.ar"]
    level = float(seen[0] / (between + (1 - between) * ar ** lags[0]))
    if len(lags) >= 4:
        level, between, ar = _persistence(np.array(lags), seen)
    size = min(max(1 / max(level, 0.02) - 1, 0.3), 40.0)
    mean = _inside(moments["activity_mean"])
    return {
        "mechanisms.engagement.beta_a": mean * size,
        "mechanisms.engagement.beta_b": (1 - mean) * size,
        "mechanisms.engagement.between": min(max(between, 0.1), 0.97),
        "mechanisms.engagement.ar": min(max(ar, 0.2), 0.98),
    }


def _inside(share: float) -> float:
    """The share itself, or the nearest one that a Beta law can have for its mean."""
    return min(max(share, 0.002), 0.998)


def _persistence(lags: Floats, seen: Floats) -> tuple[float, float, float]:
    """(level, lasting share, weekly autocorrelation of the rest) that fit autocorrelations best."""
    best = (math.inf, 0.0, 0.0, 0.0)
    for ar in np.linspace(0.5, 0.98, 49):
        (lasting, fading), miss = nnls(np.stack([np.ones(len(lags)), ar**lags], axis=1), seen)
        if miss < best[0] and lasting + fading > 0:
            best = (miss, lasting + fading, lasting / (lasting + fading), float(ar))
    return best[1:]


def _spending(moments: Mapping[str, float]) -> Values:
    found = {}
    if "spend_per_active_week" in moments:
        found["mechanisms.spending.gmv_per_active_week_usd"] = moments["spend_per_active_week"]
    elif "log_spend_mean" in moments:
        spread = moments.get("log_spend_sd", 1.1)
        found["mechanisms.spending.gmv_per_active_week_usd"] = math.exp(moments["log_spend_mean"] + spread**2 / 2)
    if "log_spend_between_sd" in moments:
        found["mechanisms.spending.between_sd"] = max(moments["log_spend_between_sd"], 0.05)
    if "log_spend_within_sd" in moments:
        found["mechanisms.spending.within_sd"] = max(moments["log_spend_within_sd"], 0.05)
    if "activity_spend_correlation" in moments:
        copula = moments["activity_spend_correlation"] / _ATTENUATION
        found["mechanisms.spending.copula"] = min(max(copula, -0.9), 0.9)
    if "spend_per_transaction" in moments:
        found["mechanisms.spending.ticket_usd"] = moments["spend_per_transaction"]
    return found


def survival_law(alpha: float, beta: float, weeks: Floats, oldest_age_weeks: int) -> Floats:
    """(t,) share still there after `weeks`, of newborns (oldest age 0) or of people of every age up to the oldest."""
    ages = np.arange(oldest_age_weeks + 1)
    here = np.exp(betaln(alpha, beta + ages) - betaln(alpha, beta))
    later = np.exp(betaln(alpha, beta + ages + weeks[:, None]) - betaln(alpha, beta))
    out: Floats = later.sum(axis=1) / here.sum()
    return out


def _churn(moments: Mapping[str, float], weeks: int, oldest: int, usual: Mapping[str, float]) -> Values:
    percents = [p for p in SURVIVAL if survival_name(p) in moments]
    paths = ("population.churn.alpha", "population.churn.beta")
    if len(percents) < 2 or any(p not in usual for p in paths):
        return {}
    at = np.array([survival_week(p, weeks) for p in percents], np.float64)
    seen = np.array([moments[survival_name(p)] for p in percents])

    def miss(logs: Floats) -> float:
        alpha, beta = np.exp(np.clip(logs, -5, 5))
        return float(((survival_law(alpha, beta, at, oldest) - seen) ** 2).sum() + 1e-6 * ((logs - origin) ** 2).sum())

    origin = np.log([usual[p] for p in paths])
    solved = np.exp(np.clip(minimize(miss, origin, method="Nelder-Mead", options={"xatol": 1e-3}).x, -4, 4))
    return dict(zip(paths, map(float, solved), strict=True))
