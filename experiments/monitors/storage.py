"""A monitor on disk: one npz file of plain arrays, with its facts as JSON inside. Nothing is ever unpickled."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments import monitors
from experiments.monitors.interface import Monitor
from rage_env.errors import InputError, LogError
from rage_env.whole_file import whole_file

__all__ = ["FORMAT", "read", "write"]

FORMAT = 1
"""Version of the file; a file with a higher one was written by a later release."""

_FACTS = "_facts"


def write(monitor: Monitor, path: str | Path) -> Path:
    """Write what the monitor was made with and remembers; `read` goes on from there. Returns the path."""
    arrays, facts = monitor.save()
    text = json.dumps({"format": FORMAT, "made_with": monitor.made_with, **facts}, default=_plain)
    target = Path(path)
    with whole_file(target) as part, zipfile.ZipFile(part, "w") as archive:
        for name, array in {**arrays, _FACTS: np.array(text)}.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return target


def read(path: str | Path) -> Monitor:
    """The monitor as it was when written. Raises LogError for a file that is newer, broken or none of ours."""
    arrays, facts = _opened(Path(path))
    version = facts.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise LogError(f"{path}: has format {version!r}, this release reads up to {FORMAT}; use a later release")
    kind, made_with = facts.get("kind"), facts.get("made_with")
    if not isinstance(kind, str) or not isinstance(made_with, dict):
        raise LogError(f"{path}: does not say which monitor it holds; write it again with storage.write")
    try:
        monitor = monitors.monitor(kind, **made_with)
        monitor.load(arrays, facts)
    except InputError as error:
        raise LogError(f"{path}: {error}") from error
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise LogError(f"{path}: the state of {kind} is damaged ({error}); feed its weeks again") from error
    return monitor


def _opened(path: Path) -> tuple[Mapping[str, NDArray[np.generic]], dict[str, Any]]:  # Any: JSON not yet checked
    if not path.is_file():
        raise LogError(f"{path}: no such file; a monitor is written with storage.write")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        facts = json.loads(str(arrays.pop(_FACTS)))
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise LogError(f"{path}: is no readable state of a monitor ({error}); feed its weeks again") from error
    if not isinstance(facts, dict):
        raise LogError(f"{path}: facts must be a JSON object, got {type(facts).__name__}; feed its weeks again")
    return arrays, facts


def _plain(value: object) -> object:
    """What JSON does not know: arrays and NumPy's numbers. Raises LogError for anything else."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise LogError(f"a monitor made with {value!r} cannot be written: only numbers, words and rows of them can")
