"""Ways in which a JSON file goes wrong: a value, a key or an element far inside it, or its text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy

from hypothesis import strategies as st

__all__ = ["SLIPS", "Slip", "wrong_json"]

Slip = tuple[str, int, int]
"""(what, which place of the file, which word)."""

WORDS: tuple[object, ...] = (
    None, True, -1, 0, 1, 0.5, 10**30, 1e308, "", "x", "nan", "../x", "\x00", "1", [], [[]],
    [1, "a"], {}, {"a": {"b": 1}},
)  # fmt: skip
KEYS = ("", "x", "kind", "name", "value", "weeks", "\x07")

SLIPS = st.lists(
    st.tuples(
        st.sampled_from(("value", "value", "value", "drop", "key", "add", "cut", "byte", "nan", "deep")),
        st.integers(0, 999),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=2,
)

Place = tuple[dict[str, object] | list[object], str | int]


def wrong_json(data: bytes, slips: Sequence[Slip]) -> bytes:
    """The file after these slips: first those of what it says, then those of its bytes."""
    held = json.loads(data)
    for what, at, word in slips:
        places = list(_places(held))
        if places:
            _changed(what, *places[at % len(places)], word)
    out = json.dumps(held).encode()
    for what, at, _ in slips:
        if what == "cut":
            out = out[: len(out) * (at % 10) // 10]
        elif what == "byte":
            out = out[: len(out) // 2] + b"\xff\xfe" + out[len(out) // 2 :]
        elif what == "nan":
            out = out.replace(b": 0", b": NaN", 1).replace(b": 1", b": -Infinity", 1)
        elif what == "deep":
            out = b"[" * 5_000 + out
    return out


def _changed(what: str, holder: dict[str, object] | list[object], key: str | int, word: int) -> None:
    if what == "value":
        holder[key] = deepcopy(WORDS[word % len(WORDS)])  # type: ignore[index]  # a key of a dict, or a place in a list
    elif what == "drop":
        del holder[key]  # type: ignore[arg-type]  # as above
    elif isinstance(holder, dict) and what == "key":
        holder[KEYS[word % len(KEYS)]] = holder.pop(str(key))
    elif isinstance(holder, dict) and what == "add":
        holder[KEYS[word % len(KEYS)]] = deepcopy(WORDS[word % len(WORDS)])
    elif isinstance(holder, list) and what == "add":
        holder.insert(int(key), holder[int(key)])


def _places(held: object) -> Iterator[Place]:
    """Every value of the file by its holder and its key, outer ones first."""
    if isinstance(held, dict):
        for key, inner in held.items():
            yield held, key
            yield from _places(inner)
    elif isinstance(held, list):
        for i, inner in enumerate(held):
            yield held, i
            yield from _places(inner)
