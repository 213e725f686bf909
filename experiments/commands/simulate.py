"""`rage simulate`: data of a world, for whoever analyses them elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from experiments.commands._options import AsJson, Policy, PolicyParams, Seed, WorldName, WorldOverrides
from experiments.threads import one_thread

if TYPE_CHECKING:
    from experiments.data_files import Format
    from experiments.hidden import Depth

__all__ = ["simulate"]


class Kind(StrEnum):
    """Formats of a data file."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


Share = Annotated[float | None, typer.Option(min=0, max=1, help="Snapshot: share of this tier.")]
_TABLES = {"users", "weeks", "open", "withhold", "behaviour"}
_SNAPSHOT = {"count", "low", "medium", "high"}
_LIVES = {"lifecycle", "customers", "days"}


def simulate(
    scenario: WorldName,
    out: Annotated[Path, typer.Option(help="Folder for the tables; one file for --count and --lifecycle.")],
    overrides: WorldOverrides = None,
    users: Annotated[int | None, typer.Option(min=1, help="Users at any time; 10000 if left out.")] = None,
    weeks: Annotated[int | None, typer.Option(min=1, max=10_000, help="The scenario's own if left out.")] = None,
    seed: Seed = 0,
    kind: Annotated[Kind | None, typer.Option("--format", help="parquet if left out; else as --out ends.")] = None,
    truth: Annotated[bool, typer.Option("--truth", help="What only the simulator knows, in files apart.")] = False,
    potential: Annotated[
        bool, typer.Option("--potential", help="With --truth: every outcome under every arm, too.")
    ] = False,
    policy: Policy = "status_quo",
    param: PolicyParams = None,
    withhold: Annotated[bool, typer.Option("--withhold", help="Leave the propensities empty.")] = False,
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="Also 104 behavioural features of week 0, with the label; banks only.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Newcomers take the places of those who leave.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Snapshot: so many customers.")] = None,
    low: Share = None,
    medium: Share = None,
    high: Share = None,
    lifecycle: Annotated[bool, typer.Option("--lifecycle", help="Single customers from joining to leaving.")] = False,
    customers: Annotated[int | None, typer.Option(min=1, help="Lifecycle: so many; 10 if left out.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Lifecycle: lived as whole weeks; 180 if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace data that are there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write what a world brings: users and what became of them, week by week.

    Three forms: tables of a whole cohort (users, behavior_weekly, reports); with --count a snapshot of customers by
    tier of risk; with --lifecycle single customers from the week they join.
    """
    given = {
        "users": users, "weeks": weeks, "open": open_ or None, "count": count, "low": low, "medium": medium,
        "high": high, "lifecycle": lifecycle or None, "customers": customers, "days": days,
        "withhold": withhold or None, "behaviour": behaviour or None,
    }  # fmt: skip
    form = _form({name for name, value in given.items() if value is not None})
    one_thread()
    from experiments.history import Plan
    from experiments.policy_params import parsed
    from rage_env.scenario import load

    def plan(users: int, weeks: int | None = None) -> Plan:
        world = load(scenario, overrides or ())
        lived = weeks or world.weeks
        return Plan(world, users, lived, seed, policy, parsed(param or ()), "open" if open_ else "closed")

    asked = cast("Format | None", kind and kind.value)
    depth = _depth(truth=truth, potential=potential)
    if form == "lives":
        from experiments.lifecycle import lifecycle_command, weeks_of

        made = plan(customers or 10, weeks_of(days or 180))
        lifecycle_command(made, out, kind=asked, depth=depth, force=force, as_json=as_json)
    elif form == "snapshot":
        from experiments.snapshot import Mix, snapshot_command

        mix = Mix.of(count, low, medium, high)
        snapshot_command(plan(1), mix, out, kind=asked, depth=depth, force=force, as_json=as_json)
    else:
        from experiments.simulate import simulate_command

        made = plan(users or 10_000, weeks)
        asked = asked or "parquet"
        simulate_command(
            made, out, kind=asked, depth=depth, withhold=withhold, behaviour=behaviour, force=force, as_json=as_json
        )


def _form(given: set[str]) -> Literal["tables", "snapshot", "lives"]:
    """Which of the three forms the options ask for. Raises ConfigError where they ask for two."""
    from rage_env.errors import ConfigError

    form: Literal["tables", "snapshot", "lives"]
    form = "lives" if given & _LIVES else "snapshot" if given & _SNAPSHOT else "tables"
    own, needed = {"lives": (_LIVES, "lifecycle"), "snapshot": (_SNAPSHOT, "count"), "tables": (_TABLES, "")}[form]
    foreign = sorted(given - own)
    if foreign:
        raise ConfigError(
            f"--{foreign[0]}: does not go with --{min(given & own)}; a call writes either tables, or a snapshot "
            "(--count, --low, --medium, --high), or lives (--lifecycle, --customers, --days)"
        )
    if needed and needed not in given:
        raise ConfigError(f"--{min(given)}: says nothing without --{needed}; add it")
    return form


def _depth(*, truth: bool, potential: bool) -> Depth:
    from rage_env.errors import ConfigError

    if potential and not truth:
        raise ConfigError("--potential: belongs to the truth; give --truth too")
    return "potential" if potential else "state" if truth else "seen"
