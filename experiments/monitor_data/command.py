"""Answers `rage monitor FILE` and `rage monitor -`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.console import print_json, show
from experiments.monitor_data.account import Account
from experiments.monitor_data.declaration import Declaration, declared
from experiments.monitor_data.panel import Look, Panel
from experiments.monitor_data.table import read_weeks
from experiments.named import naming
from rage_env.errors import ConfigError

__all__ = ["STANDARD_INPUT", "judge", "monitor_command"]

STANDARD_INPUT = "-"


def judge(path: Path, told: Declaration) -> Account:
    """Every week of the file under every monitor that can work on it. Raises InputError."""
    with naming(path):
        table = read_weeks(path, told)
        panel = Panel(told, table.units, table.clock, table.weeks)
        looks: list[Look] = []
        final = int(table.week.max())
        for rows in table:
            looks += panel.close(rows, last=rows.week == final)
    return Account(str(path), panel, looks)


def monitor_command(
    data: str,
    mapping: str | None,
    options: Mapping[str, object],
    *,
    stream: bool = False,
    state: Path | None = None,
    plot: Path | None = None,
    as_json: bool = False,
) -> None:
    """Print what the monitors say, or a state a week and monitor of a stream. Raises InputError."""
    told = declared(mapping, options)
    if stream or data == STANDARD_INPUT:
        if plot is not None:
            raise ConfigError("--plot: a stream has no end to draw; give it with a file")
        from experiments.monitor_data.stream import watch_stream

        watch_stream(data, told, state)
        return
    if state is not None:
        raise ConfigError("--state: goes with a stream (rage monitor - --stream); a file is read as a whole each time")
    if plot is not None and plot.suffix != ".png":
        raise ConfigError(f"--plot: {plot} is drawn as PNG; let its name end in .png")
    if plot is not None and not plot.parent.is_dir():
        raise ConfigError(f"--plot: there is no folder {plot.parent}")
    account = judge(Path(data), told)
    if as_json:
        print_json(account.to_json())
    else:
        account.show()
    if plot is not None:
        from experiments.report.monitors import draw_paths

        draw_paths(account.tables(), plot, f"{Path(data).name}, metric {told.metric}", told.limit)
        if not as_json:
            show(f"plot: {plot}")
