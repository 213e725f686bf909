"""Answers `rage replay`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from experiments.config import AgentEntry
from experiments.config_parts import agent_problems
from experiments.console import print_json, print_rows, show
from experiments.oracle import LatentOracle, ObservableOracle
from experiments.policy_params import parsed
from experiments.replay.replay import Replay, replay
from experiments.replay.source import open_log
from rage_env.errors import ConfigError, UnknownNameError

__all__ = ["replay_command"]


def replay_command(path: str, policy: str | None, params: Sequence[str], *, as_json: bool) -> bool:
    """Print what the policy changes; False where the log's own policy did not decide as logged. Raises InputError."""
    if params and policy is None:
        raise ConfigError("--param: is a parameter of a policy; say of which with --policy")
    found = replay(path, None if policy is None else _entry(path, policy, parsed(params)))
    if as_json:
        print_json(found.to_json())
    else:
        _show(found)
    return found.kept_its_word


def _entry(path: str, policy: str, params: dict[str, object]) -> AgentEntry:
    """An agent of the log's own study by its name there, or any agent by its kind."""
    import agents

    own = {entry.label: entry for entry in open_log(path).config.agents}
    if policy in own and not params:
        return own[policy]
    kinds = (*agents.names(), LatentOracle.name, ObservableOracle.name)
    if policy not in kinds:
        raise UnknownNameError("policy", policy, {*kinds, *own})
    if policy in agents.names() and (problems := [text for _, text in agent_problems(policy, params)]):
        raise ConfigError([f"--param: {text}" for text in problems])
    return AgentEntry.model_validate({"kind": policy, **params})


def _show(found: Replay) -> None:
    title = f"{found.log}: {found.logged_policy} replayed as {found.policy}"
    about = f"{found.scenario}, seed {found.seed}, {found.users:,} users x {found.weeks} weeks"
    rows = [asdict(row) for row in found.rows]
    print_rows([{k: "" if v is None else v for k, v in row.items()} for row in rows], f"{title} ({about})")
    show("value, net_revenue: usd per assigned user-week; intervals 95 %, paired by user. slack below 0: broken")
    if found.propensities_withheld:
        show("the log withholds its propensities: its slack is at the arms drawn, not at the probabilities")
    total = f"{found.user_weeks:,} user-weeks"
    if not found.first:
        show(f"decisions: the logged ones in all {total}, bit for bit")
        return
    show(f"decisions: another arm in {found.arms:,} and other probabilities in {found.probs:,} of {total}")
    if found.same_policy:
        show(f"NOT REPRODUCED: the policy that wrote this log decides otherwise now; first in {found.first}")
