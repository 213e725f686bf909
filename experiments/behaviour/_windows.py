"""Sums, ratios and trends over a customer's weeks, defined for everybody: no division by nothing, no NaN."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Floats, History

__all__ = ["change", "fading", "latest", "ratio", "since", "slope", "standing_out", "streak"]

_MOST = 100.0  # no ratio is larger
_KEPT = 0.8  # of a week's weight a week later, in fading sums


def ratio(part: Floats, whole: Floats, least: float = 1.0) -> Floats:
    """(n,) part / whole, where `whole` counts as at least `least`; cut at 100 on either side."""
    return np.clip(part / np.maximum(whole, least), -_MOST, _MOST)


def change(history: History, name: str, weeks: int, least: float = 1.0) -> Floats:
    """(n,) relative change of the total of the latest weeks against that of as many before."""
    now, before = history.last(name, weeks).sum(axis=0), history.before(name, weeks).sum(axis=0)
    return ratio(now - before, before, least)


def latest(values: Floats) -> Floats:
    """(n,) the most recent value above 0; 0 where there is none. values: (t, n)."""
    at = len(values) - 1 - (values[::-1] > 0).argmax(axis=0)
    return np.asarray(values[at, np.arange(values.shape[1])], np.float64)


def since(happened: Floats) -> Floats:
    """(n,) weeks since something last happened, 1 for the latest week; one more than the history where it never did."""
    weeks = (happened[::-1] > 0).argmax(axis=0) + 1
    return np.where((happened > 0).any(axis=0), weeks, len(happened) + 1).astype(np.float64)


def slope(values: Floats) -> Floats:
    """(n,) least-squares change a week. values: (t, n)."""
    at = np.arange(len(values)) - (len(values) - 1) / 2
    return np.asarray(at @ values / (at @ at), np.float64)


def standing_out(history: History, name: str) -> Floats:
    """(n,) how far the mean of the latest four weeks lies from the customer's own mean before, in own sds."""
    now, before = history.last(name, 4), history.all(name)[:-4]
    return ratio(now.mean(axis=0) - before.mean(axis=0), before.std(axis=0), 0.1)


def fading(values: Floats) -> Floats:
    """(n,) sum in which a week counts .8 of the week after it. values: (t, n)."""
    weights = _KEPT ** np.arange(len(values))[::-1]
    return np.asarray(weights @ values, np.float64)


def streak(happened: Floats) -> Floats:
    """(n,) weeks in a row, up to the latest, in which something happened. happened: (t, n)."""
    return np.asarray(np.cumprod(happened[::-1] > 0, axis=0).sum(axis=0), np.float64)
