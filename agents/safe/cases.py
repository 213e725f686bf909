"""Rare cases that become known late: a Poisson regression of how often, and the mean of how much.

A user-week that acts has cases at rate exp(x' theta); by age a only the known share of them has been reported, so
share(a) is an offset of the likelihood (King et al. 2009; Fahrmeir and Tutz 2001, 5.3). The integral over all
user-weeks is taken on every eighth of them, which is all that has to be kept. Sizes are pooled: rare cases do not
tell whose are larger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["CaseBelief", "Cases", "SizePrior", "late_case_columns"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Scale = Callable[[Floats32], Floats32]

_EVERY = 8  # user-weeks that one kept row stands for
_PRIOR_RATE, _PRIOR_LOG_SD = 0.003, 1.5  # of cases in an active week; assumed, worth half a case
_SLOPE_SD = 0.2  # log-rate a spread of a feature; assumed
_CURVE_SD = 0.15
_STEPS = 12


@dataclass(frozen=True, eq=False)
class CaseBelief:
    """theta (1 + d,) with its covariance, size of a case with its variance; excess: {arm: mean and variance}.

    excess is in amounts for each user-week under an arm whose losses are open-ended, beyond the rate of all others.
    """

    theta: Floats
    covariance: Floats
    size: float
    size_variance: float
    excess: Mapping[int, tuple[float, float]]

    def rate(self, z: Floats32) -> Floats:
        """(n,) cases in an active week of users with standardised features z (n, d)."""
        return np.exp(np.minimum(_with_one(z) @ self.theta, 0.0))

    def rows(self, z: Floats32) -> tuple[Floats, Floats]:
        """(n,) expected amount of an active week, and (n, 2 + d) its gradient in theta and size."""
        rate = self.rate(z)
        slope = np.concatenate([_with_one(z) * (self.size * rate)[:, None], rate[:, None]], axis=1)
        return self.size * rate, slope

    @property
    def joint(self) -> Floats:
        """(2 + d, 2 + d) covariance of theta and size."""
        p = len(self.theta)
        out = np.zeros((p + 1, p + 1))
        out[:p, :p], out[p, p] = self.covariance, self.size_variance
        return out


@dataclass(frozen=True)
class SizePrior:
    """What is thought of sizes before data: `worth` cases of `size` each, squared relative spread `spread`.

    usd: expected amount of a user-week where something is declared of it; then that over the rate of cases is the size.
    """

    size: float
    worth: float
    spread: float
    usd: float | None = None


class Cases:
    """Remembers a sample of active user-weeks, every case, and full weeks while reports on them come in."""

    def __init__(self, columns: Sequence[str], shares: Mapping[str, Floats], open_arms: Sequence[int], d: int) -> None:
        self.columns, self.open_arms, self.d = tuple(columns), tuple(open_arms), d
        self.shares = {c: np.asarray(shares.get(c, np.ones(1)), np.float64) for c in columns}
        self.ages = max((len(s) for s in self.shares.values()), default=1)
        self.sample = _Rows.empty(d)
        self.cases = _Rows.empty(d)
        self.held: dict[int, tuple[NDArray[np.int64], NDArray[np.int16], Floats32]] = {}
        self.under: dict[int, Floats] = {}  # {week: (k,) present user-weeks by arm}; only open arms are read

    def add(self, week: WeekLog, k: int) -> None:
        """Take in a week's rows; what is known of them at once is whether they acted."""
        here = np.flatnonzero(week.present)
        order = here[np.argsort(week.user_id[here], kind="stable")]
        ids, arm, x = week.user_id[order], week.arm[order].astype(np.int16), week.features[order]
        self.held[week.week] = ids, arm, x
        self.under[week.week] = np.bincount(arm, minlength=k).astype(np.float64)
        kept = (week.columns["active"][order] > 0) & ((ids + 3 * week.week) % _EVERY == 0)
        self.sample = self.sample.plus(x[kept], week.week, arm[kept], -1, np.ones(int(kept.sum())))
        for old in [w for w in self.held if w <= week.week - self.ages]:
            del self.held[old]

    def hear(self, reports: Reports) -> None:
        """Take in what was reported since."""
        for code, column in enumerate(self.columns):
            mine = reports.amounts(column)
            for week in np.unique(mine.accrual_week).tolist():
                if week not in self.held:
                    continue
                ids, arm, x = self.held[week]
                rows = np.flatnonzero((mine.accrual_week == week) & (mine.amount > 0))
                at = np.minimum(np.searchsorted(ids, mine.user_id[rows]), max(len(ids) - 1, 0))
                hit = np.array([], bool) if not len(ids) else ids[at] == mine.user_id[rows]
                at, amount = at[: len(hit)][hit], mine.amount[rows[: len(hit)]][hit]
                self.cases = self.cases.plus(x[at], week, arm[at], code, amount.astype(np.float64))

    def posterior(self, column: str, scale: Scale, last_week: int, prior: SizePrior) -> CaseBelief:
        """Beliefs at the end of `last_week`. scale: features (n, d) to standard units."""
        cases = self.cases.where(self.cases.code == self.columns.index(column))
        known = self._share(column, self.sample.week, last_week) * _EVERY
        usual, usual_cases = ~np.isin(self.sample.arm, self.open_arms), ~np.isin(cases.arm, self.open_arms)
        x = _with_one(scale(self.sample.x))
        theta, covariance = _fit(_with_one(scale(cases.x[usual_cases])), x[usual], known[usual])
        amount = cases.amount[usual_cases]
        size, doubt = self._size(column, amount, last_week, prior)
        rate = np.exp(np.minimum(x @ theta, 0.0)) * known
        excess = {}
        for arm in self.open_arms:
            mine = cases.amount[cases.arm == arm]
            expected = size * float(rate[self.sample.arm == arm].sum())
            excess[arm] = self._excess(arm, column, last_week, (mine, expected))
        return CaseBelief(theta, covariance, size, doubt, excess)

    def _size(self, column: str, amount: Floats, last_week: int, prior: SizePrior) -> tuple[float, float]:
        """Mean size of a case and the variance of that."""
        weeks = np.array(list(self.under), np.int64)
        everybody = float(
            self._share(column, weeks, last_week) @ [u.sum() for u in self.under.values()] if len(weeks) else 0
        )
        first = prior.size if prior.usd is None else prior.usd * max(everybody, 1.0) / (1.0 + len(amount))
        n = prior.worth + len(amount)
        size = (prior.worth * first + float(amount.sum())) / n
        square = (prior.worth * (1.0 + prior.spread) * first**2 + float(np.square(amount).sum())) / n
        return size, max(square - size**2, 0.01 * size**2) / n

    def _excess(self, arm: int, column: str, last_week: int, seen: tuple[Floats, float]) -> tuple[float, float]:
        """Mean and variance of what the arm adds a user-week: before data as much again as everybody has."""
        amount, expected = seen
        weeks = np.array(list(self.under), np.int64)
        share = self._share(column, weeks, last_week)
        exposure = float(share @ np.array([u[arm] for u in self.under.values()])) if len(weeks) else 0.0
        everybody = float(share @ np.array([u.sum() for u in self.under.values()])) if len(weeks) else 0.0
        usual = self.cases.amount[(self.cases.code == self.columns.index(column)) & (self.cases.arm != arm)]
        start = (1.0 + usual.sum()) / max(everybody - exposure, 1.0)
        worth = 2.0  # events of one
        known = worth / start + exposure
        mean = (worth + max(float(amount.sum()) - expected, 0.0)) / known
        return mean, (worth + float(np.square(amount).sum())) / known**2

    def _share(self, column: str, week: NDArray[np.integer], last_week: int) -> Floats:
        share = self.shares[column]
        return np.asarray(share[np.clip(last_week - week, 0, len(share) - 1)])

    def begin_run(self, last_week: int, burn_in_weeks: int) -> None:
        """Date what a history told before the burn-in of a run; weeks still reported on when it ended are dropped."""
        whole, moved = last_week - self.ages + 1, burn_in_weeks + last_week + 1
        self.sample = self.sample.where(self.sample.week <= whole).earlier(moved)
        self.cases = self.cases.where(self.cases.week <= whole).earlier(moved)
        self.under = {w - moved: u for w, u in self.under.items() if w <= whole}
        self.held = {}

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {f"sample/{k}": v for k, v in self.sample.arrays().items()}
        out |= {f"cases/{k}": v for k, v in self.cases.arrays().items()}
        out |= {f"under/{week}": u for week, u in self.under.items()}
        for week, (ids, arm, x) in self.held.items():
            out |= {f"held/{week}/user_id": ids, f"held/{week}/arm": arm, f"held/{week}/x": x}
        return out

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        self.sample = _Rows.of({k: arrays[f"sample/{k}"] for k in _FIELDS})
        self.cases = _Rows.of({k: arrays[f"cases/{k}"] for k in _FIELDS})
        weeks = sorted(int(k.split("/")[1]) for k in arrays if k.startswith("under/"))
        self.under = {w: np.array(arrays[f"under/{w}"], np.float64) for w in weeks}
        held = sorted(int(k.split("/")[1]) for k in arrays if k.startswith("held/") and k.endswith("/x"))
        self.held = {
            w: (
                arrays[f"held/{w}/user_id"].astype(np.int64),
                arrays[f"held/{w}/arm"].astype(np.int16),
                np.array(arrays[f"held/{w}/x"], np.float32),
            )
            for w in held
        }


