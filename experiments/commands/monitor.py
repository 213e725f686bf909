"""`rage monitor`: words of its own, such as `design`, beside the path of a file to be watched."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from experiments.commands._options import AsJson, Seed
from experiments.threads import one_thread

__all__ = ["WordOrPath", "monitor"]

PATH_COMMAND = "data"
"""Name of the command, if there is one, that takes whatever is no word of the group."""


class WordOrPath(TyperGroup):
    """Hands what is none of its words to the command for paths."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # Any: typer's click is its own in some versions
        """The command of the first word, or the one for paths where there is one."""
        if args and args[0] not in self.commands and PATH_COMMAND in self.commands:
            args = [PATH_COMMAND, *args]
        return super().resolve_command(ctx, args)


monitor = typer.Typer(
    name="monitor", cls=WordOrPath, help="Sequential tests: plan one before it starts.", no_args_is_help=True
)


@monitor.callback()
def _group() -> None:
    """Keeps `design` a word of its own while it is the only one."""


@monitor.command()
def design(
    scenario: Annotated[str | None, typer.Argument(metavar="[SCENARIO]", help="Name or YAML file of a world.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...")] = None,
    lift: Annotated[str, typer.Option(help="Usd per user-week, or a share of the mean as 5%.")] = "5%",
    mean: Annotated[float | None, typer.Option(help="Usd a user-week is worth; the world's if left out.")] = None,
    sd: Annotated[float | None, typer.Option(help="Its standard deviation.")] = None,
    icc: Annotated[float | None, typer.Option(help="Share of the variance that is the user's own; .5 unknown.")] = None,
    correlation: Annotated[float | None, typer.Option(help="Of an 8-week mean with a covariate from before.")] = None,
    users: Annotated[int, typer.Option(min=4, help="Users there are, in all groups.")] = 10_000,
    share: Annotated[float, typer.Option(help="Of users that are treated.")] = 0.5,
    weeks: Annotated[list[int] | None, typer.Option(min=1, help="Length of the test; may be repeated.")] = None,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    looks: Annotated[int | None, typer.Option(help="At most so many; one a week if left out.")] = None,
    spending: Annotated[str, typer.Option(help="obf, pocock, kim_demets, hsd, or a classical family.")] = "obf",
    shape: Annotated[float | None, typer.Option(help="Of kim_demets, hsd or wang_tsiatis.")] = None,
    futility: Annotated[str | None, typer.Option(help="Spending rule for giving up; none if left out.")] = None,
    guardrail: Annotated[str | None, typer.Option(help="Of the scenario; its first ratio if left out.")] = None,
    limit: Annotated[float | None, typer.Option(help="Of the guardrail's ratio.")] = None,
    rate: Annotated[float | None, typer.Option(help="True ratio to be certified; the world's if left out.")] = None,
    margin: Annotated[float, typer.Option(help="An alarm is asked for at limit x (1 + margin).")] = 1.0,
    cap: Annotated[float | None, typer.Option(help="Of a user-week's denominator; its 99.9 % quantile.")] = None,
    max_loss: Annotated[float | None, typer.Option(help="Most a user-week can lose, enforced.")] = None,
    size_mean: Annotated[float | None, typer.Option(help="Without a scenario: mean denominator.")] = None,
    loss_mean: Annotated[float | None, typer.Option(help="Without a scenario: mean loss of a case.")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say how many weeks and users a lift, a guardrail's alarm and its certificate need."""
    one_thread()
    from experiments.design.command import LENGTHS, Question, design_command

    test = {
        "users": users, "share": share, "alpha": alpha, "power": power, "sides": sides, "looks": looks,
        "spending": spending, "shape": shape, "futility": futility,
    }  # fmt: skip
    about = (scenario, overrides or (), lift, mean, sd, icc, correlation, weeks or LENGTHS, test)
    watched = (guardrail, limit, rate, margin, cap, max_loss, size_mean, loss_mean)
    design_command(Question(*about, *watched, seed=seed), as_json=as_json)
