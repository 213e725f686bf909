"""Numbers that stand in tuples and mappings of a scenario file, each held to its range: shares and amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

__all__ = ["Amount", "Share", "check_range"]

Share = Annotated[float, Field(ge=0, le=1)]
"""A share or a probability."""

Amount = Annotated[float, Field(ge=0)]
"""A rate, a sum of money or a multiple: anything but below 0."""


def check_range(name: str, ends: Sequence[float], low: str, high: str) -> None:
    """Raises ValueError where the two ends stand the wrong way round. low, high: what the ends are called."""
    if ends[1] < ends[0]:
        raise ValueError(f"{name}: {high} ({ends[1]:g}) lies below {low} ({ends[0]:g}); change one of them")