_FIELDS = ("x", "week", "arm", "code", "amount")


@dataclass(frozen=True, eq=False)
class _Rows:
    """User-weeks, m of them: features, week, arm, column of the case (-1: none), amount."""

    x: Floats32  # (m, d)
    week: NDArray[np.int32]
    arm: NDArray[np.int16]
    code: NDArray[np.int8]
    amount: Floats

    @classmethod
    def empty(cls, d: int) -> _Rows:
        return cls(
            np.empty((0, d), np.float32),
            np.empty(0, np.int32),
            np.empty(0, np.int16),
            np.empty(0, np.int8),
            np.empty(0),
        )

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> _Rows:
        return cls(
            np.array(arrays["x"], np.float32),
            np.array(arrays["week"], np.int32),
            np.array(arrays["arm"], np.int16),
            np.array(arrays["code"], np.int8),
            np.array(arrays["amount"], np.float64),
        )

    def plus(self, x: Floats32, week: int, arm: NDArray[np.int16], code: int, amount: Floats) -> _Rows:
        m = len(x)
        return _Rows(
            np.concatenate([self.x, x]),
            np.concatenate([self.week, np.full(m, week, np.int32)]),
            np.concatenate([self.arm, arm]),
            np.concatenate([self.code, np.full(m, code, np.int8)]),
            np.concatenate([self.amount, amount]),
        )

    def where(self, keep: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.x[keep], self.week[keep], self.arm[keep], self.code[keep], self.amount[keep])

    def earlier(self, weeks: int) -> _Rows:
        return replace(self, week=self.week - np.int32(weeks))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {f: getattr(self, f) for f in _FIELDS}


