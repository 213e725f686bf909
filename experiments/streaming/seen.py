"""Notices a user's week that stands in a log twice, while the log streams by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Seen"]

MOST_BYTES = 400_000_000


class Seen:
    """Notices a user's week that stands there twice. Remembers one byte per user and week."""

    def __init__(self, users: range, weeks: range) -> None:
        if len(users) * len(weeks) > MOST_BYTES:
            raise LogError(f"log: {len(users):,} users and {len(weeks):,} weeks are too many to notice repeated rows")
        self.users, self.weeks = users, weeks
        self._seen = np.zeros((len(weeks), len(users)), np.bool_)

    def add(self, first: int, user: NDArray[np.int64], week: NDArray[np.int64]) -> None:
        """user, week: (n,) of a block. Raises LogError naming row, user and week."""
        at = week - self.weeks.start
        for one in np.unique(at):
            rows = np.flatnonzero(at == one)
            row, who = self._seen[one], user[rows] - self.users.start
            before = np.count_nonzero(row)
            known = row[who]
            row[who] = True
            if known.any() or np.count_nonzero(row) - before < len(who):
                twice = rows[int(np.argmax(known))] if known.any() else _first_repeat(who, rows)
                raise LogError(
                    f"columns user_id, week, row {first + twice}: user {user[twice]} stands twice in week "
                    f"{week[twice]}; a log holds one row per user and week"
                )


def _first_repeat(who: NDArray[np.int64], rows: NDArray[np.int64]) -> int:
    _, first = np.unique(who, return_index=True)
    again = np.ones(len(who), np.bool_)
    again[first] = False
    return int(rows[int(np.argmax(again))])
