"""`rage monitor`: words of its own, such as `design`, beside the path of a file to be watched."""

from __future__ import annotations

from pathlib import Path
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
    name="monitor",
    cls=WordOrPath,
    help="Sequential tests: plan one before it starts, or watch a file or stream of your own (rage monitor FILE).",
    no_args_is_help=True,
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


@monitor.command("data")
def data(
    file: Annotated[str, typer.Argument(help="CSV or Parquet, or - for JSON lines on standard input.")],
    mapping: Annotated[str | None, typer.Option(help="YAML file with any of the options below.")] = None,
    unit: Annotated[str | None, typer.Option(help="Column of the unit that was randomised.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the week: whole numbers, or dates.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of the group.")] = None,
    metric: Annotated[str | None, typer.Option(help="Column that is compared.")] = None,
    metric_is: Annotated[str | None, typer.Option(help="value, loss (>= 0), count, or event (0 or 1).")] = None,
    denominator: Annotated[str | None, typer.Option(help="Column that the metric is a share of.")] = None,
    covariate: Annotated[str | None, typer.Option(help="Column known before exposure (CUPED).")] = None,
    control: Annotated[str | None, typer.Option(help="Name of the control group; `control` if left out.")] = None,
    shares: Annotated[list[str] | None, typer.Option(help="GROUP=WEIGHT as planned; equal if left out.")] = None,
    rows: Annotated[str | None, typer.Option(help="weekly: a row a unit and week; once: one row a unit.")] = None,
    absent: Annotated[str | None, typer.Option(help="A unit without a row in a week: refuse, or zero.")] = None,
    newcomers: Annotated[str | None, typer.Option(help="First seen later: refuse, or leave_out.")] = None,
    repeats: Annotated[str | None, typer.Option(help="Several rows of a unit in a week: refuse, or add.")] = None,
    monitor: Annotated[list[str] | None, typer.Option(help="Of `rage list monitors`; all that can, if none.")] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="MONITOR.KEY=VALUE", help="Of one monitor.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Error of each monitor; .05 if left out.")] = None,
    weeks: Annotated[int | None, typer.Option(help="Planned length; the file's if left out.")] = None,
    looks: Annotated[str | None, typer.Option(help="Planned looks: how many, or weeks elapsed as 4,8,12.")] = None,
    looked: Annotated[list[int] | None, typer.Option(help="Weeks elapsed at a look beside the plan.")] = None,
    spending: Annotated[str | None, typer.Option(help="obf, pocock, kim_demets or hsd.")] = None,
    sides: Annotated[int | None, typer.Option(help="1 or 2.")] = None,
    cap: Annotated[str | None, typer.Option(help="Most a unit's mean per week may count.")] = None,
    cap_week: Annotated[str | None, typer.Option(help="Last week, or date, that the cap draws on.")] = None,
    covariate_week: Annotated[str | None, typer.Option(help="Last week, or date, the covariate draws on.")] = None,
    limit: Annotated[float | None, typer.Option(help="Of a guardrail: most the mean or ratio may be.")] = None,
    denominator_cap: Annotated[float | None, typer.Option(help="Most a row's denominator may count.")] = None,
    max_loss: Annotated[float | None, typer.Option(help="Most a row can lose, enforced.")] = None,
    least: Annotated[float | None, typer.Option(help="Lower bound of the metric; 0 if left out.")] = None,
    most: Annotated[float | None, typer.Option(help="Upper bound of the metric, for certain.")] = None,
    prior_sd: Annotated[float | None, typer.Option(help="Of the effect, for `bayesian`.")] = None,
    margin: Annotated[float | None, typer.Option(help="Events may be so many times those of control.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="JSON lines in, a state a closed week out.")] = False,
    state: Annotated[Path | None, typer.Option(help="Stream: go on from this file, and keep it.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the paths as PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Watch an experiment of your own, week by week; each monitor gives its verdict, or says why it cannot."""
    one_thread()
    from experiments.monitor_data.command import monitor_command
    from experiments.monitor_data.options import settled

    columns = {
        "unit": unit, "time": time, "group": group, "metric": metric, "metric_is": metric_is, "control": control,
        "denominator": denominator, "covariate": covariate, "rows": rows, "absent": absent, "newcomers": newcomers,
        "repeats": repeats,
    }  # fmt: skip
    plan = {
        "alpha": alpha, "weeks": weeks, "looked": looked, "spending": spending, "sides": sides, "limit": limit,
        "denominator_cap": denominator_cap, "max_loss": max_loss, "least": least, "most": most, "prior_sd": prior_sd,
        "margin": margin, "monitors": monitor,
    }  # fmt: skip
    words = {"shares": shares, "looks": looks, "cap": cap, "cap_week": cap_week, "covariate_week": covariate_week}
    options = {**columns, **plan, **settled(words, param or ())}
    monitor_command(file, mapping, options, stream=stream, state=state, plot=plot, as_json=as_json)
