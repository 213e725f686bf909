"""Data files that appear together when the work is done, and not at all when it is not."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rage_env.errors import ConfigError, RunError
from rage_env.whole_file import move_in

__all__ = ["Outbox"]

_PART = ".part-"


class Outbox:
    """Collects files in a hidden folder beside their place; use as a context manager.

    On leaving without an error they move to `folder`, whole, and what an earlier call left of `mine` and this one did
    not write is removed. On an error everything goes; what the disk refuses is a RunError that names the folder.
    """

    def __init__(self, folder: Path, mine: Sequence[str], *, force: bool = False) -> None:
        """mine: names of files that may be replaced. Raises ConfigError where one is there and `force` is not given."""
        self.folder, self.mine = folder, mine
        there = [name for name in mine if (folder / name).exists()]
        if there and not force:
            raise ConfigError(
                f"--out: {folder / there[0]} is there already{f' ({len(there)} such files)' if there[1:] else ''}; "
                "give another place, or --force to replace it"
            )
        self._part = Path()
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self._made = [p for p in (self.folder, *self.folder.parents) if not p.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._part = Path(tempfile.mkdtemp(prefix=_PART, dir=self.folder))
        except OSError as error:
            raise ConfigError(f"--out: data cannot be written to {self.folder}: {error.strerror or error}") from error
        return self

    def place(self, name: str) -> Path:
        """Where to write the file of that name while it is not whole."""
        return self._part / name

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        try:
            if isinstance(error, OSError):
                raise self._refused(error) from error
            if kind is None:
                self._deliver()
        except OSError as refused:
            raise self._refused(refused) from refused
        finally:
            shutil.rmtree(self._part, ignore_errors=True)
            if kind is not None:
                for folder in self._made:
                    with contextlib.suppress(OSError):  # somebody else has put something there
                        folder.rmdir()

    def _refused(self, error: OSError) -> RunError:
        why = os.strerror(error.errno) if error.errno else str(error)
        return RunError(
            f"--out: data cannot be written to {self.folder} ({why}); what was begun is taken away again. Make room, "
            "or give another place, and give the same command again"
        )

    def _deliver(self) -> None:
        written = sorted(p.name for p in self._part.iterdir())
        for name in written:
            move_in(self._part / name, self.folder / name)
        for name in self.mine:
            if name not in written:
                (self.folder / name).unlink(missing_ok=True)
