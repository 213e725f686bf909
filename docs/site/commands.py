"""The page of the command line: what `--help` says of every command, of one just added too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from experiments import cli

__all__ = ["commands", "pages"]

_COLUMNS = 100


def pages() -> Iterator[tuple[str, str]]:
    """(name, text) of the one page of all commands."""
    text = ["# Command line", "", _INTRODUCTION, (cli.__doc__ or "").rpartition("\n\n")[2].strip(), ""]
    for name, command in commands(get_command(cli.app), "rage"):
        text += [f"## {name}", "", "```text", _help(name, command), "```", ""]
    yield "commands.md", "\n".join(text)


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:  # Any: typer's classes are its own in some versions
    """(full name, command) of every command below this one, in the order of the alphabet."""
    below = getattr(command, "commands", {})
    if not below:
        yield name, command
    for word in sorted(below):
        yield from commands(below[word], f"{name} {word}")


def _help(name: str, command: Any) -> str:  # Any: as above
    with command.make_context(name, [], resilient_parsing=True, terminal_width=_COLUMNS) as context:
        return str(command.get_help(context)).rstrip()


_INTRODUCTION = "Names of shipped experiments and scenarios stand wherever a YAML file may."
