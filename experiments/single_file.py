"""One table as one file that the user names, with what stands beside it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from experiments import data_tables
from experiments.data_files import FORMATS, SIDECAR, Format, writer
from experiments.history import Plan
from experiments.outbox import Outbox
from experiments.simulate import DataFile
from rage_env.errors import ConfigError
from rage_env.features import FeatureTable

__all__ = ["SingleFile", "format_of"]


def format_of(out: Path, asked: Format | None) -> Format:
    """The format that the name of the file says. Raises ConfigError where it says none, or another than asked."""
    ending = out.suffix.removeprefix(".")
    if ending not in FORMATS:
        known = ", ".join(f".{f}" for f in FORMATS)
        raise ConfigError(f"--out: {out} is one file here; let its name end in one of {known}")
    if asked is not None and asked != ending:
        raise ConfigError(f"--format: {asked} does not go with --out {out}; leave --format out")
    return ending


class SingleFile:
    """Writes `out` and, with the truth, `<name>.truth.<ending>`."""

    def __init__(self, out: Path, kind: Format, *, force: bool) -> None:
        names = [out.name, f"{out.stem}.truth{out.suffix}"]
        beside = [f"{Path(n).stem}{SIDECAR}" for n in names]
        self.out, self.kind = out, kind
        self.box = Outbox(out.parent, [*names, *beside], force=force)

    def write(
        self, about: str, table: pa.Table, truth: pa.Table | None, plan: Plan, features: FeatureTable
    ) -> list[DataFile]:
        """All rows at once. about: what a row is."""
        found = []
        with self.box as box:
            for name, rows in ((self.out.name, table), (f"{self.out.stem}.truth{self.out.suffix}", truth)):
                if rows is None:
                    continue
                description = data_tables.described(Path(name).stem, rows.schema, plan, features) | {"about": about}
                path = box.place(name)
                made = writer(path, rows.schema, description, self.kind)
                made.write(rows)
                made.close()
                found.append(DataFile(name, made.rows, rows.num_columns, path.stat().st_size))
        return found
