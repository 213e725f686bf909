"""What is written down of a run: a row a week, totals by user, and one summary at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.interface import Decision
from experiments.exhibits import Exhibits, LivedWeek
from experiments.guardrail_book import Entry, GuardrailBook
from experiments.metrics import Mean, UserTotals, paired, per_active, skewness
from experiments.offline import OfflineBook
from experiments.watch import Lived, Watch
from experiments.week_truth import WeekTruth
from experiments.yardstick import Step, Yardstick
from rage_env.outcomes import net_revenue, value

__all__ = ["RunBook", "RunOutcome"]

Row = dict[str, float]
_STEPS = ("agent", "no_offer", "oracle_observable", "oracle_latent")


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """All that a run leaves. users: one row a user, settled totals beside those of the same life left alone.

    exhibits: tables that are there to be shown, by name.
    """

    weekly: pd.DataFrame
    summary: dict[str, object]
    users: pd.DataFrame
    ope: pd.DataFrame
    monitors: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)
    exhibits: dict[str, pd.DataFrame] = field(default_factory=dict)


@dataclass
class RunBook:
    """Remembers a run while it goes on; `close` sums it up."""

    agent: str
    seed: int
    arm_names: Sequence[str]
    totals: UserTotals
    guardrails: GuardrailBook
    yardstick: Yardstick
    offline: OfflineBook
    watches: Sequence[Watch]
    exhibits: Exhibits
    rows: list[Row] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    entries: list[tuple[Entry, ...]] = field(default_factory=list)
    user_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def measure(self, truth: WeekTruth, probs: NDArray[np.float32]) -> None:
        """Hold the week's probabilities against the oracles, in the weeks that are sampled."""
        step = self.yardstick.measure(truth, probs)
        if step is not None:
            self.steps.append(step)

    def enter(
        self,
        lived: Lived,
        decision: Decision,
        ledger: Mapping[str, NDArray[np.float32]],
        guarded: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        """Write down the week just lived. ledger: {column: (n,)} by accrual, pending losses included.

        guarded: the part of it that guardrails count, where they do not count all.
        """
        truth, log = lived.truth, lived.log
        self.user_id = log.user_id
        worth, net, nrpau = self.totals.add(ledger)
        entries = self.guardrails.enter(truth, decision.probs, ledger if guarded is None else guarded, lived.reports)
        self.entries.append(entries)
        exact = {c: v.astype(np.float64) for c, v in ledger.items()}
        by_user = np.asarray(value(exact, self.totals.retention_value_usd))
        self.offline.add(truth, log, by_user)
        self.exhibits.enter(LivedWeek(truth, log, decision, ledger, by_user, np.asarray(net_revenue(exact))))
        for watch in self.watches:
            watch.see(lived)
        present = int(log.present.sum())
        row: Row = {"week": log.week, "value": worth, "net_revenue": net, "nrpau": nrpau, "present": present}
        row |= self._step(log.week)
        row["expected_value"] = truth.step_value(decision.probs) / log.n
        row |= _guardrail_columns(self.guardrails, entries, decision)
        taken = np.bincount(log.arm[log.present], minlength=len(self.arm_names)) / max(present, 1)
        row |= {f"share.{name}": float(share) for name, share in zip(self.arm_names, taken, strict=True)}
        self.rows.append(row)

    def close(self, control: UserTotals) -> RunOutcome:
        """Sum up. control: totals of the same lives left alone."""
        gain = paired(self.totals.value, control.value, self.totals.weeks)
        ope = self.offline.judge()
        looks = [watch.path(gain) for watch in self.watches if watch.states]
        about = {"agent": self.agent, "seed": self.seed}
        return RunOutcome(
            weekly=pd.DataFrame(self.rows),
            summary=self._summary(control, gain, ope),
            users=self._users(control),
            ope=_labelled(ope, about),
            monitors=_labelled(pd.concat(looks, ignore_index=True), about) if looks else pd.DataFrame(),
            exhibits=self.exhibits.tables(),
        )

    def _step(self, week: int) -> Row:
        step = self.steps[-1] if self.steps and self.steps[-1].week == week else None
        columns = {f"step.{n}": math.nan if step is None else float(getattr(step, n)) for n in _STEPS}
        return {"share_of_oracle": math.nan if step is None else step.share, **columns}

    def _summary(self, control: UserTotals, gain: Mean, ope: pd.DataFrame) -> dict[str, object]:
        totals, weeks, guardrails = self.totals, self.totals.weeks, self.guardrails.guardrails
        net_gain = paired(totals.net_revenue, control.net_revenue, weeks)
        mine, theirs = (per_active(t.net_revenue, t.active) for t in (totals, control))
        return {
            "agent": self.agent,
            "seed": self.seed,
            "users": len(totals.value),
            "weeks": weeks,
            "value": float(totals.value.mean()) / weeks,
            "net_revenue": float(totals.net_revenue.mean()) / weeks,
            "gain": asdict(gain),
            "gain_skewness": skewness(totals.value, control.value),
            "net_revenue_gain": asdict(net_gain),
            "nrpau": asdict(mine),
            "nrpau_no_offer": theirs.value,
            "oracle": {n: sum(getattr(s, n) for s in self.steps) for n in _STEPS},
            "weeks_violated": sum(any(e.violated for e in week) for week in self.entries),
            "guardrails": {g.name: _over_weeks([e[i] for e in self.entries]) for i, g in enumerate(guardrails)},
            "ope": _by_estimator(ope),
            "monitors": {w.entry.label: _verdict(w, gain) for w in self.watches},
        }

    def _users(self, control: UserTotals) -> pd.DataFrame:
        mine, theirs = self.totals, control
        return pd.DataFrame(
            {
                "user_id": self.user_id,
                "value": mine.value,
                "net_revenue": mine.net_revenue,
                "value_no_offer": theirs.value,
                "net_revenue_no_offer": theirs.net_revenue,
            }
        )


def _guardrail_columns(book: GuardrailBook, entries: Sequence[Entry], decision: Decision) -> Row:
    allocation = decision.allocation
    prices = {} if allocation is None else dict(zip(allocation.row_names, allocation.prices.tolist(), strict=True))
    row: Row = {}
    for guardrail, entry in zip(book.guardrails, entries, strict=True):
        name = guardrail.name
        row[f"slack_true.{name}"] = entry.slack_true
        row[f"slack_reported.{name}"] = entry.slack_reported
        row[f"slack_realised.{name}"] = entry.slack_realised
        row[f"violated.{name}"] = float(entry.violated)
        row[f"unavoidable.{name}"] = float(entry.unavoidable)
        row[f"price.{name}"] = float(prices.get(name, math.nan))
    return row


def _over_weeks(entries: Sequence[Entry]) -> dict[str, float]:
    """Least and mean slack of each kind, and the weeks counted against it."""
    found: dict[str, float] = {}
    for kind in ("slack_true", "slack_reported", "slack_realised"):
        known = [s for e in entries if math.isfinite(s := getattr(e, kind))]
        found[f"{kind}_min"] = min(known, default=math.nan)
        found[f"{kind}_mean"] = sum(known) / len(known) if known else math.nan
    found["violated"] = sum(e.violated for e in entries)
    found["unavoidable"] = sum(e.unavoidable for e in entries)
    return found


def _by_estimator(ope: pd.DataFrame) -> dict[str, object]:
    columns = ("value", "stderr", "step_truth", "error", "z", "evaluable", "reason", "rows")
    return {str(line["estimator"]): {c: line[c] for c in columns} for line in ope.to_dict("records")}


def _verdict(watch: Watch, gain: Mean) -> dict[str, object]:
    stop = watch.stop
    return {
        "verdict": watch.verdict,
        "stop_week": None if stop is None else stop.week,
        "mark": watch.mark(gain),
        "reason": watch.reason,
    }


def _labelled(table: pd.DataFrame, about: Mapping[str, object]) -> pd.DataFrame:
    labelled = table.assign(**about)
    return labelled[[*about, *(c for c in table.columns)]]
