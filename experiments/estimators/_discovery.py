"""Finds estimators by file: every public module of this package holds one."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache

import experiments.estimators as package
from experiments.estimators._base import Estimator
from experiments.estimators._shrunk import ShrunkSum
from experiments.estimators._tuning import RULES, Tuned
from rage_env.errors import ConfigError, UnknownNameError, did_you_mean

__all__ = ["Spec", "label", "load", "names"]

Spec = str | Mapping[str, object]
"""A name, or `{"kind": name, parameter: number}`; a lambda may be "slope" or "mse", which leaves it to the log."""


@cache
def names() -> tuple[str, ...]:
    """Every estimator, in alphabetical order."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def load(specs: Sequence[Spec] | None = None) -> dict[str, Estimator]:
    """{label: estimator} for the specs, or for all that value one week. Raises UnknownNameError, ConfigError."""
    wanted = [n for n in names() if _class_of(n).estimand == "step"] if specs is None else specs
    if isinstance(wanted, str):
        raise ConfigError(f"estimators: expected a list, got the text {wanted!r}; write [{wanted!r}]")
    made = {label(spec): _make(spec) for spec in wanted}
    if len(made) < len(wanted):
        raise ConfigError(f"estimators: the same one twice in {[label(s) for s in wanted]}; name each once")
    if not made:
        raise ConfigError(f"estimators: the list is empty; leave it out for all of {', '.join(names())}")
    return made


def label(spec: Spec) -> str:
    """`name` or `name(parameter=value)`: how tables call it."""
    if isinstance(spec, str):
        return spec
    rest = ", ".join(f"{k}={v}" for k, v in sorted(spec.items()) if k != "kind")
    return f"{spec.get('kind')}({rest})" if rest else str(spec.get("kind"))


def _make(spec: Spec) -> Estimator:
    params = {} if isinstance(spec, str) else dict(spec)
    name = spec if isinstance(spec, str) else params.pop("kind", None)
    if not isinstance(name, str):
        raise ConfigError(f"estimators: {spec!r} lacks 'kind', the estimator's name")
    if name not in names():
        raise UnknownNameError("estimator", name, names())
    maker = _class_of(name)
    known = {f.rstrip("_"): f for f in inspect.signature(maker).parameters}  # `lambda_` answers to `lambda`
    for key in params:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ConfigError(f"estimator {name}: unknown parameter {key!r}{hint} It takes: {sorted(known) or 'none'}.")
    rule = params.get("lambda")
    if issubclass(maker, ShrunkSum) and isinstance(rule, str):
        return _tuned(maker, name, rule)
    return maker(**{known[key]: _parameter(name, key, value) for key, value in params.items()})


def _parameter(name: str, key: str, value: object) -> object:
    """A finite number as it is; `groups`, a list of whole numbers, as a tuple."""
    if key == "groups":
        if isinstance(value, list | tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            return tuple(value)
        raise ConfigError(f"estimator {name}: groups must be a list of whole numbers, one an arm; got {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"estimator {name}: {key} must be a finite number, got {value!r}")
    return value


def _tuned(maker: type[ShrunkSum], name: str, rule: str) -> Tuned:
    if rule not in RULES:
        hint = did_you_mean(rule, RULES)
        raise ConfigError(f"estimator {name}: lambda must be a number or one of {', '.join(RULES)}, got {rule!r}{hint}")
    return Tuned(rule, {at: maker(at) for at in maker.grid})


@cache
def _class_of(name: str) -> type[Estimator]:
    module = importlib.import_module(f"{package.__name__}.{name}")
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Estimator) and c.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define one Estimator, it defines {len(found)}")
    return found[0]
