"""What can be wrong with a scenario's drifts: unknown targets, and ways that would leave a number's range.

Each drift is tried at the ends of its reach, and drifts of one part of the scenario together in every week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from rage_env.drift import Drift, moved_to, number_at, numeric_paths
from rage_env.errors import did_you_mean

__all__ = ["problems"]

Tree = Any  # a JSON tree


def problems(tree: Tree, drifts: Sequence[Drift], weeks: Sequence[int], check: Callable[[Tree], str]) -> Iterator[str]:
    """What is wrong with a scenario's drifts. check: the first thing wrong with a moved scenario tree, or ''."""
    known, sound = numeric_paths(tree), []
    for i, drift in enumerate(drifts):
        named = _by_name(tree, drift.target)
        wrong = _alone(tree, drift, named, known, weeks, check)
        if wrong:
            yield f"drift.{i}{wrong}"
        else:
            sound.append(i)
    yield from _together(tree, {i: drifts[i] for i in sound}, weeks, check)


def _alone(
    tree: Tree, drift: Drift, named: str, known: list[str], weeks: Sequence[int], check: Callable[[Tree], str]
) -> str:
    """What is wrong with one drift, or ''."""
    if named not in known:
        return f".target: no number stands at {named!r}{did_you_mean(named, known)}"
    if isinstance(held := number_at(tree, drift.target), int):
        return f".target: {named} is a whole number ({held}), which cannot move by degrees; let another number drift"
    try:
        wrong = next((found for s in drift.reaches(weeks) if (found := check(moved_to(tree, [drift], [s])))), "")
    except ValueError:
        return f".to: {named} holds a list of another length; give one value for each"
    except OverflowError:
        wrong = "too large for a number"
    return f": {named} would leave its range ({wrong}); make it smaller" if wrong else ""


def _together(
    tree: Tree, drifts: Mapping[int, Drift], weeks: Sequence[int], check: Callable[[Tree], str]
) -> Iterator[str]:
    """The first week in which drifts of one part of the scenario, each sound by itself, cannot act at once."""
    parts: dict[str, list[int]] = {}
    for i, drift in drifts.items():
        parts.setdefault(".".join(_by_name(tree, drift.target).split(".")[:2]), []).append(i)
    for part, places in parts.items():
        mine = [drifts[i] for i in places]
        when = {shapes: week for week in reversed(weeks) for shapes in product(*(_shapes(d, week) for d in mine))}
        tried = ((week, check(moved_to(tree, mine, shapes))) for shapes, week in when.items() if len(mine) > 1)
        week, wrong = min(((week, found) for week, found in tried if found), default=(0, ""))
        if wrong:
            names = ", ".join(f"drift.{i}" for i in places)
            left = f"together they would take {part} out of its range in week {week}"
            yield f"{names}: {left} ({wrong}); make them smaller"


def _shapes(drift: Drift, week: int) -> tuple[float, ...]:
    """All that s(week) may come to: one value, or for a random walk its ends."""
    return drift.reaches(()) if drift.kind == "random_walk" else (drift.shape(week),)


def _by_name(tree: Tree, target: str) -> str:
    """The path with an arm's name where its place was given."""
    root, _, rest = target.partition(".")
    place, _, below = rest.partition(".")
    if root == "arms" and place.isdigit() and int(place) < len(tree["arms"]):
        return f"arms.{tree['arms'][int(place)]['name']}.{below}"
    return target
