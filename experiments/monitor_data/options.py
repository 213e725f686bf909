"""What the command line says in words, as the mapping file would say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from experiments.policy_params import parsed
from rage_env.errors import ConfigError

__all__ = ["settled"]


def settled(words: Mapping[str, Any], params: Iterable[str]) -> dict[str, object]:  # Any: texts, or rows of texts
    """Options whose text has a form of its own, as plain data. Raises ConfigError naming option, form and text."""
    found = {name: _READ[name](text) for name, text in words.items() if text is not None}
    given = parsed(params)
    plain = [name for name, inner in given.items() if not isinstance(inner, dict)]
    if plain:
        raise ConfigError(f"--param: {plain[0]} belongs to no monitor; write MONITOR.{plain[0]}=VALUE")
    return {**found, **({"params": given} if given else {})}


def _shares(texts: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, equals, weight = text.rpartition("=")
        if not equals or name in found:
            raise ConfigError(f"--shares: {text!r} must be GROUP=WEIGHT, each group once, as --shares control=9")
        found[name] = _number("--shares", weight)
    return found


def _looks(text: str) -> int | list[int]:
    try:
        weeks = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--looks: must be a number of looks, or weeks elapsed as 4,8,12; got {text!r}") from None
    return weeks if "," in text else weeks[0]


def _cap(text: str) -> float:
    if text.endswith("%") or text.lower().startswith("q"):
        raise ConfigError(
            f"--cap: {text!r} would be a quantile of the data that it cuts, which biases the test; work it out on "
            "weeks before the first one and give the number (and that week with --cap-week)"
        )
    return _number("--cap", text)


def _moment(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() else text


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{option}: must be a number, got {text!r}") from None


_READ: dict[str, Callable[[Any], object]] = {
    "shares": _shares,
    "looks": _looks,
    "cap": _cap,
    "cap_week": _moment,
    "covariate_week": _moment,
}
