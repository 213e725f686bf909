"""The policy of a stored run is had by living it again; what is served is what was judged."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.results import Results
from experiments.runner import agent_of, lived
from experiments.serving.answer import answer
from experiments.serving.choice import by_leaderboard, pick
from experiments.serving.example import rows_of
from experiments.serving.final import final_policy
from experiments.serving.frozen import Frozen
from experiments.stored_experiment import stored_experiment
from rage_env.errors import LogError, RunError, UnknownNameError

LEARNER = "lagrangian_linucb"


def test_a_stored_run_gives_the_policy_it_ended_with_bit_for_bit(shown_study: Results, tmp_path: Path) -> None:
    policy, last = final_policy(shown_study, LEARNER, 1)
    config = stored_experiment(shown_study)
    entry = next(a for a in config.agents if a.label == LEARNER)
    agent = agent_of(config, entry)
    _, seen = lived(config, entry, 1, agent, lambda _: nullcontext())
    assert np.array_equal(seen.features, last.features)
    wanted = agent.decide(seen).probs
    served = answer(Frozen.load(policy.save(tmp_path)), rows_of(policy, last), {})
    assert np.array_equal(served.filter(like="prob_").to_numpy(np.float32), wanted)
    assert policy.held is not None
    assert 0 < (wanted.min(axis=1) > 0.009).mean() < 1, "the floor holds some and not all"


def test_a_run_that_comes_to_other_figures_gives_no_policy(
    shown_study: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = shown_study.summary("no_offer", 1)
    monkeypatch.setattr(Results, "summary", lambda *_: {**stored, "value": float(str(stored["value"])) + 1e-9})
    with pytest.raises(RunError, match=r"comes to other figures \(value: .*run the study again, then promote"):
        final_policy(shown_study, "no_offer", 1)


def board(results: Results, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str, float, int]]) -> Results:
    """The results with another leaderboard. rows: (label, kind, value, seeds in which a limit was broken)."""
    table = pd.DataFrame(rows, columns=["agent", "kind", "value", "seeds_violated"])
    table = table.assign(weeks_violated=table["seeds_violated"] * 2, weeks=10)
    entries = [{"name": label, "kind": kind} for label, kind, *_ in rows]
    monkeypatch.setattr(Results, "table", lambda *_: table)
    monkeypatch.setattr(Results, "config", {"agents": entries, "mode": "paired"})
    return results


def test_champion_is_the_best_that_kept_its_guardrails_and_challenger_the_best_that_plans_within_them(
    shown_study: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        ("all", "oracle_latent", 9.0, 0),
        ("greedy", "blanket", 5.0, 2),
        ("bold", "lagrangian_linucb", 4.0, 1),
        ("safe", "uplift_greedy", 3.0, 0),
        ("idle", "no_offer", 1.0, 0),
    ]
    found = by_leaderboard(board(shown_study, monkeypatch, rows))
    assert {alias: one.agent for alias, one in found.items()} == {"champion": "safe", "challenger": "bold"}
    assert found["challenger"].weeks_violated == 2
    only = by_leaderboard(board(shown_study, monkeypatch, [rows[1], rows[4]]))
    assert {alias: one.agent for alias, one in only.items()} == {"champion": "idle"}


def test_who_cannot_be_promoted_is_told_why(shown_study: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'credit'"):
        pick(shown_study, "credits")
    with pytest.raises(LogError, match=r"no run of agent .no_offer. with seed 3"):
        final_policy(shown_study, "no_offer", 3)
    rows = [("all", "oracle_latent", 9.0, 0), ("greedy", "blanket", 5.0, 2)]
    broken = board(shown_study, monkeypatch, rows)
    with pytest.raises(LogError, match=r"no agent kept its guardrails.*name one with --agent"):
        by_leaderboard(broken)
    with pytest.raises(LogError, match="all: decides by the truth, which no server has"):
        pick(broken, "all")
    monkeypatch.setattr(Results, "config", {"mode": "ab"})
    with pytest.raises(LogError, match=r"is an A/B study.*promote from a study of mode paired"):
        by_leaderboard(shown_study)
