"""Work on another machine: in a folder of its own there, whose files come back with what it returns.

The machine that asks is the only one that writes where results belong, so nodes need no disk in common with it.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, Self, TypeVar

from experiments import provenance, storage
from experiments.config import ExperimentConfig
from experiments.seal import SEAL
from rage_env import config_text, configs
from rage_env.errors import RunError

__all__ = ["Brought", "Luggage", "brought_from", "files_of"]

T = TypeVar("T")


@dataclass(eq=False)
class Brought(Generic[T]):
    """What work returned, and the files that it wrote or changed, {path within its folder: bytes}, until put down.

    made_with: packages, code and processor there.
    """

    result: T
    files: dict[str, bytes] = field(repr=False)
    made_with: dict[str, object] = field(default_factory=provenance.environment_of_bits)

    def put_down(self, folder: Path) -> T:
        """Write the files below `folder` and forget them; a seal after the files that it vouches for."""
        seals = {name for name in self.files if Path(name).name == SEAL}
        for name in seals:
            (folder / name).unlink(missing_ok=True)  # what stands there is replaced from here on
        for name in sorted(self.files, key=lambda name: (name in seals, name)):
            storage.moved(folder / name, partial(_write, data=self.files[name]))
        self.files.clear()
        return self.result


def _write(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def files_of(folder: Path) -> dict[str, bytes]:
    """{path within the folder: bytes} of all files that are not hidden."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def brought_from(work: Callable[[Path], T], given: Mapping[str, bytes]) -> Brought[T]:
    """Do `work` in a folder that begins with the given files and is gone afterwards."""
    with TemporaryDirectory(prefix="rage-") as held:
        folder = Path(held)
        for name, data in given.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        result = work(folder)
        return Brought(result, {name: data for name, data in files_of(folder).items() if given.get(name) != data})


@dataclass(frozen=True, eq=False)
class Luggage:
    """What a machine must have to do the work of this one: the same code, and scenario files that do not ship.

    worlds: {path: text}.
    """

    worlds: Mapping[str, str]
    code_hash: str

    @classmethod
    def of(cls, experiments: Iterable[ExperimentConfig]) -> Self:
        """For the worlds of these experiments."""
        with config_text.noted() as texts:
            for experiment in {each.scenario: each for each in experiments}.values():
                experiment.world()
        shipped = configs.root()
        return cls({p: t for p, t in texts.items() if not Path(p).is_relative_to(shipped)}, provenance.code_hash())

    @contextlib.contextmanager
    def unpacked(self) -> Iterator[None]:
        """Inside, this machine reads those files. Raises RunError where it has other code."""
        if (here := provenance.code_hash()) != self.code_hash:
            raise RunError(
                f"node {platform.node()}: has other code ({here[:12]}) than the machine that asks "
                f"({self.code_hash[:12]}); install the same version there, or restart the cluster"
            )
        with config_text.standing_in(self.worlds):
            yield
