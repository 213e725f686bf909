"""A table to be shown, or what to run to get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from experiments import storage
from experiments.results import Results

__all__ = ["View", "again", "believes", "exhibit", "of_runs", "sampled"]


@dataclass(frozen=True, eq=False)
class View:
    """note: what must be known to read the table. missing: why there is none, and what to run; else empty."""

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    note: str = ""
    missing: str = ""

    @property
    def here(self) -> bool:
        """Whether there is anything to show."""
        return not self.missing


def again(results: Results, what: str) -> str:
    """What to run where a study did not keep `what`."""
    return f"This study did not keep {what}. `rage run {results.study.name}` with this version of RAGE does."


def exhibit(results: Results, name: str, agents: Sequence[str] = (), seed: int | None = None) -> View:
    """Rows of one of EXHIBITS of every finished run that kept it, with columns agent and seed."""
    wanted = agents or results.study.agents
    tables = [
        results.run_table(agent, s, name).assign(agent=agent, seed=s)
        for agent, s in results.runs()
        if agent in wanted and seed in (None, s) and results.has_exhibit(agent, s, name)
    ]
    if not tables:
        return View(missing=again(results, f"the table `{name}` of its runs"))
    return View(pd.concat(tables, ignore_index=True))


def sampled(results: Results, name: str, agent: str) -> View:
    """`people` or `lives` of the one seed of which a run keeps them, with a note on how many users these are."""
    view = exhibit(results, name, [agent], results.study.seeds[0])
    if not view.here:
        return view
    shown, seed = view.table["user_id"].nunique(), results.study.seeds[0]
    users = int(str(results.summary(agent, seed)["users"]))
    whole = "All" if shown == users else f"A sample of {shown:,} of"
    return View(view.table, f"{whole} {users:,} users of {agent}, evenly spread by id; seed {seed}.")


def believes(results: Results, agent: str) -> bool:
    """Whether the sample of the agent's users holds what it expected of them."""
    file = results.run_folder(agent, results.study.seeds[0]) / "people.parquet"
    return file.is_file() and any(name.startswith("believed.") for name in storage.columns_of(file))


def of_runs(results: Results, name: str) -> View:
    """One of the tables over all runs: leaderboard, ope, monitors, verdicts, over_seeds."""
    if results.has_table(name):
        return View(results.table(name))
    done = sum(results.is_done(*run) for run in results.runs())
    if done < len(results.runs()):
        reason = (
            f"{done} of {len(results.runs())} runs are done. `rage run {results.study.name}` goes on with the rest."
        )
        return View(missing=reason)
    return View(missing=f"This study has no table `{name}`: its experiment asks for none.")
