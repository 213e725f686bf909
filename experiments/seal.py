"""Checksums of a folder's files, written last: how a file cut, edited or lost since is told from one that is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from experiments import storage
from rage_env.errors import LogError

__all__ = ["SEAL", "changed", "is_whole", "refuse_changed", "seal"]

SEAL = "checksums.json"
"""{file, relative to its folder: {bytes, sha256}}; what is not listed is still in the making."""


def seal(folder: Path, files: Iterable[str]) -> Path:
    """Write down what these files of the folder hold now, in place of what was written down before."""
    listed = {file: _measured(folder / file) for file in sorted(files)}
    return storage.write_json(folder / SEAL, {"files": listed})


def is_whole(folder: Path, files: Iterable[str]) -> bool:
    """Whether these files were all sealed and are all still there. Raises LogError for a seal that cannot be read."""
    if not (folder / SEAL).is_file():
        return False
    listed = _listed(folder)
    return all(file in listed and (folder / file).is_file() for file in files)


def changed(folder: Path) -> Iterator[str]:
    """A problem for every sealed file that holds something else by now. What is gone has nothing to lose."""
    if not (folder / SEAL).is_file():
        return
    for file, was in _listed(folder).items():
        place = folder / file
        if not place.is_file() or (now := _measured(place)) == was:
            continue
        how = f"{was['bytes']} bytes when written, {now['bytes']} now"
        yield f"{place}: corrupted: changed since it was written ({how if was['bytes'] != now['bytes'] else 'edited'})"


def refuse_changed(folder: Path, way_out: str) -> None:
    """Raises LogError naming every sealed file that was changed. way_out: what to do about it."""
    found = [f"{problem}; {way_out}" for problem in changed(folder)]
    if found:
        raise LogError("\n".join(found))


def _listed(folder: Path) -> dict[str, dict[str, object]]:
    held = storage.read_json(folder / SEAL).get("files")
    entries = held.values() if isinstance(held, dict) else [None]
    if not isinstance(held, dict) or not all(isinstance(e, dict) and {"bytes", "sha256"} <= set(e) for e in entries):
        raise LogError(
            f"{folder / SEAL}: corrupted: must list each file's bytes and sha256; "
            f"move {folder} away and run the study again"
        )
    return held


def _measured(file: Path) -> dict[str, object]:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return {"bytes": file.stat().st_size, "sha256": digest}
