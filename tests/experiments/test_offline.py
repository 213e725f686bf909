"""What a run's own log says of a target, whatever estimators a study names."""

from __future__ import annotations

from collections.abc import Callable

from experiments.config import AgentEntry, ExperimentConfig
from experiments.runner import run_agent

BENT: list[object] = ["ips", {"kind": "dros", "lambda": "slope"}, {"kind": "dros", "lambda": 5.0}]
LABELS = ["ips", "dros(lambda=slope)", "dros(lambda=5.0)"]


def test_an_estimator_is_called_the_same_whether_it_answers_or_is_refused(
    small: Callable[..., ExperimentConfig],
) -> None:
    config = small(users=300, weeks=2, estimators=BENT)
    answered = run_agent(config, AgentEntry(kind="random"), 1).ope
    refused = run_agent(config, AgentEntry(kind="no_offer"), 1).ope
    assert answered["estimator"].to_list() == refused["estimator"].to_list() == LABELS
    assert answered["value"].notna().all()
    assert refused["value"].isna().all()
