"""Delayed columns: what is reported is what happened, each once, none early, and by the known law."""

from __future__ import annotations

import numpy as np

from rage_env.errors import WorldError
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.randomness import Draw
from rage_env.trial import Trial, refuse

__all__ = [
    "labels_come_once_and_whole",
    "labels_come_when_their_draw_says",
    "labels_follow_the_delay_law",
    "no_label_comes_early",
]

_CERTAINTY = 5.0  # standard errors


def labels_come_once_and_whole(trial: Trial) -> None:
    """Reports of a week, late ones and those of departed users included, add up to its ledger, one for each event."""
    reports = trial.reports
    for week in trial.weeks:
        mine = reports.where(reports.accrual_week == week.week)
        for code, column in enumerate(DELAYED):
            part = mine.where(mine.column == code)
            rows = np.searchsorted(week.user_id, part.user_id)
            times = np.bincount(rows, minlength=len(week.user_id))
            happened = week.ledger[column] != 0
            refuse(times != happened, week.user_id, week.week, f"{column}: reports of one event must be one", times)
            reported = np.zeros(len(week.user_id), np.float32)
            reported[rows] = part.amount
            rule = f"{column}: the amount reported must be the true {week.ledger[column].dtype} amount"
            refuse(reported != week.ledger[column], week.user_id, week.week, rule, reported)


def no_label_comes_early(trial: Trial) -> None:
    """A report arrives in the week it states, at least one week after the event and within the longest delay."""
    weeks = [(w.week, w.reports) for w in trial.weeks]
    for now, reports in weeks:
        _refuse_report(reports, reports.reported_week != now, f"arrived in week {now} and says otherwise")
    _refuse_report(trial.settled, trial.settled.reported_week <= weeks[-1][0], "was due and not reported")
    every = trial.reports
    age = every.reported_week - every.accrual_week
    longest = np.array([trial.env.laws[c].max_weeks for c in DELAYED])[every.column]
    _refuse_report(
        every, (age < 1) | (age > longest), "must come at least a week after the event, and not after its law"
    )


def labels_come_when_their_draw_says(trial: Trial) -> None:
    """The delay of a report is the column's law at the user-week's one uniform for delays."""
    for week in trial.weeks:
        mine = trial.reports.where(trial.reports.accrual_week == week.week)
        rows = np.searchsorted(week.user_id, mine.user_id)
        uniform = trial.env.luck(slice(None), week.week).take(rows).uniform(Draw.DELAY)
        for code, column in enumerate(DELAYED):
            is_mine = mine.column == code
            part = mine.where(is_mine)
            due = week.week + trial.env.laws[column].weeks(uniform[is_mine])
            _refuse_report(part, part.reported_week != due, "its draw and the delay law name another week")


def labels_follow_the_delay_law(trial: Trial) -> None:
    """The share of events reported by each age is `reported_share`, within 5 standard errors."""
    every = trial.reports
    for code, column in enumerate(DELAYED):
        part = every.where(every.column == code)
        age = part.reported_week - part.accrual_week
        for weeks, share in enumerate(trial.env.laws[column].reported_share):
            expected, spread = share * len(part), np.sqrt(share * (1 - share) * len(part))
            known = int((age <= weeks).sum())
            if spread > 3 and abs(known - expected) > _CERTAINTY * spread:
                raise WorldError(
                    f"{column}: of {len(part)} events {known} are known after {weeks} weeks, "
                    f"the delay law says {expected:.0f} +- {spread:.0f}"
                )


def _refuse_report(reports: Reports, bad: np.ndarray[tuple[int], np.dtype[np.bool_]], rule: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise WorldError(
            f"user {reports.user_id[row]}, week {reports.accrual_week[row]}: {DELAYED[reports.column[row]]} "
            f"reported in week {reports.reported_week[row]}: {rule} ({int(bad.sum())} such reports)"
        )
