"""Which monitors a foreign experiment gets: made from what was declared, or refused with what they lack."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from experiments import monitors
from experiments.monitor_data.declaration import Declaration
from experiments.monitors.interface import Monitor
from rage_env.errors import ConfigError, InputError, did_you_mean

__all__ = ["SAMPLE_RATIO", "Seat", "seats"]

SAMPLE_RATIO = "ssrm"
"""The check that comes before every comparison."""

_DECLARED_AS = {
    "cap_usd": "denominator_cap",
    "max_loss_usd": "max_loss",
    "limit": "limit",
    "most": "most",
    "prior_sd": "prior_sd",
    "weeks": "weeks",
}
"""What monitors call what the declaration calls otherwise, or may leave open."""


@dataclass(eq=False)
class Seat:
    """A monitor of one treated group, or why there is none. group: empty where all groups are looked at."""

    kind: str
    group: str
    monitor: Monitor | None = None
    refusal: str = ""

    @property
    def compares(self) -> bool:
        """Whether groups are held against each other, which is worth nothing once they were shared out wrongly."""
        return self.monitor is not None and "control" in self.monitor.made_with


def seats(declared: Declaration, groups: tuple[str, ...], weeks: int | None) -> list[Seat]:
    """The sample-ratio check, then every monitor asked for, for each treated group. weeks: planned.

    groups: control first. Raises UnknownNameError, and ConfigError for what no data could mend.
    """
    kinds = declared.monitors or tuple(k for k in monitors.names() if k != SAMPLE_RATIO)
    found = [_seat(SAMPLE_RATIO, "", declared, _ratio_facts(declared, groups))]
    for kind in dict.fromkeys(kinds):
        if kind == SAMPLE_RATIO:
            continue
        for code, group in enumerate(groups[1:], 1):
            found.append(_seat(kind, group, declared, _facts(declared, code, len(groups) - 1, weeks)))
    return found


def _seat(kind: str, group: str, declared: Declaration, facts: Mapping[str, object]) -> Seat:
    cls = monitors.monitor_class(kind)
    known = inspect.signature(cls).parameters
    given = {name: _plain(value) for name, value in declared.params.get(kind, {}).items()}
    taken = {name: value for name, value in facts.items() if name in known and value is not None} | given
    if "comparisons" not in known and "treatments" in facts and "alpha" not in given:
        taken["alpha"] = declared.alpha / float(str(facts["treatments"]))
    if unknown := [name for name in given if name not in known]:
        near = did_you_mean(unknown[0], known)
        raise ConfigError(f"params: {kind}: no parameter {unknown[0]!r}{near} It takes {', '.join(known)}.")
    lacking = [p for p, about in known.items() if about.default is inspect.Parameter.empty and p not in taken]
    why = next(_unfit(known, declared, lacking), "")
    if why:
        return Seat(kind, group, refusal=why)
    try:
        return Seat(kind, group, monitors.monitor(kind, **taken))
    except InputError as error:
        if kind not in (*declared.monitors, *declared.params, SAMPLE_RATIO):
            return Seat(kind, group, refusal=str(error))
        raise ConfigError([f"{kind}: {problem}" for problem in str(error).splitlines()]) from error


def _unfit(known: Mapping[str, inspect.Parameter], declared: Declaration, lacking: list[str]) -> Iterator[str]:
    """Why the method is not for such data."""
    ratio = declared.denominator is not None
    if "cap_usd" in known and not ratio:
        yield "watches a ratio: needs --denominator"
    if ratio and "cap_usd" not in known and "outcome" not in known and "shares" not in known:
        yield "has no ratios: leave --denominator out to watch the plain metric"
    if lacking:
        told = [f"--{_DECLARED_AS[p].replace('_', '-')}" if p in _DECLARED_AS else f"params: {p}" for p in lacking]
        yield f"needs {', '.join(told)}, declared before the data"


def _facts(declared: Declaration, code: int, treatments: int, weeks: int | None) -> dict[str, object]:
    once = declared.rows == "once"
    return {
        "alpha": declared.alpha,
        "treatments": treatments,
        "comparisons": treatments,
        "weeks": weeks,
        "looks": None if weeks is None else declared.planned(weeks),
        "spending": declared.spending,
        "sides": declared.sides,
        "mode": "groups",
        "treatment": code,
        "control": 0,
        "group": code,
        "cap": declared.cap,
        "adjust": declared.covariate is not None,
        "outcome": "mean" if declared.denominator is None else "ratio",
        "limit": declared.limit,
        "cap_usd": declared.denominator_cap,
        "max_loss_usd": declared.max_loss,
        "ages": [0],
        "mature_age_weeks": 0,
        "least": declared.least,
        "most": 1.0 if declared.metric_is == "event" else declared.most,
        "prior_sd": declared.prior_sd,
        "margin": declared.margin,
        "trial": "once" if once else "hazard",
    }


def _ratio_facts(declared: Declaration, groups: tuple[str, ...]) -> dict[str, object]:
    weights = [1.0 if declared.shares is None else declared.shares[g] for g in groups]
    return {"shares": [w / sum(weights) for w in weights], "alpha": declared.sample_ratio_alpha}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
