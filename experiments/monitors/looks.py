"""When a plan looks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rage_env.errors import ConfigError

__all__ = ["planned_looks"]


def planned_looks(weeks: int, looks: Sequence[int] | None) -> tuple[int, ...]:
    """Weeks elapsed at each look of a plan of `weeks`: those given, or every week. Raises ConfigError."""
    planned = tuple(range(1, weeks + 1)) if looks is None else tuple(looks)
    if not all(isinstance(w, int) for w in planned):
        raise ConfigError(f"looks: must be whole numbers of weeks elapsed, got {list(planned)}")
    rising = all(a < b for a, b in itertools.pairwise(planned))
    if not planned or not rising or planned[0] < 1 or planned[-1] > weeks:
        raise ConfigError(f"looks: must rise within 1..{weeks} weeks elapsed, got {list(planned)}")
    return planned
