"""The command line `rage`. Commands are thin: each imports what it needs when it runs, so `--help` is quick.

Exit codes: 0 done, 1 the run failed, 2 the input is wrong, 130 interrupted, 143 ended by SIGTERM.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments import commands
from experiments.commands._options import OUT, AsJson, Experiment, Out, Overrides, Uri, WorldOverrides
from experiments.threads import one_thread

__all__ = ["app", "main"]

_INTERRUPTED = 130  # what shells use for a program ended by Ctrl-C

app = typer.Typer(
    name="rage",
    help="RAGE, the Risk-Adjusted Growth Engine: rehearse growth under guardrails in a simulated world.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Study = Annotated[
    str | None, typer.Argument(metavar="[NAME_OR_FOLDER]", help="A results folder, or the name of a study: its newest.")
]


@app.command()
def track(
    study: Study = None,
    uri: Uri = None,
    experiment: Experiment = None,
    out: Out = OUT,
) -> None:
    """Feed a results folder to MLflow, without ever writing twice."""
    from experiments import console, tracking

    done = tracking.track(_results(study, out), uri, experiment)
    console.show(f"{done.uri}: {done.written} runs written, {done.kept} were there")


@app.command()
def ui(
    uri: Uri = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    out: Out = OUT,
) -> None:
    """Serve MLflow on this machine's studies."""
    from experiments import console, tracking

    raise typer.Exit(tracking.serve(tracking.store_uri(uri, out / "study"), port, console.show))


@app.command()
def report(
    study: Study = None,
    out: Out = OUT,
    to: Annotated[
        Path | None, typer.Option(help="File for the page; report.html beside the results if left out.")
    ] = None,
) -> None:
    """Write one self-contained HTML page of a study, and draw its figures anew."""
    from experiments import console, report
    from experiments.report.page import write_page
    from experiments.results import Results

    results = Results.open(_results(study, out))
    results.refuse_changed()
    console.show(str(write_page(results, to)))
    for path in report.draw(results):
        console.show(str(path))


@app.command(name="list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help="scenarios, experiments, sweeps, agents, estimators, monitors.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what there is to choose from."""
    from experiments import catalogue, console

    for each in [kind] if kind else catalogue.KINDS:
        rows = [e._asdict() for e in catalogue.entries(each)]
        if as_json and not kind:
            continue
        console.print_rows([{k: r[k] for k in ("name", "about")} for r in rows], each, as_json=as_json)
    if as_json and not kind:
        console.print_json([e._asdict() for k in catalogue.KINDS for e in catalogue.entries(k)])


@app.command()
def describe(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or a YAML file.")],
    overrides: WorldOverrides = None,
    users: Annotated[int, typer.Option(min=2, help="Size of the reference cohort.")] = 2_000,
    sources: Annotated[bool, typer.Option("--sources", help="Every number with its source, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a world consists of, and what each arm earns and uses in it."""
    one_thread()
    from experiments.describe import describe_command

    describe_command(scenario, overrides or (), users=users, sources=sources, as_json=as_json)


@app.command()
def config(
    name: Annotated[
        str | None,
        typer.Argument(help="An experiment, scenario or sweep: name or YAML file; or a kind, as `experiments`."),
    ] = None,
    overrides: Overrides = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="JSON Schema of such a file, for editors, with all names.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="KEY", help="Say what a key is for, e.g. oracle.every_weeks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a configuration as it will be used, the schema of such files, or what a key of them is for."""
    from experiments import resolved
    from rage_env.errors import InputError

    if schema and explain is not None:
        raise InputError("config: --schema and --explain are two questions; ask one at a time")
    if schema:
        resolved.print_schema(name)
    elif explain is not None:
        resolved.print_explained(name, explain, overrides or (), as_json=as_json)
    elif name is None:
        raise InputError("config: say what to print: an experiment, a scenario, a sweep (`rage list`) or a YAML file")
    else:
        resolved.print_resolved(name, overrides or (), as_json=as_json)


@app.command()
def check(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or a YAML file.")] = "fintech",
    overrides: WorldOverrides = None,
    users: Annotated[int, typer.Option(min=200, help="Fewer say nothing of means.")] = 500,
    weeks: Annotated[int, typer.Option(min=4)] = 8,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Show the check worlds broken on purpose instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the invariants of a world of your own. Leaves with 1 where one is broken, or a mutant gets through."""
    one_thread()
    from experiments.check import check_command, mutants_command

    if mutants:
        kept = mutants_command(scenario, overrides or (), users, weeks, as_json=as_json)
    else:
        kept = check_command(scenario, overrides or (), users, weeks, seed, as_json=as_json)
    if not kept:
        raise typer.Exit(1)


for _command in commands.every():
    if isinstance(_command, typer.Typer):
        app.add_typer(_command)
    else:
        app.command()(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code. Mistakes of the user end in a message, not in a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(given, prog_name="rage")
    except SystemExit as end:  # how typer leaves, after an interrupt too
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:
        code = _told(error, given)
    else:
        code = 0
    if code == _INTERRUPTED:
        print("\nstopped; the same command starts again", file=sys.stderr)
    return code


def _told(error: Exception, given: Sequence[str]) -> int:
    """The exit code of an error that has a message for the user, printed; anything else is a defect and goes up."""
    from rage_env.errors import InputError, RageError, StoppedError

    if isinstance(error, StoppedError):
        print(f"\n{error}. What was finished is kept; go on with:\n  rage {shlex.join(given)}", file=sys.stderr)
        return 128 + error.signal
    if isinstance(error, MemoryError):
        print(f"error: out of memory ({error}); ask for fewer users or weeks", file=sys.stderr)
        return 1
    if not isinstance(error, RageError | OSError):
        raise error
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in str(error))  # it may quote a binary file
    lines = text.splitlines()
    print(f"error: {text}" if len(lines) == 1 else f"{len(lines)} problems:\n{text}", file=sys.stderr)
    return 2 if isinstance(error, InputError) else 1


def _results(study: str | None, out: Path) -> Path:
    from experiments.newest import named

    return named(study, out).path


if __name__ == "__main__":
    sys.exit(main())
