"""Weeks of the same people side by side: what facts are computed on, simulated or from anybody's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import LogError, did_you_mean

__all__ = ["Bools", "Floats", "Panel", "live"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Panel:
    """t weeks of n people. `columns` holds further ledger columns by name."""

    active: Floats  # (t, n) 0 or 1
    gmv: Floats  # (t, n) usd
    present: Bools  # (t, n) still a customer when the week began
    columns: Mapping[str, Floats] = field(default_factory=dict)  # (t, n) each

    @property
    def weeks(self) -> int:
        """Weeks that were lived."""
        return len(self.active)

    @property
    def users(self) -> int:
        """People, whether they stayed or not."""
        return int(self.active.shape[1])

    def column(self, name: str) -> Floats:
        """(t, n) a ledger column by name. Raises LogError for one that was not kept."""
        kept = {"active": self.active, "gmv": self.gmv, **self.columns}
        if name not in kept:
            raise LogError(f"panel: no column {name!r} was kept{did_you_mean(name, kept)} Kept: {', '.join(kept)}.")
        return kept[name]

    def of(self, who: Bools | NDArray[np.intp]) -> Panel:
        """The same weeks of some people. who: (n,) mask or positions."""
        columns = {name: held[:, who] for name, held in self.columns.items()}
        return Panel(self.active[:, who], self.gmv[:, who], self.present[:, who], columns)

    @property
    def stayers(self) -> Panel:
        """Those who were customers in every week."""
        return self.of(np.all(self.present, axis=0))


def live(env: CohortEnv, weeks: int, columns: Sequence[str] = (), *, arm: int = 0, share: float = 0.0) -> Panel:
    """The coming weeks of a cohort that was reset; every week `arm` goes to a random `share`, the rest are left alone.

    Who is contacted depends on the week and the number of users alone. columns: of the ledger, beside active and gmv.
    """
    rng = np.random.default_rng(weeks)
    names = ("active", "gmv", *columns)
    held = {name: np.empty((weeks, env.num_envs)) for name in names}
    present = np.empty((weeks, env.num_envs), np.bool_)
    for week in range(weeks):
        contacted = rng.random(env.num_envs) < share
        env.step(np.where(contacted, arm, 0))
        ledger = env.truth.ledger()
        for name, rows in held.items():
            rows[week] = ledger[name]
        present[week] = env.last_present
    return Panel(held.pop("active"), held.pop("gmv"), present, held)
