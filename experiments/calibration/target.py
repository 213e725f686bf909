"""What a world is fitted to: observed moments, and how the people they stem from were watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Ages", "Departures", "Design", "Target"]

Ages = Literal["mixed", "newborn"]
Departures = Literal["seen", "unseen", "none"]


@dataclass(frozen=True)
class Design:
    """How many people were watched for how long. `ages`: newborn where all joined in the first week.

    departures: seen where it is known in which week somebody left, unseen where who left looks inactive, none where
    only people who stayed were watched.
    active_within: only people who were active in one of so many first weeks are known at all; 0 where all are.
    contact_share: share of user-weeks with a contact; columns: ledger columns that moments need beside active and gmv.
    """

    users: int
    weeks: int
    ages: Ages = "mixed"
    departures: Departures = "seen"
    active_within: int = 0
    contact_share: float = 0.0
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """Moments to be met, {name: value}, of people watched as `design` says."""

    name: str
    source: str
    design: Design
    moments: Mapping[str, float]
    notes: tuple[str, ...] = field(default=())
