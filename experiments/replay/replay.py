"""Lives a log's weeks twice, as logged and under a policy, and says what the policy changes.

Both lives have the same people, the same luck and the same uniforms for drawing arms, so the difference of a user's
totals is due to the decisions alone; its interval takes the user for the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments import provenance
from experiments.config import AgentEntry
from experiments.metrics import Mean, paired
from experiments.replay.logged import Logged
from experiments.replay.source import Source, open_log
from experiments.replay.witness import Witness
from experiments.run_book import RunOutcome
from experiments.runner import agent_of, serve
from rage_env.errors import DecisionError, RunError

__all__ = ["Replay", "Row", "replay"]


@dataclass(frozen=True)
class Row:
    """One figure, as logged and under the policy. lower, upper: of the difference, 95 %; None where it has none."""

    figure: str
    as_logged: float
    under_policy: float
    difference: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Replay:
    """What a replay found. arms, probs: user-weeks decided otherwise than logged; first: the first of them.

    same_policy: the log's own policy was asked for, which must decide as logged.
    """

    log: str
    scenario: str
    seed: int
    users: int
    weeks: int
    logged_policy: str
    policy: str
    same_policy: bool
    propensities_withheld: bool
    user_weeks: int
    arms: int
    probs: int
    first: str
    rows: tuple[Row, ...]
    provenance: dict[str, object]

    @property
    def kept_its_word(self) -> bool:
        """False where the log's own policy did not decide as logged."""
        return not (self.same_policy and self.first)

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def replay(path: str | Path, policy: AgentEntry | None = None) -> Replay:
    """The log at `path`, a run's folder or a log's, lived again under `policy`, by default the one that wrote it.

    Raises LogError for a log that cannot be lived again, RunError where the world does not show what it showed then.
    """
    source = open_log(path)
    entry = policy or source.entry
    before, seen = _as_logged(source)
    if seen.first_of_world:
        raise RunError(_other_world(source, seen.first_of_world))
    witness = Witness(source.log)
    after = serve(source.config, entry, source.seed, agent_of(source.config, entry), lambda _: nullcontext(witness))
    return Replay(
        log=str(source.folder),
        scenario=source.config.scenario,
        seed=source.seed,
        users=source.config.users,
        weeks=source.config.weeks,
        logged_policy=source.entry.label,
        policy=entry.label,
        same_policy=(entry.kind, entry.params) == (source.entry.kind, source.entry.params),
        propensities_withheld=bool(source.log.weeks[0].withheld),
        user_weeks=witness.user_weeks,
        arms=witness.arms,
        probs=witness.probs,
        first=witness.first_decision,
        rows=tuple(_rows(before, after, source.config.weeks)),
        provenance=provenance.environment(),
    )


def _as_logged(source: Source) -> tuple[RunOutcome, Witness]:
    """The log's own life, judged, and whether the world was the one it was written in."""
    witness = Witness(source.log)
    agent = Logged(source.log, unconstrained=agent_of(source.config, source.entry).unconstrained)
    try:
        outcome = serve(source.config, source.entry, source.seed, agent, lambda _: nullcontext(witness))
    except DecisionError as error:  # what was allowed then is not allowed now
        raise RunError(_other_world(source, witness.first_of_world or str(error))) from error
    witness.close()
    if witness.first_decision:
        raise RunError(_other_world(source, witness.first_decision))
    return outcome, witness


def _other_world(source: Source, first: str) -> str:
    then = {k: v for k, v in source.log.meta.provenance.items() if k not in ("experiment", "scenario_hash")}
    moved = provenance.differences(then, provenance.environment_of_bits())
    why = "; ".join(moved) or "neither code nor packages nor processor"
    return (
        f"{source.folder}: the same arms do not bring what was logged ({first}), so this is not the same luck. "
        f"Changed since: {why}. Replay it where it was made, or run the study again here"
    )


def _rows(before: RunOutcome, after: RunOutcome, weeks: int) -> Iterator[Row]:
    for name in ("value", "net_revenue"):
        yield _paired(name, before.users, after.users, weeks)
    yield _plain("nrpau", before.summary["nrpau"]["value"], after.summary["nrpau"]["value"])  # type: ignore[index]  # plain JSON
    yield _plain("weeks_violated", before.summary["weeks_violated"], after.summary["weeks_violated"])
    kept: Any = before.summary["guardrails"]  # Any: plain JSON
    now: Any = after.summary["guardrails"]  # Any: as above
    for name in kept:
        yield _plain(f"violated.{name}", kept[name]["violated"], now[name]["violated"])
        yield _plain(f"slack_true_min.{name}", kept[name]["slack_true_min"], now[name]["slack_true_min"])


def _paired(name: str, before: pd.DataFrame, after: pd.DataFrame, weeks: int) -> Row:
    mine, theirs = after[name].to_numpy(float), before[name].to_numpy(float)
    found: Mean = paired(mine, theirs, weeks)
    return Row(name, theirs.mean() / weeks, mine.mean() / weeks, found.value, found.lower, found.upper)


def _plain(name: str, before: object, after: object) -> Row:
    was, is_ = float(str(before)), float(str(after))
    return Row(name, was, is_, is_ - was)
