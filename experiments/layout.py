"""What lies where in the results folder of a study, and what its tables hold at least.

::

    <name>-<hash8>/
      study.json  config.json  leaderboard.parquet  leaderboard.csv  ope.parquet  monitors.parquet
      verdicts.parquet  over_seeds.parquet      in mode ab, where a run is a group, the control's among them
      checksums.json                            of the files above
      runs/<agent>/seed-<s>/                    a run is done once its checksums are written
        weekly.parquet  users.parquet  ope.parquet  monitors.parquet  summary.json
        verdicts.parquet                        in mode ab
        funnel.parquet ...                      `exhibits.EXHIBITS`: a run is done without them
        log/log.parquet  log/reports.parquet    where the study keeps logs; log/served.parquet in mode ab
        checksums.json                          of the files above
        timing.json  provenance.json            how long it took, and on what it was computed
      figures/*.png
"""

from __future__ import annotations

__all__ = [
    "AB_RUN_TABLES",
    "LEADERBOARD",
    "LOG_FILES",
    "MONITORS",
    "PER_GUARDRAIL",
    "RUN_TABLES",
    "SCHEMA",
    "SERVED",
    "TABLES",
    "USERS",
    "WALL_CLOCK",
    "WEEKLY",
]

SCHEMA = 2
"""Raised whenever a file of the folder changes its meaning; 2 has checksums and provenance."""

TABLES = ("leaderboard", "ope", "monitors", "verdicts", "over_seeds")
"""Of the whole study; the last two in mode ab."""

RUN_TABLES = ("weekly", "users", "ope", "monitors")
"""Of each run; one that a run has nothing for is empty."""

AB_RUN_TABLES = (*RUN_TABLES, "verdicts")
"""Of each group in mode ab."""

LOG_FILES = ("log/log.parquet", "log/reports.parquet")
"""Of each run, where the study keeps logs."""

SERVED = "log/served.parquet"
"""Of each group's log in mode ab."""

WALL_CLOCK = ("timing.json", "provenance.json", "study.json")
"""Files that say when, how fast and on what something was made: the same study may differ in them, and in the line of
the study's checksums that stands for the last."""

WEEKLY = ("week", "value", "net_revenue", "nrpau", "present", "share_of_oracle")
"""Columns of every weekly table: usd per assigned user-week, usd per active user, users present, share or NaN."""

USERS = ("user_id", "value", "net_revenue")
"""Least columns of the users' table: what each brought over all weeks, usd."""

PER_GUARDRAIL = ("slack_true", "slack_reported", "slack_realised", "violated", "price")
"""Further weekly columns are called `<one of these>.<guardrail>`."""

LEADERBOARD = ("agent", "value", "net_revenue", "gain", "gain_lower", "gain_upper", "nrpau", "weeks_violated")
"""Least columns of the leaderboard; gain: of value over no_offer, usd per assigned user-week, with its interval."""

MONITORS = ("agent", "seed", "monitor", "week", "estimate", "lower", "upper", "boundary", "log_e", "verdict")
"""Least columns of the monitors' table, one row a look; monitor: the label of the entry in the experiment."""
