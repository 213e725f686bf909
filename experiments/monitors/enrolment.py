"""What a closed cohort asks of every batch: who may be in it, in which group, and what may be known of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from rage_env.errors import LogError

__all__ = ["check_covariate", "check_groups", "check_one_row", "check_unchanged", "rows_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def check_groups(batch: Batch, treatment: int, control: int) -> Batch:
    """The rows of the two groups. Raises LogError where one holds fewer than two."""
    codes = batch.groups()
    keep = (codes == treatment) | (codes == control)
    for code, name in ((treatment, "treatment"), (control, "control")):
        if (codes == code).sum() < 2:
            raise LogError(
                f"batch of week {batch.week}: {name} group {code} has {int((codes == code).sum())} rows; "
                f"at least 2 are needed (groups present: {np.unique(codes).tolist()})"
            )
    return batch if keep.all() else batch.where(keep)


def check_one_row(batch: Batch) -> None:
    """Raise LogError where a unit comes twice, or comes alone."""
    first, second = _repeats(batch)
    if len(second):
        groups, row = batch.groups(), int(second[0])
        rule = "is in two groups" if groups[row] != groups[first[0]] else "has a second row"
        raise LogError(
            f"batch of week {batch.week}, row {row}: unit {batch.unit[row]} {rule}; a cohort holds one row a unit and "
            "week, in one group (set rows_per_unit for accounts)"
        )
    if batch.n < 2:
        raise LogError(f"batch of week {batch.week}: one unit has no spread; at least 2 are needed")


def check_covariate(batch: Batch, before: Floats | None) -> None:
    """Raise LogError where the covariate may hold what exposure did. before: (n,) what it was in the first week."""
    covariate = batch.require("covariate", "adjust=True needs each unit's value from before exposure")
    known = batch.covariate_week
    if before is None and known is not None and known >= batch.week - batch.age_weeks:
        raise LogError(
            f"batch of week {batch.week}: the covariate draws on week {known}, known only after exposure began in week "
            f"{batch.week - batch.age_weeks}; adjusting for it hides or invents an effect: use weeks before"
        )
    if before is not None:
        changed = (covariate != before) & ~(np.isnan(covariate) & np.isnan(before))
        batch.refuse(changed, "covariate", "has changed since exposure began; feed the value from before every week")


def check_unchanged(batch: Batch, unit: Ints, treated: tuple[Bools, Bools | None], rows: tuple[Floats, Floats]) -> None:
    """Raise LogError where a unit has changed groups or its number of rows. Pairs of (n,): now, in the first week.

    treated: who is; None for what it was where groups are not compared.
    """
    moved = np.flatnonzero(treated[0] != treated[1]) if treated[1] is not None else unit[:0]
    if len(moved):
        raise LogError(
            f"batch of week {batch.week}: unit {unit[moved[0]]} is in two groups ({len(moved)} such units); "
            "groups are fixed by assignment and kept for good"
        )
    fewer = np.flatnonzero(rows[0] != rows[1])
    if len(fewer):
        raise LogError(
            f"batch of week {batch.week}: unit {unit[fewer[0]]} has {rows[0][fewer[0]]:.0f} rows, "
            f"{rows[1][fewer[0]]:.0f} in the first week; departed users keep their row at value 0"
        )


def rows_of(batch: Batch, enrolled: Ints) -> Ints | slice:
    """Where each enrolled unit stands in the batch. Raises LogError where one is missing, new, or comes twice."""
    if np.array_equal(batch.unit, enrolled):
        return slice(None)
    order = np.argsort(batch.unit, kind="stable")
    at = np.minimum(np.searchsorted(batch.unit[order], enrolled), batch.n - 1)
    missing = enrolled[batch.unit[order[at]] != enrolled]
    if len(missing):
        raise LogError(
            f"batch of week {batch.week}: unit {missing[0]} has no row ({len(missing)} such units); "
            "departed units keep their row at value 0, and a unit stays in its group"
        )
    extra = np.flatnonzero(~np.isin(batch.unit, enrolled))
    rules = (
        (extra, "was not enrolled in the first week; report newcomers apart"),
        (_repeats(batch)[1], "came twice"),
    )
    for rows, rule in rules:
        if len(rows):
            raise LogError(f"batch of week {batch.week}, row {rows[0]}: unit {batch.unit[rows[0]]} {rule}")
    return order[at]


def _repeats(batch: Batch) -> tuple[Ints, Ints]:
    """Rows whose unit comes again, and the rows where it does."""
    order = np.argsort(batch.unit, kind="stable")
    again = np.diff(batch.unit[order]) == 0
    return order[:-1][again], order[1:][again]
