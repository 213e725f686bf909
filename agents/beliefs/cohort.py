"""All that a learner believes of a cohort: value of each arm beyond leaving alone, and usage of each guardrail.

Value is revenue less costs and losses, less the retention value of users lost. Effects on GMV and churn are
control-relative ridges on features, scaled by what the user does when left alone; what an arm earns, costs and
loses for each unit of volume are pooled rates. Burn-in weeks hold survivors by construction: nothing of churn is
learned there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.basis import Basis, squares
from agents.beliefs.buffer import Buffer, Cells
from agents.beliefs.hazard import Hazard
from agents.beliefs.late import LateRidge, loss_rows
from agents.beliefs.linear import Ridge, Structure
from agents.beliefs.outlook import LATE_OFTEN, Believed, Outlook, effect_rows, see
from agents.beliefs.priors import exposure_of, open_losses, prior_of, rated_columns
from agents.beliefs.rates import Rates
from agents.beliefs.risk import STRATA, Risk
from agents.beliefs.volumes import GMV, VOLUMES, Volumes
from agents.interface import Problem
from rage_env.interface import Feedback, Observation
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["BeliefSettings", "CohortBelief"]

Arrays = Mapping[str, NDArray[np.generic]]
_BURN_IN_WORTH = 0.25  # of a week's evidence: who is left alone by choice later is another crowd
Floats = NDArray[np.float64]
Part = Hazard | Volumes | Risk | Ridge | Rates | LateRidge


@dataclass(frozen=True)
class BeliefSettings:
    """keep: how much of a week's evidence is left a week later. Prior sds are relative effects (assumed).

    adapt: take them for upper bounds, and let the data say how wide effects are.
    """

    keep: float = 0.99
    churn_sd: float = 0.3
    churn_slope_sd: float = 0.05
    gmv_sd: float = 0.1
    gmv_slope_sd: float = 0.03
    gmv_away_sd: float = 0.1
    adapt: bool = False


class CohortBelief:
    """Remembers the scale of features, five kinds of belief, and the cells of weeks that are still reported on."""

    def __init__(self, problem: Problem, settings: BeliefSettings) -> None:
        self.problem, self.settings = problem, settings
        d = problem.d
        self.basis: Basis | None = None
        self.buffer = Buffer()
        self.cells = Cells(max((len(s) for s in problem.reported_share.values()), default=1))
        self.hazard = Hazard(np.concatenate([[0.1], np.full(d, 3.0), np.full(d, 12.0)]))
        self.volumes, self.risk = Volumes(d), Risk(d)
        s = settings
        self.churn = Ridge(
            Structure.against_control(
                problem.k,
                _precision(d, 0.2, 0.1),
                _precision(d, s.churn_sd, s.churn_slope_sd),
                _precision(d, s.churn_sd, s.churn_slope_sd),
            ),
            adapt=s.adapt,
        )
        self.gmv = Ridge(
            Structure.against_control(
                problem.k,
                _precision(d, 0.1, 0.05, 0.1),
                _precision(d, 0.05, 0.02, 0.03),
                _precision(d, s.gmv_sd, s.gmv_slope_sd, s.gmv_away_sd),
            ),
            adapt=s.adapt,
        )
        self.rates: dict[str, Rates] = {}
        self.scale = self.volumes.mean  # of volumes when priors were set
        share = np.asarray(problem.reported_share.get(LATE_OFTEN, np.ones(1)), dtype=np.float64)
        self.late = tuple(LateRidge(arm, d, usd, share) for arm, usd in open_losses(problem))
        self.last_week = -problem.burn_in_weeks - 1

    def learn(self, feedback: Feedback) -> None:
        """Take in one week, once; burn-in weeks wait until the scale of features is settled."""
        if feedback.new.week <= self.last_week:
            return
        self.last_week = feedback.new.week
        if self.basis is None and feedback.new.week < 0:
            self.buffer.add(feedback.new, feedback.reports)
            return
        self.settle(feedback.new.features[feedback.new.present])
        self._take(feedback.new)
        self._hear(feedback.reports)

    def prepare(self, history: Sequence[Feedback]) -> None:
        """Settle scale, strata and priors on these weeks of a history, the first to be learned, and take them in."""
        for feedback in history:
            self.buffer.add(feedback.new, feedback.reports)
            self.last_week = feedback.new.week
        if history:
            self.settle(history[-1].new.features)

    def begin_run(self) -> None:
        """Close the books of a history: what it left unreported counts for nothing, and the run's weeks are to come."""
        for rates in self.rates.values():
            rates.close(self.last_week)
        for late in self.late:
            late.close(self.last_week)
        self.cells = Cells(self.cells.weeks)
        self.last_week = -self.problem.burn_in_weeks - 1

    def settle(self, features: NDArray[np.float32]) -> None:
        """Fix scale, strata and priors once, by the burn-in weeks or, without any, by these rows (n, d)."""
        if self.basis is not None:
            return
        weeks, reports = self.buffer.weeks, Reports.concat(self.buffer.reports)
        self.basis = Basis.fit(weeks[-1].features[weeks[-1].present] if weeks else features)
        for week in weeks[len(weeks) // 2 :]:  # by then trailing features have filled
            self.volumes.update(self.basis.z(week.features[week.present]), _rows(week, week.present))
        self.volumes.forget(_BURN_IN_WORTH)
        self.risk.fit(
            [self.basis.z(w.features[w.present]) for w in weeks], [_eventful(w, reports)[w.present] for w in weeks]
        )
        self.scale = self.volumes.mean
        self.rates = {c: self._rates(c) for c in rated_columns(self.problem.guardrails)}
        for week in weeks:
            self._take(week)
        self._hear(reports)
        self.buffer = Buffer()

    def look(self, observation: Observation) -> Outlook:
        """What is expected of these users this week."""
        self.settle(observation.features[observation.present])
        assert self.basis is not None
        z = self.basis.z(observation.features)
        believed = Believed(
            z=z,
            rate=self.hazard.rate(squares(z)),
            volumes=self.volumes.expected(z),
            mean_volumes=self.volumes.mean,
            stratum=self.risk.stratum(z),
            churn=self.churn.posterior(),
            gmv=self.gmv.posterior(),
            rates={c: r.posterior(self.last_week) for c, r in self.rates.items()},
            late=tuple(r.posterior(self.last_week) for r in self.late),
        )
        return see(self.problem, observation, believed)

    def effects(self, features: NDArray[np.float32]) -> Floats:
        """(rows, k) expected value beyond arm 0 of users with these features (rows, d)."""
        return self._imagine(features).value

    def value(self, features: NDArray[np.float32]) -> Floats:
        """(rows, k) expected value under each arm, frequent losses as in `effects`, rare ones of arm 0 left out."""
        seen = self._imagine(features)
        alone = seen.revenue_rate[:, 0] * seen.gmv_alone - self.problem.retention_value_usd * seen.rate
        return alone[:, None] + seen.value

    def _imagine(self, features: NDArray[np.float32]) -> Outlook:
        """The outlook of users with these features who are present and may be offered anything."""
        n, k = len(features), self.problem.k
        everyone = np.ones(n, np.bool_)
        g = len(self.problem.guardrails)
        seen = Observation(
            week=self.last_week + 1,
            user_id=np.arange(n),
            unit=np.arange(n),
            features=features,
            action_mask=np.ones((n, k), np.int8),
            is_new=~everyone,
            present=everyone,
            segments={},
            status_quo=np.eye(k, dtype=np.float32)[np.zeros(n, np.intp)],
            numerator_to_date=np.zeros(g),
            denominator_to_date=np.zeros(g),
        )
        return self.look(seen)

    def late_loss(self, features: NDArray[np.float32], arm: NDArray[np.int64], gmv: NDArray[np.float32]) -> Floats:
        """(rows,) believed late and frequent loss of user-weeks that spent `gmv` dollars under `arm`."""
        out = np.zeros(len(arm))
        for late in self.late:
            assert self.basis is not None
            mine = np.flatnonzero(arm == late.arm)
            x = loss_rows(self.basis.z(features[mine]), gmv[mine] / np.float32(self.volumes.mean[GMV]))
            out[mine] = np.maximum(x @ late.posterior(self.last_week).mean.astype(np.float32), 0.0)
        return out

    def _rates(self, column: str) -> Rates:
        exposure = exposure_of(column)
        volume = float(self.scale[VOLUMES.index(exposure)]) if exposure in VOLUMES else 1.0
        share = self.problem.reported_share.get(column, np.ones(1)) if column in DELAYED else np.ones(1)
        return Rates(STRATA, prior_of(column, self.problem, volume), np.asarray(share, dtype=np.float64))

    def _take(self, week: WeekLog) -> None:
        """Learn from a week's immediate columns, and note its exposure to what is reported later."""
        assert self.basis is not None
        here = np.flatnonzero(week.present)
        arm, columns = week.arm[here], _rows(week, here)
        z = self.basis.z(week.features[here])
        hx = squares(z)
        if week.week >= 0:
            self._learn_baseline(arm, z, hx, columns)
        rate, volumes = self.hazard.rate(hx), self.volumes.expected(z)
        if week.week >= 0:
            self._learn_effects(arm, z, rate, volumes, columns)
        cell = arm * STRATA + self.risk.stratum(z)
        self.cells.add(week.week, week.user_id[here], cell)
        for column, rates in self.rates.items():
            rates.expose(week.week, cell, columns.get(exposure_of(column), np.ones(len(here), np.float32)))
            if column not in DELAYED:
                rates.observe(cell, columns[column])
        gmv = columns["gmv"] / np.float32(self.volumes.mean[GMV])
        for late in self.late:
            mine = np.flatnonzero(arm == late.arm)
            late.add(week.week, week.user_id[here][mine], z[mine], gmv[mine])

    def _learn_baseline(
        self,
        arm: NDArray[np.int64],
        z: NDArray[np.float32],
        hx: NDArray[np.float32],
        columns: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """What users do when left alone. Volumes of treated users count too, less their believed lift.

        Without these the baseline would be extrapolated to the very users who are always treated.
        """
        alone = arm == 0
        self.hazard.forget(self.settings.keep)
        self.hazard.update(hx[alone], columns["churned"][alone], np.ones(int(alone.sum()), np.float32))
        volumes, mean = self.volumes.expected(z), self.volumes.mean.astype(np.float32)
        gx = effect_rows(z, volumes[:, 0], volumes[:, GMV] / mean[GMV], volumes[:, 0])[1]
        gain = np.concatenate([np.zeros((len(z), 1)), self.gmv.posterior().expected(gx)], axis=1)
        lift = np.clip(1.0 + gain[np.arange(len(z)), arm] / (volumes[:, GMV] / mean[GMV]), 0.5, 2.0)
        self.volumes.forget(self.settings.keep)
        self.volumes.update(z, {c: columns[c] / lift.astype(np.float32) for c in VOLUMES})

    def _learn_effects(
        self,
        arm: NDArray[np.int64],
        z: NDArray[np.float32],
        rate: NDArray[np.float32],
        volumes: NDArray[np.float32],
        columns: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """What users did beyond what was expected of them when left alone."""
        self.churn.forget(self.settings.keep)
        self.gmv.forget(self.settings.keep)
        mean = self.volumes.mean.astype(np.float32)
        expected = volumes[:, GMV] / mean[GMV]
        cx, gx = effect_rows(z, rate, expected, volumes[:, 0])
        self.churn.update(cx, arm, columns["churned"] - rate, np.reciprocal(rate * (1 - rate)))
        noise = np.float32(self.volumes.noise) * expected
        self.gmv.update(gx, arm, columns["gmv"] / mean[GMV] - expected, 1 / noise)

    def _hear(self, reports: Reports) -> None:
        for column, rates in self.rates.items():
            if column in DELAYED:
                mine = reports.amounts(column)
                cell, known = self.cells.find(mine.accrual_week, mine.user_id)
                rates.observe(cell, mine.amount[known])
        for late in self.late:
            late.hear(reports.amounts(LATE_OFTEN))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out = _prefixed("buffer", self.buffer.arrays())
        out |= {"last_week": np.array(self.last_week), "scale": self.scale}
        if self.basis is not None:
            out |= _prefixed("basis", {"centre": self.basis.centre, "scale": self.basis.scale})
            out |= _prefixed("cells", self.cells.arrays())
            for name, part in self._parts().items():
                out |= _prefixed(name, part.arrays())
        return out

    def restore(self, arrays: Arrays) -> None:
        """Inverse of arrays, on a belief made for the same problem."""
        self.buffer.restore(_under("buffer", arrays))
        self.last_week = int(arrays["last_week"])
        self.scale = np.array(arrays["scale"], np.float64)
        basis = _under("basis", arrays)
        if basis:
            self.basis = Basis(np.array(basis["centre"], np.float64), np.array(basis["scale"], np.float64))
            self.volumes.restore(_under("volumes", arrays))
            self.cells.restore(_under("cells", arrays))
            self.rates = {c: self._rates(c) for c in rated_columns(self.problem.guardrails)}
            for name, part in self._parts().items():
                part.restore(_under(name, arrays))

    def _parts(self) -> dict[str, Part]:
        fixed: dict[str, Part] = {
            "hazard": self.hazard,
            "volumes": self.volumes,
            "risk": self.risk,
            "churn": self.churn,
            "gmv": self.gmv,
        }
        late = {f"late.{r.arm}": r for r in self.late}
        return fixed | {f"rates.{c}": r for c, r in self.rates.items()} | late


def _precision(d: int, sd: float, slope_sd: float, usd_sd: float | None = None) -> NDArray[np.float64]:
    tail = [] if usd_sd is None else [usd_sd**-2]
    return np.concatenate([[sd**-2], np.full(d, slope_sd**-2), tail])


def _rows(week: WeekLog, rows: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
    return {c: np.asarray(v[rows], dtype=np.float32) for c, v in week.columns.items()}


def _eventful(week: WeekLog, reports: Reports) -> NDArray[np.bool_]:
    """(n,) users of that week with abuse, or with a report of fraud, dispute or chargeback, credit apart."""
    signs = [DELAYED.index(c) for c in ("loss_fraud", "fraud_reports", "disputes", "chargebacks")]
    mine = reports.where((reports.accrual_week == week.week) & np.isin(reports.column, signs))
    return np.isin(week.user_id, mine.user_id) | (week.columns["abuse"] > 0)


def _prefixed(name: str, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    return {f"{name}/{k}": v for k, v in arrays.items()}


def _under(name: str, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    return {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
