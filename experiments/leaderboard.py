"""The leaderboard: one row an agent, from the summaries of its runs.

usd per initially assigned user-week unless said otherwise. Intervals of gains are paired by user and about these very
seeds; an interval across seeds is given from five seeds on. Value and violations stand side by side: a gain above the
oracle's means that a limit was broken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.metrics import Mean, across_seeds, pooled
from experiments.monitors.contrast import USERS_PER_SKEW2
from experiments.safe_share import safe_share

__all__ = ["OPE_SHOWN", "leaderboard", "share_of_oracle"]

Summary = Mapping[str, Any]  # Any: a run's summary is plain JSON of several depths
OPE_SHOWN = ("naive", "dr")
"""Estimators that get columns of their own; all of them are in the ope table."""


def leaderboard(summaries: Mapping[str, Sequence[Summary]]) -> pd.DataFrame:
    """One row an agent, best value first. summaries: {agent: those of its finished runs, by seed}."""
    rows = [{"agent": agent, **dict(_row(runs))} for agent, runs in summaries.items() if runs]
    return pd.DataFrame(rows).sort_values("value", ascending=False, kind="stable", ignore_index=True)


def share_of_oracle(runs: Sequence[Summary]) -> float:
    """Sum of the agent's expected gains over sum of oracle_observable's, over sampled weeks and seeds.

    NaN where the oracle's own gain is not above 0: by its interval across seeds where there are two or more.
    """
    gains = [r["oracle"]["agent"] - r["oracle"]["no_offer"] for r in runs]
    best = [r["oracle"]["oracle_observable"] - r["oracle"]["no_offer"] for r in runs]
    lower = across_seeds(best, least=2)[0] if len(best) > 1 else sum(best)
    return sum(gains) / sum(best) if lower > 0 else math.nan


def _row(runs: Sequence[Summary]) -> Iterator[tuple[str, object]]:
    gain = pooled([_mean(r["gain"]) for r in runs])
    net = pooled([_mean(r["net_revenue_gain"]) for r in runs])
    nrpau = pooled([_mean(r["nrpau"]) for r in runs])
    yield "value", _average(r["value"] for r in runs)
    yield "gain", gain.value
    yield "gain_lower", gain.lower
    yield "gain_upper", gain.upper
    yield "gain_too_skewed", _too_skewed(runs)
    yield "gain_seeds_lower", across_seeds([r["gain"]["value"] for r in runs])[0]
    yield "gain_seeds_upper", across_seeds([r["gain"]["value"] for r in runs])[1]
    yield "share_of_oracle", share_of_oracle(runs)
    yield "weeks", sum(r["weeks"] for r in runs)
    yield "weeks_violated", sum(r["weeks_violated"] for r in runs)
    yield from _safe(runs)
    yield "net_revenue", _average(r["net_revenue"] for r in runs)
    yield "net_revenue_gain", net.value
    yield "net_revenue_gain_lower", net.lower
    yield "net_revenue_gain_upper", net.upper
    yield "nrpau", nrpau.value
    yield "nrpau_lower", nrpau.lower
    yield "nrpau_upper", nrpau.upper
    yield "nrpau_disagrees", _disagrees(nrpau.value - _average(_number(r["nrpau_no_offer"]) for r in runs), gain.value)
    yield "above_oracle", _above_oracle(runs)
    yield from _offline(runs)
    yield from _monitors(runs)
    yield from _guardrails(runs)


def _safe(runs: Sequence[Summary]) -> Iterator[tuple[str, object]]:
    """Share of the oracle's gain by agents that break no limit in nineteen seeds of twenty; blank for others."""
    steps = [r["oracle"] for r in runs]
    broken = np.array([r["weeks_violated"] > 0 for r in runs], np.bool_)
    gains, best = (np.array([s[n] - s["no_offer"] for s in steps], np.float64) for n in ("agent", "oracle_observable"))
    found = safe_share(gains, best, broken)
    yield "seeds_violated", int(broken.sum())
    yield "safe_share", found.value
    yield "safe_share_lower", found.lower
    yield "safe_share_upper", found.upper


def _guardrails(runs: Sequence[Summary]) -> Iterator[tuple[str, object]]:
    for name in runs[0]["guardrails"]:
        mine = [r["guardrails"][name] for r in runs]
        yield f"violated.{name}", sum(int(m["violated"]) for m in mine)
        yield f"unavoidable.{name}", sum(int(m["unavoidable"]) for m in mine)
        for kind in ("slack_true", "slack_reported", "slack_realised"):
            yield f"{kind}_min.{name}", min(_number(m[f"{kind}_min"]) for m in mine)
            yield f"{kind}_mean.{name}", _average(_number(m[f"{kind}_mean"]) for m in mine)


def _offline(runs: Sequence[Summary]) -> Iterator[tuple[str, object]]:
    """Truth of the target policy and, for the shown estimators, mean error (usd) with its z; blank where refused."""
    shown = [name for name in OPE_SHOWN if name in runs[0]["ope"]]
    usable = [r for r in runs if all(r["ope"][name]["value"] is not None for name in shown)]
    if shown:
        yield "ope_truth", _average(_number(r["ope"][shown[0]]["step_truth"]) for r in usable)
    for name in shown:
        answers = [r["ope"][name] for r in usable]
        error = pooled([Mean(_number(a["error"]), _number(a["stderr"])) for a in answers]) if answers else None
        yield f"ope_error.{name}", math.nan if error is None else error.value
        yield f"ope_z.{name}", math.nan if error is None or not error.stderr > 0 else error.value / error.stderr
    reasons = sorted({r["ope"][name]["reason"] for r in runs if r not in usable for name in shown})
    yield "ope_refused", "; ".join(reasons)


def _monitors(runs: Sequence[Summary]) -> Iterator[tuple[str, object]]:
    labels = list(dict.fromkeys(label for r in runs for label in r["monitors"]))
    for label in labels:
        held = [r["monitors"].get(label) for r in runs]
        yield f"monitor.{label}", "; ".join("" if m is None else f"{m['verdict']} ({m['mark']})" for m in held)


def _above_oracle(runs: Sequence[Summary]) -> bool:
    """Expected step value beyond what the oracle that knows everything gets within the limits: some limit is broken."""
    agent, best = (sum(r["oracle"][n] for r in runs) for n in ("agent", "oracle_latent"))
    return bool(agent > best * (1 + 1e-9))


def _too_skewed(runs: Sequence[Summary]) -> bool:
    """Rare large losses: too few users, over all seeds, for the gain's interval to cover as often as it says.

    The rule that stops monitors from testing too: 355 users for each squared skewness (Kohavi et al. 2014).
    """
    skew = _average(_number(r["gain_skewness"]) for r in runs)
    return bool(sum(r["users"] for r in runs) < USERS_PER_SKEW2 * skew**2)


def _disagrees(nrpau_gain: float, gain: float) -> bool:
    """Per active user the sign is another than per assigned user: waking low spenders does that."""
    return bool(nrpau_gain * gain < 0)


def _mean(held: Mapping[str, Any]) -> Mean:
    return Mean(_number(held["value"]), _number(held["stderr"]))


def _number(held: object) -> float:
    """JSON has no NaN; null stands for it."""
    return math.nan if held is None else float(str(held))


def _average(values: Iterator[float] | Sequence[float] | Any) -> float:  # Any: generators of numbers
    held = list(values)
    return float(np.mean(held)) if held else math.nan
