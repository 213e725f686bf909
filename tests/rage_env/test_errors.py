"""The tree of errors that errors.py draws is the tree that there is."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from rage_env import errors


def drawn(text: str) -> dict[str, str]:
    """{class: the class it stands under} as drawn, depth being where a name begins."""
    above: list[tuple[int, str]] = []
    found: dict[str, str] = {}
    for line in text.splitlines():
        name = re.search(r"\b[A-Z]\w+Error\b", line)
        if name is None or not re.fullmatch(r"[ |`-]*", line[: name.start()]):
            continue
        above = [(depth, one) for depth, one in above if depth < name.start()]
        found[name[0]] = above[-1][1] if above else "Exception"
        above.append((name.start(), name[0]))
    return found


def there() -> dict[str, str]:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    return {c.__name__: c.__bases__[0].__name__ for c in classes if issubclass(c, Exception)}


def test_the_drawing_is_the_tree() -> None:
    assert drawn(errors.__doc__ or "") == there()


def test_a_drawing_that_lags_behind_is_noticed() -> None:
    moved = (errors.__doc__ or "").replace("|   |-- LogError   ", "|-- LogError       ")
    assert drawn(moved) != there()


@pytest.mark.parametrize("name", sorted(there()))
def test_every_error_is_public_and_says_what_it_is(name: str) -> None:
    assert name in errors.__all__
    assert getattr(errors, name).__doc__


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownNameError("agent", "randm", ["random"]),
        errors.ConfigError(["a.yaml:1: one", "a.yaml:2: two"]),
        errors.StoppedError("stopped by SIGTERM", 15),
        errors.LogError("row 3"),
    ],
)
def test_an_error_of_a_worker_is_the_same_error_here(error: errors.RageError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))
