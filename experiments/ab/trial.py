"""One seed of an A/B study: the groups live in one world, are judged week by week, and held against their truths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments import monitors, observable
from experiments.ab.comparison import Comparison, before_exposure
from experiments.ab.groups import Groups, assign
from experiments.ab.logs import GroupLog
from experiments.ab.play import Week, play, seat_of
from experiments.ab.ranked import ranked
from experiments.ab.record import Record
from experiments.ab.seat import Seat
from experiments.ab.tape import Tape, relive
from experiments.ab.truths import Truths, deployed
from experiments.ab.verdicts import VERDICTS, of_assignment, verdicts
from experiments.clock import Clock
from experiments.cohorts import Stage
from experiments.completed import Completed
from experiments.config import AgentEntry, ExperimentConfig
from experiments.config_ab import CONTROL
from experiments.guardrail_book import GuardrailBook
from experiments.metrics import UserTotals
from experiments.monitors import Batch, MonitorState
from experiments.offered import Told
from experiments.offline import OfflineBook
from experiments.run_book import RunBook, RunOutcome
from experiments.runner import exhibits_of
from experiments.watch_list import watches
from experiments.yardstick import Yardstick
from rage_env.cohort import CohortEnv

__all__ = ["GroupOutcome", "run_groups"]

_ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class GroupOutcome:
    """All that a group of one seed leaves."""

    name: str
    run: RunOutcome
    verdicts: pd.DataFrame


def run_groups(config: ExperimentConfig, seed: int, logs: Mapping[str, Path] | None = None) -> list[GroupOutcome]:
    """Every group of this seed, the control first. logs: {group: folder of its decision log}, if logs are kept.

    The same bits for the same config and seed, wherever and whenever it runs.
    """
    assert config.ab is not None
    clock = Clock()
    with clock.on("trial"), ExitStack() as open_logs:
        stage = Stage.of(config, seed)
        env, observation = stage.open()
        groups = assign(config.ab, [a.label for a in config.agents], seed, observation.unit)
        entries = [AgentEntry(kind="no_offer", name=CONTROL), *config.agents]
        seats = [seat_of(config, groups, entry, env) for entry in entries]
        for seat in seats:
            seat.start(env, stage, observation)
        completed = Completed.of(env, observation.user_id)
        told = Told.of(env, completed, observation.unit)
        records = list(_records(config, seed, env, told, seats))
        ratio = _sample_ratio(groups, observation.unit)
        writers = [
            open_logs.enter_context(GroupLog(config, env, seat, seed, logs[seat.name])) for seat in seats if logs
        ]
        tape = play(stage, (env, observation), seats, judge=_Judge(records, writers, completed))
        for writer in writers:
            writer.settle(env.settle())
    with clock.on("truths"):
        nobody = relive(stage, np.zeros_like(tape.arm)) if config.ab.deploy_truth else None
        found = [_judged(stage, r, e, groups, tape, nobody) for r, e in zip(records, entries, strict=True)]
    found[0] = replace(found[0], verdicts=of_assignment(ratio, seed, env.assigned))
    places = ranked({r.seat.name: r.book.watches for r in records[1:]}, _ALPHA)
    found[1:] = [replace(f, verdicts=_placed(f.verdicts, places)) for f in found[1:]]
    return [_closed(r, f, clock) for r, f in zip(records, found, strict=True)]


@dataclass(frozen=True, eq=False)
class _Found:
    """What the truth says of one group."""

    verdicts: pd.DataFrame
    control: UserTotals
    curves: Mapping[str, NDArray[np.float64]]  # (weeks,) each


class _Judge:
    """Lets every record see the week, the control first."""

    def __init__(self, records: Sequence[Record], writers: Sequence[GroupLog], completed: Completed) -> None:
        self.records, self.writers, self.completed = records, writers, completed

    def __call__(self, env: CohortEnv, week: Week) -> None:
        log, ledger = week.log, env.truth.ledger()
        value = self.completed.week(log.week, log.columns, week.reports)
        for at, record in enumerate(self.records):
            record.enter(at, week, ledger, value)
        for writer in self.writers:
            writer.append(log, week.reports)


def _records(
    config: ExperimentConfig, seed: int, env: CohortEnv, told: Told, seats: Sequence[Seat]
) -> Iterator[Record]:
    retention, unit = env.scenario.retention_value_usd, told.unit
    assert unit is not None
    before = before_exposure(env.burn_in_logs, env.assigned, retention)
    for seat in seats:
        compared = seat.name != CONTROL
        model = observable.fitted(config) if config.oracle.every_weeks else None
        book = RunBook(
            agent=seat.name,
            seed=seed,
            arm_names=env.arm_names,
            totals=UserTotals(len(seat.rows), retention),
            guardrails=GuardrailBook(seat.guardrails, told.shares),
            yardstick=Yardstick(model and replace(model, guardrails=seat.guardrails), config.oracle.every_weeks),
            offline=OfflineBook(config, env.arm_names, env.features.names, seat.held),
            watches=watches(config, _told_of(seat, told), is_control=False) if compared else [],
            exhibits=exhibits_of(env, config, seed, seat.rows),
        )
        pair = Comparison(unit, seat.rows, seats[0].rows, before, told.wait_weeks)
        yield Record(seat, book, pair if compared else None)


def _told_of(seat: Seat, told: Told) -> Told:
    """What is known of one group."""
    assert told.unit is not None
    return replace(told, guardrails=seat.guardrails, unit=told.unit[seat.rows])


def _sample_ratio(groups: Groups, unit: NDArray[np.int64]) -> MonitorState:
    """Whether the groups' head-counts are those that were planned; everybody is assigned before week 0."""
    units, first = np.unique(unit, return_index=True)
    outside = 1 - sum(groups.shares)
    shares = (*groups.shares, outside) if outside > 1e-9 else groups.shares
    check = monitors.monitor("ssrm", shares=np.array(shares) / sum(shares), alpha=_ALPHA)
    return check.update(Batch(0, units, groups.code[first], np.zeros(len(units))))


