"""A finite-sample interval for the value of a target, from a log and bounds that were declared for it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.estimators._log import Probs, numbers, outcome, table_of
from experiments.estimators._sums import clusters_of
from experiments.intervals.bounded import by_bernstein, by_betting, by_clopper_pearson
from rage_env.errors import ConfigError, LogError

__all__ = ["FINITE", "Finite", "finite_interval"]

Floats = NDArray[np.float64]
Finite = Literal["empirical_bernstein", "betting", "clopper_pearson"]
FINITE: tuple[Finite, ...] = get_args(Finite)


def finite_interval(
    log: object,
    target_probs: Probs,
    kind: Finite,
    *,
    most: float,
    floor: float,
    least: float = 0.0,
    metric: str = "reward",
    clusters: str = "user_id",
    alpha: float = 0.05,
) -> tuple[float, float]:
    """Ends that hold the target's mean per row with probability 1 - alpha or more, whatever the number of users.

    target_probs: (rows, k). least, most: bounds of the metric in a row; floor: least propensity of an arm that the
    target takes. Users must have as many rows each. clopper_pearson: for 0/1 metrics of one row a user. Raises
    InputError.
    """
    if kind not in FINITE:
        raise ConfigError(f"interval: must be one of {', '.join(FINITE)}, got {kind!r}")
    if not (least < most and 0 < floor <= 1 and 0 < alpha < 1):
        raise ConfigError(
            f"bounds: need least < most, floor in (0, 1] and alpha in (0, 1); got {least}, {most}, {floor}, {alpha}"
        )
    table = table_of(log, np.shape(target_probs)[1])
    y = outcome(table, metric).astype(np.float64)
    arm, p = numbers(table, "arm").astype(np.int64), numbers(table, "propensity").astype(np.float64)
    weight = np.take_along_axis(np.asarray(target_probs, np.float64), arm[:, None], axis=1)[:, 0] / p
    _refuse_outside(weight, y, least, most, floor)
    groups = clusters_of(table[clusters], table.num_rows)
    sizes = groups.sizes()
    if sizes.min() < sizes.max():
        raise LogError(f"{kind}: users have {sizes.min():.0f} to {sizes.max():.0f} rows; give each as many")
    if kind == "clopper_pearson":
        if sizes.max() > 1 or not np.isin(y, (0.0, 1.0)).all():
            raise LogError("clopper_pearson: needs a 0/1 metric and one row a user; ask for betting instead")
        return by_clopper_pearson(y == 1.0, weight, 1 / floor, alpha)
    x = np.bincount(groups.codes, weight * y, minlength=groups.count) / sizes
    low, high = min(least / floor, 0.0), max(most / floor, 0.0)  # a weight of 0 is possible
    ends = (by_bernstein if kind == "empirical_bernstein" else by_betting)(x, low, high, alpha)
    return max(float(ends[0]), least), min(float(ends[1]), most)


def _refuse_outside(weight: Floats, y: Floats, least: float, most: float, floor: float) -> None:
    if not np.isfinite(weight).all():
        raise LogError("interval: the log withholds its propensities, so no row can be weighed")
    rounding = 1 + 1e-5  # propensities are logged as float32
    for name, held, low, high in (("weight", weight, 0.0, rounding / floor), ("metric", y, least, most)):
        if held.min() < low or held.max() > high:
            row = int(held.argmin() if held.min() < low else held.argmax())
            raise LogError(f"row {row} has a {name} of {held[row]:.6g}, outside the declared [{low:g}, {high:.6g}]")
