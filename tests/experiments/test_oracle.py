"""Oracles keep every limit in truth, and nobody who keeps them does better."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Linear, allocate
from experiments import observable
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.luck import draw_arms
from experiments.oracle import LatentOracle, ObservableOracle, Oracle, share_that_keeps
from experiments.week_truth import WeekTruth, rows_of, week_truth
from rage_env.errors import DecisionError
from rage_env.guardrails import Row, true_usage

Small = Callable[..., ExperimentConfig]
Solve = Callable[[WeekTruth], NDArray[np.float32]]


def lived(config: ExperimentConfig, seed: int, solve: Solve) -> Iterator[tuple[WeekTruth, NDArray[np.float32]]]:
    """The weeks of one seed under `solve`, with the probabilities it asked for."""
    env, observation = cohort(config, seed)
    for _ in range(config.weeks):
        truth = week_truth(env.truth, observation, env.scenario.guardrails, env.scenario.retention_value_usd)
        probs = solve(truth)
        yield truth, probs
        observation = live(env, draw_arms(seed, observation, probs, together=True))


def violations(truth: WeekTruth, probs: NDArray[np.float32]) -> int:
    return sum(true_usage(row, probs).violated for row in truth.flat)


@pytest.mark.parametrize("kind", [LatentOracle, ObservableOracle])
def test_no_oracle_breaks_a_limit_in_any_week_of_any_seed(small: Small, kind: type[Oracle]) -> None:
    config = small()
    for seed in (1, 2, 3, 4):
        oracle = LatentOracle() if kind is LatentOracle else ObservableOracle(observable.fitted(config))
        for truth, probs in lived(config, seed, lambda t, o=oracle: o.solve(t)[0]):  # type: ignore[misc]  # default
            assert violations(truth, probs) == 0
            assert not any(true_usage(row, probs).unavoidable for row in truth.flat)


def test_an_oracle_that_trusts_its_regression_would_be_caught(small: Small) -> None:
    config = small()
    model = observable.fitted(config)

    def plain(truth: WeekTruth) -> NDArray[np.float32]:
        value, means = model.predict(truth.observation)
        rows = [j.row for g in model.guardrails for j in rows_of(g, means, truth.observation)]
        program = [Linear(r.name, r.coef, r.limit) for r in rows]
        return allocate(value, program, truth.observation.action_mask).probs

    assert sum(violations(t, p) for seed in (1, 2) for t, p in lived(config, seed, plain)) > 0


def test_to_know_more_is_never_worth_less(small: Small) -> None:
    config = small()
    latent, seen = LatentOracle(), ObservableOracle(observable.fitted(config))
    for truth, probs in lived(config, 5, lambda t: latent.solve(t)[0]):
        nothing = float(truth.value[:, 0].sum())
        best = truth.step_value(probs)
        assert best >= truth.step_value(seen.solve(truth)[0]) - 1e-6 * abs(best)
        assert best >= nothing - 1e-6 * abs(best)


def test_the_regression_beats_guessing_the_mean_on_people_it_never_saw(small: Small) -> None:
    config = small(users=4_000, oracle={"every_weeks": 3, "users_fit": 20_000})
    env, observation = cohort(config, 6)
    truth = week_truth(env.truth, observation, env.scenario.guardrails, env.scenario.retention_value_usd)
    value, means = observable.fitted(config).predict(observation)
    for guess, held in ((value, truth.value), (means["gmv"], truth.means["gmv"])):
        assert np.mean((guess[:, 0] - held[:, 0]) ** 2) < 0.8 * np.var(held[:, 0])
    assert (means["contacts"] == truth.means["contacts"]).all()


def test_the_share_that_keeps_a_row_is_where_the_mixture_meets_the_limit() -> None:
    row = Row("r", np.array([[1.0, 5.0], [0.0, 4.0]]), limit=3.0, spread=8.0)
    offers = np.array([[0.0, 1.0], [0.0, 1.0]])  # uses 9, doing nothing 1
    assert share_that_keeps(row, offers) == pytest.approx(0.25)
    assert share_that_keeps(row, np.array([[1.0, 0.0], [1.0, 0.0]])) == 1.0
    tight = Row("r", row.coef, limit=0.5, spread=8.0)  # doing nothing already uses more
    assert share_that_keeps(tight, offers) == 0.0


def test_an_oracle_asked_without_the_truth_says_so(small: Small) -> None:
    _, observation = cohort(small(), 1)
    with pytest.raises(DecisionError, match="see"):
        LatentOracle().decide(observation)