def _judged(stage: Stage, record: Record, entry: AgentEntry, groups: Groups, tape: Tape, nobody: Tape | None) -> _Found:
    """nobody: everybody left alone, where deploy_truth is wanted."""
    if record.comparison is None:
        return _Found(pd.DataFrame(columns=list(VERDICTS)), record.book.totals, {})
    truths = Truths(stage, entry, groups, tape)
    alone, curves = truths.alone(), {"ab_truth": tape.gains(truths.alone(), truths.rows)}
    deploy = None if nobody is None else deployed(stage, entry, nobody)
    if deploy is not None:
        curves |= {"deploy_truth": deploy, "scale_gap": deploy - curves["ab_truth"]}
    table = verdicts(record, stage.seed, truths, deploy, _ALPHA / stage.config.rivals)
    return _Found(table, alone.totals_of(truths.rows), curves)


def _placed(table: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of a group with the place of its agent."""
    return table.merge(places, on=["agent", "monitor"], how="left")[list(VERDICTS)]


def _closed(record: Record, found: _Found, clock: Clock) -> GroupOutcome:
    with clock.on("offline"):
        run = record.book.close(found.control)
    weekly = run.weekly
    at = weekly.columns.get_loc("share_of_oracle")
    assert isinstance(at, int)
    for i, (name, curve) in enumerate(found.curves.items(), 1):
        weekly.insert(at + i, name, curve)
    stop = record.seat.stop
    stopped = None if stop is None else {"week": stop.week, "by": stop.by, "reason": stop.reason}
    done = replace(run, weekly=weekly, summary={**run.summary, "stopped": stopped}, seconds=clock.seconds)
    return GroupOutcome(record.seat.name, done, found.verdicts)
