"""Evidence that users under an arm lose no more than the arm declares, good at any time it is looked at.

A week's users bet against the hypothesis that each is expected to lose at least e_i dollars. With losses cut at
ten times e_i, y_i = min(reported, 10 e_i) / (reported_share(age) e_i) has a mean of at least .9 under it, assuming
that at most a tenth of what an arm loses lies beyond the cut; then E[prod (1 + s (.9 - y_i))] <= 1 for every stake s
that cannot lose more than it has (Waudby-Smith and Ramdas 2024; Ville 1939). Dividing by the known share makes young
reports unbiased. Each age at which weeks are looked at bets for itself; their mean is an e-value again (Vovk and Wang
2021). Without a cut, the largest loss that the arm allows would set the stake, and evidence would take a year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.log import Reports

__all__ = ["AGES", "Certificate"]

Floats = NDArray[np.float64]
AGES = (2, 4, 8, 18)
"""Ages in weeks at which a week's reports are looked at; where all is known sooner, at that age instead."""

_LEAST_KNOWN = 0.05  # a younger week tells too little
_STAKES = (0.3, 0.9)  # of the largest that cannot lose more than it has
_CUT, _BEYOND = 10.0, 0.1  # of the bound; share of the loss that may lie beyond the cut (assumed)


@dataclass(eq=False)
class _Week:
    """Users under the arm in one week: ids (sorted), what each declares, and what was reported of each so far."""

    user_id: NDArray[np.int64]
    bound: Floats
    reported: Floats


class Certificate:
    """Remembers log wealth by age and stake, and the weeks that are still looked at.

    share: (T,) known share by age. level: chance that it ever certifies a bound
    that does not hold; the j-th enlargement spends level / 2^j of it.
    """

    def __init__(self, arm: int, share: Floats, level: float) -> None:
        self.arm, self.share, self.level = arm, share, level
        last = len(share) - 1
        self.ages = tuple(sorted({min(a, last) for a in AGES if share[min(a, last)] >= _LEAST_KNOWN}))
        self.wealth = np.zeros((len(self.ages), len(_STAKES)))
        self.weeks: dict[int, _Week] = {}
        self.enlarged = 0
        self.early = np.zeros(2)  # dollars known at the youngest age, and at the last, of weeks old enough for both
        self._young: dict[int, float] = {}

    def add(self, week: int, user_id: NDArray[np.int64], bound: Floats) -> None:
        """Users (m,) now under the arm, and the dollars each is declared to lose at most in expectation (m,)."""
        order = np.argsort(user_id, kind="stable")
        self.weeks[week] = _Week(user_id[order], bound[order], np.zeros(len(order)))

    def hear(self, reports: Reports, last_week: int) -> None:
        """Take in what was reported by the end of `last_week`, then bet with the weeks that are of age."""
        for week, held in self.weeks.items():
            mine = reports.where(reports.accrual_week == week)
            if len(held.user_id) and len(mine):
                at = np.minimum(np.searchsorted(held.user_id, mine.user_id), len(held.user_id) - 1)
                hit = held.user_id[at] == mine.user_id
                np.add.at(held.reported, at[hit], mine.amount[hit].astype(np.float64))
        for week in sorted(self.weeks):
            age = last_week - week
            if age in self.ages:
                self._bet(self.ages.index(age), week, float(self.share[age]))
            if self.ages and age >= self.ages[-1]:
                del self.weeks[week]
        self._enlarge()

    def _bet(self, i: int, week: int, share: float) -> None:
        held = self.weeks[week]
        total = float(held.reported.sum())
        if i == 0:
            self._young[week] = total
        if i == len(self.ages) - 1:
            self.early += np.array([self._young.pop(week, 0.0), total])
        if not len(held.bound):
            return
        gain = 1.0 - _BEYOND - np.minimum(held.reported / held.bound, _CUT) / share
        most = 1.0 / (_CUT / share - 1.0 + _BEYOND)
        for j, stake in enumerate(_STAKES):
            self.wealth[i, j] += float(np.log1p(stake * most * gain).sum())

    @property
    def log_evidence(self) -> float:
        """Log of the mean of all wealths."""
        return float(np.logaddexp.reduce(self.wealth.ravel()) - np.log(self.wealth.size)) if self.wealth.size else 0.0

    @property
    def delays_hold(self) -> bool:
        """Whether old weeks had shown, when young, at least half of what the known law says."""
        if self.early[1] <= 0 or not self.ages:
            return True
        return bool(self.early[0] >= 0.5 * self.share[self.ages[0]] / self.share[self.ages[-1]] * self.early[1])

    def _enlarge(self) -> None:
        """One factor of two for each time the evidence is strong enough; then it starts again."""
        spent = self.level / 2.0 ** (self.enlarged + 1)
        if self.log_evidence >= -np.log(spent) and self.delays_hold:
            self.enlarged += 1
            self.wealth[:] = 0.0

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {"wealth": self.wealth, "early": self.early}
        out["enlarged"] = np.array(self.enlarged)
        out["young"] = np.array([[w, x] for w, x in self._young.items()], np.float64).reshape(-1, 2)
        for week, held in self.weeks.items():
            out |= {f"{week}/{f}": getattr(held, f) for f in ("user_id", "bound", "reported")}
        return out

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        self.wealth, self.early = np.array(arrays["wealth"], np.float64), np.array(arrays["early"], np.float64)
        self.enlarged = int(arrays["enlarged"])
        self._young = {int(w): float(x) for w, x in np.asarray(arrays["young"], np.float64)}
        weeks = sorted(int(k.split("/")[0]) for k in arrays if k.endswith("/bound"))
        self.weeks = {
            w: _Week(
                np.array(arrays[f"{w}/user_id"], np.int64),
                np.array(arrays[f"{w}/bound"], np.float64),
                np.array(arrays[f"{w}/reported"], np.float64),
            )
            for w in weeks
        }


def smallest(enlarged: Sequence[int]) -> int:
    """Enlargements that all arms have; many where there are none."""
    return min(enlarged, default=64)
