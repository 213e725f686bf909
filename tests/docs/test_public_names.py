"""Public names have a docstring that gives shapes where arrays pass, and the errors that are raised."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from types import FunctionType
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from docs.site.conf import nitpick_ignore_regex
from docs.site.docstrings import fields_of
from docs.site.public import modules, public
from experiments import estimators, monitors
from rage_env import errors

ARRAY = re.compile(r"\b(NDArray|ndarray|Floats|Ints|Bools|Probs)\b")
STATE = re.compile(r"[Mm]apping\[str, NDArray\[np\.generic\]\]|dict\[str, NDArray\[np\.generic\]\]|\bArrays\b")
"""Whatever an object needs to be saved: arrays of any shape, by name."""

LENGTH = r"(?:\.\.\.|\d+|[A-Za-z_]+)(?: ?[-+*] ?\w+)?"
SHAPE = re.compile(rf"\((?!0, 1\))(?:{LENGTH},|(?:{LENGTH}, ?)+{LENGTH})\)")
ERRORS = {
    name: cls for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, errors.RageError)
}


class Public(NamedTuple):
    """A public name and what answers to it."""

    path: str
    held: object
    owner: type | None = None

    def __str__(self) -> str:
        return self.path


def every() -> Iterator[Public]:
    """Classes, functions and constants of the reference; of classes their own public methods, too."""
    for module in modules():
        for name in public(module):
            held = getattr(importlib.import_module(module), name)
            yield Public(f"{module}.{name}", held)
            if inspect.isclass(held):
                yield from _methods(f"{module}.{name}", held)


def _methods(path: str, cls: type) -> Iterator[Public]:
    for name, held in vars(cls).items():
        function = held.fget if isinstance(held, property) else getattr(held, "__func__", held)
        if not name.startswith("_") and inspect.isfunction(function):
            yield Public(f"{path}.{name}", function, cls)


NAMES = [p for p in every() if inspect.isclass(p.held) or inspect.isroutine(p.held)]


def doc_of(name: Public) -> str:
    """The docstring, and those that it inherits from: an override says what differs."""
    above = [
        getattr(base, name.path.rpartition(".")[2], None) for base in (name.owner.__mro__[1:] if name.owner else ())
    ]
    return "\n".join(inspect.getdoc(held) or "" for held in (name.held, *filter(None, above)))


def lacking(name: Public) -> list[str]:
    """What the docstring of a name should say and does not."""
    if not (inspect.getdoc(name.held) or "").strip():
        return ["a docstring"]
    if inspect.isclass(name.held):
        return [f"the shape of {field}" for field in _shapeless(name.held)]
    if not isinstance(name.held, FunctionType):
        return []
    found = [f"the shape of {word}" for word in _arrays(name.held)] if not SHAPE.search(doc_of(name)) else []
    return found + [f"that it raises {error}" for error in _raised(name.held) if not _told(error, doc_of(name))]


def _shapeless(cls: type) -> Iterator[str]:
    doc = inspect.getdoc(cls) or ""
    for field, (written, comment) in fields_of(cls).items():
        if field.startswith("_") or not ARRAY.search(written) or STATE.search(written):
            continue
        if not SHAPE.search(comment) and not re.search(rf"\b({field}|[Aa]rrays|entry)\b[^.]*{SHAPE.pattern}", doc):
            yield field


def _arrays(function: FunctionType) -> Iterator[str]:
    signature = inspect.signature(function)
    written = {p.name: str(p.annotation) for p in signature.parameters.values()}
    for name, annotation in {**written, "what it returns": str(signature.return_annotation)}.items():
        if ARRAY.search(annotation) and not STATE.search(annotation):
            yield name


def _raised(function: FunctionType) -> set[str]:
    tree = ast.parse(dedent(inspect.getsource(function)))
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    names = [e.func.id for e in raised if isinstance(e, ast.Call) and isinstance(e.func, ast.Name)]
    return {name for name in names if name in ERRORS}


def _told(error: str, doc: str) -> bool:
    """Whether the error, or one that it is a case of, is named."""
    return any(name in doc for name, cls in ERRORS.items() if issubclass(ERRORS[error], cls))


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_public_name_says_shapes_and_errors(name: Public) -> None:
    assert lacking(name) == []


OF_NO_SOURCE = {"naive"}
"""A plain mean: what everybody does who was not told otherwise."""


def test_every_estimator_and_monitor_says_whose_method_it_is() -> None:
    """A year stands for an author beside it: such a docstring is checked by readers, this one only that it cites."""
    parts = [("experiments.estimators", n) for n in estimators.names()]
    parts += [("experiments.monitors", n) for n in monitors.names()]
    docs = {name: importlib.import_module(f"{package}.{name}").__doc__ or "" for package, name in parts}
    assert {name for name, doc in docs.items() if not re.search(r"\b(1[89]|20)\d\d\b", doc)} == OF_NO_SOURCE


def _unknown(function: Callable[..., object]) -> set[str]:
    """Types in a signature that the reference neither shows nor is told to leave without a link."""
    signature = inspect.signature(function)
    written = [p.annotation for p in signature.parameters.values()] + [signature.return_annotation]
    trees = [ast.walk(ast.parse(a, mode="eval")) for a in written if isinstance(a, str)]
    names = {ast.unparse(node) for tree in trees for node in tree if isinstance(node, ast.Name | ast.Attribute)}
    inner = {name.partition(".")[0] for name in names if "." in name}
    return {name for name in names - inner if not _linked(name)}


def _linked(name: str) -> bool:
    shown = {p.path.rpartition(".")[2] for p in every() if p.owner is None} | {*dir(builtins), *typing.__all__}
    return name in shown or any(re.fullmatch(regex, name) for _, regex in nitpick_ignore_regex)


def test_every_type_in_a_public_signature_is_public_or_left_without_a_link() -> None:
    functions = [p for p in NAMES if isinstance(p.held, FunctionType)]
    unknown = {p.path: found for p in functions if isinstance(p.held, FunctionType) and (found := _unknown(p.held))}
    assert unknown == {}


def test_a_type_that_nothing_shows_is_noticed() -> None:
    def strange(here: int) -> int:
        return here

    strange.__annotations__ = {"here": "Hidden", "return": "list[Public]"}
    assert _unknown(strange) == {"Hidden", "Public"}


def test_every_public_name_is_there_and_stands_once() -> None:
    found = [p.path for p in every()]
    assert len(found) > 300
    assert len(found) == len(set(found))


def test_what_the_packages_export_is_public() -> None:
    for package in (
        "rage_env",
        "agents",
        "agents.allocation",
        "experiments",
        "experiments.estimators",
        "experiments.monitors",
    ):
        assert set(importlib.import_module(package).__all__) <= set(public(package))


def _bad(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities, checked."""
    if len(probs) == 0:
        raise errors.DecisionError("none")  # named by attribute: not found
    return probs


def _worse(n: int) -> int:
    """A number."""
    from rage_env.errors import DecisionError

    raise DecisionError(f"{n}")


def _silent() -> None:
    pass


@dataclass
class _Shapeless:
    """Holds an array."""

    values: NDArray[np.float64]
    known: NDArray[np.float64]  # (n,)


@pytest.mark.parametrize(
    ("held", "lacks"),
    [
        (_bad, ["the shape of probs", "the shape of what it returns"]),
        (_worse, ["that it raises DecisionError"]),
        (_silent, ["a docstring"]),
        (_Shapeless, ["the shape of values"]),
    ],
)
def test_a_docstring_that_says_too_little_is_noticed(held: Callable[..., object], lacks: list[str]) -> None:
    assert lacking(Public("here", held)) == lacks
