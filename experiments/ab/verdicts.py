"""Verdicts of a group's monitors, each held against the truth: right, wrong, or too close to mark.

A verdict on value is marked against `ab_truth` at its week: a truth below half the effect that the monitor's own
standard error makes detectable decides nothing, unless no life differs at all, where every call is wrong. A verdict on
a guardrail is marked by true violations of the group, week by week on conditional means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.ab.money import Money
from experiments.ab.ranked import RANKING
from experiments.ab.record import ROLLBACK, Record
from experiments.ab.truths import Truths
from experiments.config_ab import CONTROL
from experiments.marks import detectable, mark_of_guardrail, mark_of_value
from experiments.metrics import Mean
from experiments.monitors import MonitorState
from experiments.ratio_watch import RatioWatch
from experiments.watch import Watch

__all__ = ["VERDICTS", "Verdict", "detectable", "mark_of_guardrail", "mark_of_value", "of_assignment", "verdicts"]

NAN = math.nan


@dataclass(frozen=True)
class Verdict:
    """One row of verdicts.parquet. Weeks count from 0; dollars are totals of the group; NaN: nothing to say.

    aim: value, alarm or certificate, which answer different questions; assignment, or rule, which is no test.
    verdict: what the monitor came to (of a descriptive one: what looking at it every week would have called).
    week: of that call, by calendar. stopped: whether this call stopped the group. truth, truth_stderr: ab_truth up to
    that week (to the group's stop or the end where there was no call), usd per assigned user-week; scale_gap:
    deploy_truth less that. first_violation: first week in which the group truly broke the guardrail; delay_weeks: from
    then to the call. lost_before_usd: losses (value, for monitors of value) that the agent cost the group up to then;
    saved_after_usd: those it would have cost from then to the end, had nobody stopped it.
    """

    agent: str
    seed: int
    monitor: str
    kind: str
    metric: str
    aim: str
    validity: str
    verdict: str
    week: float
    mark: str
    stopped: bool
    estimate: float
    truth: float
    truth_stderr: float
    detectable: float
    deploy_truth: float
    scale_gap: float
    first_violation: float
    delay_weeks: float
    lost_before_usd: float
    saved_after_usd: float
    users: int
    reason: str


VERDICTS = (*Verdict.__dataclass_fields__, *RANKING)
"""Columns of verdicts.parquet: of the verdict, and of the ranking of agents, NaN where there is none."""


def verdicts(
    record: Record, seed: int, truths: Truths, deploy: NDArray[np.float64] | None, alpha: float
) -> pd.DataFrame:
    """One row a monitor. deploy: (weeks,) deploy_truth; alpha: of monitors that name none. Marks every watch, too."""
    money = Money(record, truths)
    rows = []
    for watch in record.book.watches:
        row = _verdict(record, watch, seed, money, deploy, alpha)
        watch.judged = row.mark
        rows.append(row)
    stop = record.seat.stop
    if stop is not None and stop.by == ROLLBACK:
        rows.append(_rolled_back(record, seed, money, deploy))
    return pd.DataFrame([asdict(row) for row in rows], columns=list(Verdict.__dataclass_fields__))


def of_assignment(check: MonitorState, seed: int, users: int) -> pd.DataFrame:
    """The one row on the sample ratio, under the control's name: hashes share out as planned, so any alarm is wrong."""
    row: dict[str, object] = dict.fromkeys(VERDICTS, NAN)
    alarm = check.verdict == "harm"
    row |= {"agent": CONTROL, "seed": seed, "users": users, "stopped": False, "reason": check.reason}
    row |= {"monitor": "sample_ratio", "kind": "ssrm", "metric": "assignment", "aim": "assignment"}
    row["validity"] = check.validity
    row |= {"verdict": check.verdict, "week": float(check.week) if alarm else NAN, "estimate": check.estimate}
    row |= {"mark": "wrong" if alarm else "rightly silent"}
    return pd.DataFrame([row], columns=list(VERDICTS))


def _verdict(
    record: Record, watch: Watch, seed: int, money: Money, deploy: NDArray[np.float64] | None, alpha: float
) -> Verdict:
    call, stop = watch.call, record.seat.stop
    week = money.end if call is None else call.week
    state = call or (watch.states[-1] if watch.states else None)
    said, about = _word(call, state), _about(week, money, deploy)
    first = _first_violation(watch)
    effect = NAN if state is None else detectable(state, float(getattr(watch.monitor, "alpha", alpha)))
    if isinstance(watch, RatioWatch):
        mark, effect = mark_of_guardrail(said, week, first, certificate=watch.aim == "certificate"), NAN
    elif own := watch.own_mark():
        mark, effect = own, NAN
    else:
        mark = mark_of_value(said, Mean(about["truth"], about["truth_stderr"]), effect)
    lost, saved = money.sides(watch.entry.metric, week, called=said == "harm")
    return Verdict(
        agent=record.seat.name,
        seed=seed,
        monitor=watch.entry.label,
        kind=watch.entry.kind,
        metric=watch.entry.metric,
        aim=watch.aim,
        validity=watch.monitor.validity,
        verdict=said,
        week=NAN if call is None else float(call.week),
        mark=mark,
        stopped=stop is not None and stop.by == watch.entry.label,
        estimate=NAN if state is None else state.estimate,
        detectable=effect,
        first_violation=first,
        delay_weeks=float(week) - first if said == "harm" else NAN,
        lost_before_usd=lost,
        saved_after_usd=saved,
        users=len(record.seat.rows),
        reason=watch.reason if state is None else state.reason,
        **about,
    )


def _first_violation(watch: Watch) -> float:
    """First week in which the group truly broke what is watched; NaN where it never did, or for value."""
    broken = watch.violated if isinstance(watch, RatioWatch) else []
    return next((float(week) for week, now in enumerate(broken) if now), NAN)


def _about(week: int, money: Money, deploy: NDArray[np.float64] | None) -> Mapping[str, float]:
    truth = money.gain(week)
    wide = NAN if deploy is None else float(deploy[week])
    return {
        "truth": truth.value,
        "truth_stderr": truth.stderr,
        "deploy_truth": wide,
        "scale_gap": wide - truth.value,
    }


def _word(call: MonitorState | None, state: MonitorState | None) -> str:
    """What the call says, or the last state where there was none."""
    if call is None:
        return "refused" if state is None else state.verdict
    if call.validity == "descriptive" and call.verdict == "continue":
        return "lift" if call.z > 0 else "harm"
    return call.verdict


def _rolled_back(record: Record, seed: int, money: Money, deploy: NDArray[np.float64] | None) -> Verdict:
    """The rule on negative reactions is no test of a null: it is not marked."""
    stop, reactions = record.seat.stop, record.reactions
    assert stop is not None
    assert reactions is not None
    lost, saved = money.sides("value", stop.week, called=True)
    return Verdict(
        agent=record.seat.name,
        seed=seed,
        monitor=ROLLBACK,
        kind=ROLLBACK,
        metric="negative_reaction",
        aim="rule",
        validity="descriptive",
        verdict="harm",
        week=float(stop.week),
        mark="no call",
        stopped=True,
        estimate=reactions.rate,
        detectable=NAN,
        first_violation=NAN,
        delay_weeks=NAN,
        lost_before_usd=lost,
        saved_after_usd=saved,
        users=len(record.seat.rows),
        reason=stop.reason,
        **_about(stop.week, money, deploy),
    )
