"""Reads a sweep and lays its cells out: names, coordinates and one checked experiment each, in a fixed order."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.config import ExperimentConfig
from experiments.config_names import names_and_parameters
from experiments.sweeps.schema import AGENT, SEEDS, Axis, Sweep
from rage_env import configs, yamlfile
from rage_env.errors import ConfigError, InputError
from rage_env.overrides import apply
from rage_env.yamltree import Document, Json, parse

__all__ = ["MOST_CELLS", "Cell", "Grid", "load"]

MOST_CELLS = 10_000
_LONGEST = 60  # characters of a study's name
_BY_HAND = "command line"


@dataclass(frozen=True)
class Cell:
    """One study of a sweep. at: {axis: what it is there, as text}; treatment: the same without the axis of seeds."""

    name: str
    at: dict[str, str]
    treatment: str
    config: ExperimentConfig


@dataclass(frozen=True)
class Grid:
    """A sweep with its cells, in order."""

    sweep: Sweep
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Step:
    """One value of an axis. label: its text in names; changes: (path, value); place: where it was written."""

    axis: str
    label: str
    changes: tuple[tuple[str, Json], ...]
    place: str


def load(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Grid:
    """The sweep of that name or file. overrides: `users=500` for every cell's experiment.

    Raises ConfigError with every problem of every cell at once, at the line of the sweep that it came from.
    """
    path = configs.find("sweeps", name_or_path)
    document = parse(yamlfile.read(path), str(path))
    sweep = yamlfile.validate(Sweep, document)
    _refuse_passed_over(sweep, overrides)
    steps = [_steps(axis, i, document) for i, axis in enumerate(sweep.axes)]
    if (cells := math.prod(map(len, steps))) > MOST_CELLS:
        raise ConfigError(f"{path}: axes: {cells} cells are more than {MOST_CELLS}; split the sweep, or drop values")
    base = _base(sweep.base, path)
    text = yamlfile.read(base)
    shared = [(f"{k}={json.dumps(v)}", document.place(("overrides", k))) for k, v in sweep.overrides.items()]
    shared += [(text_, _BY_HAND) for text_ in overrides]
    found: list[Cell] = []
    problems: list[str] = []
    for chosen in itertools.product(*steps):
        try:
            found.append(_cell(sweep, chosen, parse(text, str(base)), shared))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError([*dict.fromkeys(problems)])
    _refuse_twins(found, path)
    return Grid(sweep, tuple(found))


def _base(name: str, beside: Path) -> Path:
    try:
        found = configs.find("experiments", name)
    except InputError as error:
        raise ConfigError(f"{beside}: base: {error}") from error
    return found if found.is_absolute() else beside.parent / found


def _steps(axis: Axis, index: int, document: Document) -> list[_Step]:
    if axis.points:
        return [
            _Step(axis.label, point, tuple(changes.items()), document.place(("axes", index, "points", point)))
            for point, changes in axis.points.items()
        ]
    return [
        _Step(axis.label, _text(value), tuple(_changes(axis.key, value)), document.place(("axes", index, "values", i)))
        for i, value in enumerate(axis.values)
    ]


def _changes(key: str, value: Json) -> Iterator[tuple[str, Json]]:
    if key == AGENT:
        entry: Json = {"kind": value} if isinstance(value, str) else value
        nobody: Json = {"kind": "no_offer"}
        yield "agents", [nobody] if entry == nobody else [nobody, entry]
    elif key == SEEDS and isinstance(value, int):
        yield key, [value]
    else:
        yield key, value


def _text(value: Json) -> str:
    """A value in the name of a cell: the name or kind of an entry, a short text, else a hash."""
    if isinstance(value, dict) and isinstance(called := value.get("name") or value.get("kind"), str):
        return _slug(called)
    if isinstance(value, list) and all(isinstance(v, int | float | str) for v in value) and len(value) < 6:
        return _slug("-".join(map(str, value)))
    text = json.dumps(value) if not isinstance(value, str) else value
    return _slug(text) if len(text) < 30 and not isinstance(value, list | dict) else _digest(text)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-.") or _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _cell(sweep: Sweep, chosen: Sequence[_Step], document: Document, shared: Sequence[tuple[str, str]]) -> Cell:
    at = {step.axis: step.label for step in chosen}
    over_seeds = {axis.label for axis in sweep.axes if axis.keys == (SEEDS,)}
    treatment = {axis: label for axis, label in at.items() if axis not in over_seeds}
    name = _named(at)
    for text, place in shared:
        _lay(document, text, place)
    for step in chosen:
        for key, value in step.changes:
            _lay(document, f"{key}={json.dumps(value)}", step.place)
    where = ", ".join(f"{axis} = {label}" for axis, label in at.items())
    own = {"name": name, "question": f"{sweep.question} Here {where}."}
    return Cell(
        name, at, _named(treatment) or "all", yamlfile.changed(ExperimentConfig, document, [own], names_and_parameters)
    )


def _lay(document: Document, text: str, place: str) -> None:
    """Change the document, and remember `place` as where what is new in it was written."""
    before = {path for path, written in document.places.items() if written == "override"}
    apply(document, [text])
    for path, written in document.places.items():
        if written == "override" and path not in before:
            document.places[path] = place


def _named(at: Mapping[str, str]) -> str:
    whole = "_".join(f"{axis}-{label}" for axis, label in at.items())
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 9].rstrip('-_.')}-{_digest(whole)}"


def _refuse_passed_over(sweep: Sweep, overrides: Sequence[str]) -> None:
    """An override of what an axis sets would change nothing, or half of the cells."""
    for text in overrides:
        key = text.partition("=")[0].strip()
        for axis in sweep.axes:
            for own in ("agents" if k == AGENT else k for k in axis.keys):
                if f"{key}.".startswith(f"{own}.") or f"{own}.".startswith(f"{key}."):
                    raise ConfigError(
                        f"override: {key}: the axis {axis.label!r} sets {own} in every cell; change it in the file"
                    )


def _refuse_twins(cells: Sequence[Cell], path: Path) -> None:
    """Two cells of one name, and a seed that two cells of one treatment share, would be the same run twice."""
    names: set[str] = set()
    seeds: dict[tuple[str, int], str] = {}
    for cell in cells:
        if cell.name in names:
            raise ConfigError(
                f"{path}: axes: two cells are called {cell.name!r}; drop the value that stands twice, give entries a "
                "`name`, or use named `points`"
            )
        names.add(cell.name)
        for seed in cell.config.seeds:
            if other := seeds.get((cell.treatment, seed)):
                raise ConfigError(f"{path}: axes: seed {seed} stands in {other} and in {cell.name}; give it once")
            seeds[cell.treatment, seed] = cell.name
