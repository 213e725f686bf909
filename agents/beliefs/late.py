"""Losses that an arm causes in almost every user-week and that become known late: a ridge with an offset for delay.

By age a week has reported a known share of its losses, so E[sum w x reported] = share * (sum w x x') theta: the
moment takes reports as they come, the Gram matrix counts each week at its reported share. The covariance is a
sandwich with the squared reports in the middle (White 1980), so no variance is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.log import Reports

__all__ = ["LateLoss", "LateRidge", "loss_rows"]

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def loss_rows(z: Floats32, gmv: Floats32) -> Floats32:
    """(n, 2 + 2 d) rows in which a loss is linear: a share of GMV, and an amount, both moving with the features.

    gmv: (n,) relative to the mean user-week; realised when learning, expected when planning.
    """
    x = np.concatenate([np.ones((len(z), 1), np.float32), z], axis=1)
    return np.concatenate([x * gmv[:, None], x], axis=1)


@dataclass(frozen=True, eq=False)
class LateLoss:
    """Beliefs on the loss of one arm: theta (p,) and its covariance (p, p), in dollars a row."""

    arm: int
    mean: Floats
    covariance: Floats


class LateRidge:
    """One arm's late loss. Remembers sums, and the rows of weeks that still report.

    prior_usd: expected loss of an average user-week, believed to within about 40 %.
    """

    def __init__(self, arm: int, d: int, prior_usd: float, reported_share: Floats) -> None:
        self.arm, self.share, self.prior_usd = arm, reported_share, prior_usd
        sd = prior_usd * np.concatenate([[0.4], np.full(d, 0.06), [0.1], np.full(d, 0.03)])
        self.prior = sd**-2
        p = len(sd)
        self.gram, self.moment, self.middle = np.zeros((p, p)), np.zeros(p), np.zeros((p, p))
        self.open: dict[int, tuple[NDArray[np.int64], NDArray[np.float16], Floats32, Floats]] = {}

    def add(self, week: int, user_id: NDArray[np.int64], z: Floats32, gmv: Floats32) -> None:
        """Note the user-weeks under this arm: features z (rows, d) and gmv, relative to the mean (rows,)."""
        order = np.argsort(user_id, kind="stable")
        short = z[order].astype(np.float16)
        x = loss_rows(short.astype(np.float32), gmv[order])
        gram = ((x * self._weight(gmv[order])[:, None]).T @ x).astype(np.float64)
        self.open[week] = user_id[order], short, gmv[order], gram
        for old in [w for w in self.open if week - w >= len(self.share)]:
            self.gram += self.open.pop(old)[3]

    def hear(self, reports: Reports) -> None:
        """Take in reports of this column; rows of other arms are passed over."""
        for week in np.unique(reports.accrual_week).tolist():
            if week not in self.open or not len(self.open[week][0]):
                continue
            ids, z, gmv, _ = self.open[week]
            mine = np.flatnonzero(reports.accrual_week == week)
            at = np.minimum(np.searchsorted(ids, reports.user_id[mine]), len(ids) - 1)
            hit = ids[at] == reports.user_id[mine]
            at, amount = at[hit], reports.amount[mine][hit]
            wx = loss_rows(z[at].astype(np.float32), gmv[at]) * (self._weight(gmv[at]) * amount)[:, None]
            self.moment += wx.sum(axis=0, dtype=np.float64)
            self.middle += wx.T @ wx

    def forget(self, keep: float) -> None:
        """Let what is fully reported count `keep` times as much."""
        self.gram *= keep
        self.moment *= keep
        self.middle *= keep
        self.open = {w: (i, z, g, gram * keep) for w, (i, z, g, gram) in self.open.items()}

    def close(self, last_week: int) -> None:
        """Count open weeks by what they have reported by `last_week`, and hear no more of them."""
        self.gram = self._told(last_week)
        self.open = {}

    def _told(self, last_week: int) -> Floats:
        """Gram matrix (p, p), each week at its reported share."""
        total = self.gram.copy()
        for week, (_, _, _, gram) in self.open.items():
            total += self.share[min(max(last_week - week, 0), len(self.share) - 1)] * gram
        return total

    def posterior(self, last_week: int) -> LateLoss:
        """Beliefs as known at the end of `last_week`."""
        precision = np.diag(self.prior) + self._told(last_week)
        start = np.zeros(len(self.prior))
        start[0] = self.prior[0] * self.prior_usd
        inverse = np.linalg.inv(precision)
        return LateLoss(
            self.arm, inverse @ (start + self.moment), inverse @ (np.diag(self.prior) + self.middle) @ inverse
        )

    def _weight(self, gmv: Floats32) -> Floats32:
        """(rows,) 1 / variance up to a factor: amounts spread as they grow."""
        return np.asarray(1.0 / (np.square(self.prior_usd * 1.5) * (np.square(gmv) + 0.25)), dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {f: getattr(self, f) for f in ("gram", "moment", "middle")}
        for week, (ids, z, gmv, gram) in self.open.items():
            out |= {f"{week}/user_id": ids, f"{week}/z": z, f"{week}/gmv": gmv, f"{week}/gram": gram}
        return out

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        for name in ("gram", "moment", "middle"):
            setattr(self, name, np.array(arrays[name], dtype=np.float64))
        weeks = sorted(int(name.split("/")[0]) for name in arrays if name.endswith("/user_id"))
        self.open = {
            w: (
                arrays[f"{w}/user_id"].astype(np.int64),
                arrays[f"{w}/z"].astype(np.float16),
                arrays[f"{w}/gmv"].astype(np.float32),
                arrays[f"{w}/gram"].astype(np.float64),
            )
            for w in weeks
        }
