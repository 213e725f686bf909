"""Answers `rage export`."""

from __future__ import annotations

from pathlib import Path

from experiments import console
from experiments.exports import to_minari, to_vw, write_obp
from experiments.log_source import LogSource
from rage_env.errors import InputError

__all__ = ["export_command"]


def export_command(
    source: LogSource,
    to: str,
    out: str | Path,
    metric: str,
    *,
    users: int = 1_000,
    seed: int = 0,
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Write the log and say what was written. Raises InputError."""
    k = len(source.arms)
    if isinstance(out, str):
        found = to_minari(source.table, k, out, metric, users, seed)
        count, unit = int(found.total_episodes), "episodes"
    else:
        if out.exists() and not force:
            raise InputError(f"{out}: is there already; give another --out, or --force to replace it")
        if not out.parent.is_dir():
            raise InputError(f"{out.parent}: no such folder for --out; make it first")
        if to == "obp" and out.suffix != ".npz":
            raise InputError(f"--out {out}: obp's arrays go into an .npz file")
        count = write_obp(source.table, k, out, metric) if to == "obp" else to_vw(source.table, k, out, metric)
        unit = "rounds" if to == "obp" else "lines"
    if as_json:
        console.print_json({"to": to, "out": str(out), "count": count, "unit": unit, "notes": list(source.notes)})
        return
    for note in source.notes:
        console.show(note)
    console.show(f"{out}: {count:,} {unit} for {to}, arms {', '.join(source.arms)}")
