"""Options of `rage evaluate` that ask for another answer: what may stand beside each of them."""

from __future__ import annotations

import typer

__all__ = ["refuse_beside"]

_READING = {"log", "mapping", "drop_invalid", "delayed", "as_of", "as_json"}
_BESIDE = {
    "overlap": _READING,
    "policy": _READING,
    "against_truth": {"log", "every", "seeds", "workers", "executor", "address", "page", "as_json"},
    "streamed": {"log", "metric", "estimator", "arms", "workers", "executor", "address", "as_json"},
}
_SPELT = {"streamed": "stream", "every": "all"}


def refuse_beside(context: typer.Context, form: str) -> None:
    """Raise ConfigError for an option that was given and that the answer of `form` would pass over."""
    from rage_env.errors import ConfigError

    given = {name for name in context.params if _told(context, name)}
    foreign = sorted(given - _BESIDE[form] - {form})
    if foreign:
        names = ", ".join("--" + _SPELT.get(n, n).replace("_", "-") for n in foreign)
        taken = sorted(_SPELT.get(n, n) for n in _BESIDE[form] - {"log", "as_json"})
        allowed = ", ".join("--" + n.replace("_", "-") for n in taken)
        raise ConfigError(
            f"{names}: cannot stand beside --{_SPELT.get(form, form).replace('_', '-')}, which takes {allowed}"
        )


def _told(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