def _fit(cases: Floats, rows: Floats, exposure: Floats) -> tuple[Floats, Floats]:
    """Posterior mode and Laplace covariance: cases (m, p), all user-weeks on rows (s, p) with their exposure (s,)."""
    p = rows.shape[1]
    prior = np.full(p, _SLOPE_SD**-2)
    prior[0], prior[1 + p // 2 :] = _PRIOR_LOG_SD**-2, _CURVE_SD**-2
    start = np.zeros(p)
    start[0] = np.log(_PRIOR_RATE)
    theta, total = start.copy(), cases.sum(axis=0)
    if exposure.sum() > 0:
        theta[0] = np.log((0.5 + len(cases)) / (0.5 / _PRIOR_RATE + exposure.sum()))
    curve = np.diag(prior)
    for _ in range(_STEPS):
        rate = exposure * np.exp(np.minimum(rows @ theta, 0.0))
        curve = np.diag(prior) + (rows * rate[:, None]).T @ rows
        step = np.linalg.solve(curve, total - rate @ rows - prior * (theta - start))
        theta = theta + step * min(1.0, 2.0 / (float(np.abs(step).max()) + 1e-12))
        if np.abs(step).max() < 1e-4:
            break
    return theta, np.linalg.inv(curve)


def _with_one(z: NDArray[np.floating]) -> Floats:
    """(n, 1 + 2 d) rows in which a log-rate is linear: one, features, and their squares."""
    x = np.asarray(z, np.float64)
    return np.concatenate([np.ones((len(x), 1)), x, 0.25 * x * x], axis=1)


def late_case_columns(rated: Sequence[str], often: str) -> tuple[str, ...]:
    """Those of the rated columns that are late and rare."""
    return tuple(c for c in rated if c in DELAYED and c != often)
