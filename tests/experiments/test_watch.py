"""Verdicts are marked by the truth, and marks can be wrong; monitors are told only what was fixed before the data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments import monitors
from experiments.cohorts import cohort
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.metrics import Mean
from experiments.monitors import MonitorState
from experiments.monitors.interface import Verdict
from experiments.watch import RatioWatch, Watch, marked_gain
from experiments.watch_list import watches
from rage_env.errors import ConfigError
from rage_env.guardrails import Guardrail

Small = Callable[..., ExperimentConfig]
LOSS = Guardrail(name="loss", numerator={"loss_fraud": 1.0}, denominator={"gmv": 1.0}, limit=0.1)
NO_GAIN = Mean(0.0, 0.0)


@pytest.mark.parametrize(
    ("verdict", "gain", "mark"),
    [
        ("lift", Mean(1.0, 0.1), "right"),
        ("lift", Mean(-1.0, 0.1), "wrong"),
        ("harm", Mean(-1.0, 0.1), "right"),
        ("harm", Mean(1.0, 0.1), "wrong"),
        ("lift", Mean(0.1, 0.1), "too close to mark"),
        (None, Mean(1.0, 0.1), "no call"),
    ],
)
def test_a_kpi_verdict_is_marked_by_the_sign_of_the_settled_gain(verdict: str | None, gain: Mean, mark: str) -> None:
    assert marked_gain(verdict, gain) == mark


def ratio_watch(verdicts: list[Verdict], excess: list[float]) -> RatioWatch:
    """A watch that came to these verdicts, week by week, while true usage went beyond the limit by so much to date."""
    monitor = monitors.monitor("ratio_betting", limit=0.1, cap_usd=100.0)
    watch = RatioWatch(MonitorEntry(kind="ratio_betting", metric="loss"), monitor, LOSS, 100.0)
    watch.states = [
        MonitorState(0.1, 0.0, 1.0, 1.0, 1.0, verdict, "finite_sample", "H0", week=week)
        for week, verdict in enumerate(verdicts)
    ]
    watch._capped, watch._plain = list(excess), list(excess)
    return watch


@pytest.mark.parametrize(
    ("verdicts", "excess", "mark"),
    [
        (["continue", "harm"], [-1.0, 5.0], "right"),
        (["continue", "harm"], [-1.0, -5.0], "wrong"),
        (["harm", "harm"], [-1.0, 5.0], "wrong"),  # the limit was broken only after the alarm
        (["continue", "continue"], [-1.0, 5.0], "missed"),
        (["continue", "continue"], [-1.0, -5.0], "rightly silent"),
    ],
)
def test_an_alarm_is_right_only_if_the_limit_had_been_broken_by_then(
    verdicts: list[Verdict], excess: list[float], mark: str
) -> None:
    assert ratio_watch(verdicts, excess).mark(NO_GAIN) == mark


def made(config: ExperimentConfig, *, is_control: bool = False) -> list[Watch]:
    env, _ = cohort(config, 1)
    return watches(config, env.scenario.guardrails, env.burn_in_logs, is_control=is_control)


def test_agents_that_are_compared_share_the_false_alarms_they_may_raise(small: Small) -> None:
    kpi, ratio = (w.monitor for w in made(small()))
    assert kpi.alpha == pytest.approx(0.05 / 2)  # type: ignore[attr-defined]  # of this monitor's own
    assert ratio.terms.alpha == pytest.approx(0.05 / 2)  # type: ignore[attr-defined]  # of this monitor's own


def test_what_the_experiment_says_beats_what_a_run_fills_in(small: Small) -> None:
    entry = {"kind": "ratio_betting", "metric": "loss_rate", "limit": 0.01, "cap_usd": 500.0, "alpha": 0.2}
    (watch,) = made(small(monitors=[entry]))
    assert isinstance(watch, RatioWatch)
    assert (watch.guardrail.limit, watch.cap_usd) == (0.01, 500.0)
    assert watch.monitor.terms.alpha == 0.2  # type: ignore[attr-defined]  # of this monitor's own


def test_doing_nothing_is_not_tested_against_itself(small: Small) -> None:
    assert [w.entry.kind for w in made(small(), is_control=True)] == ["ratio_betting"]


def test_a_ratio_monitor_on_a_limit_that_is_no_ratio_is_refused(small: Small) -> None:
    config = small(monitors=[{"kind": "ratio_betting", "metric": "abuse_vs_status_quo"}])
    with pytest.raises(ConfigError, match=r"abuse_vs_status_quo, which is no ratio"):
        made(config)


def test_a_ratio_monitor_that_nothing_gives_a_cap_is_refused_rather_than_capped_at_nothing(small: Small) -> None:
    entry = {"kind": "ratio_betting", "metric": "rate"}
    rate = {"name": "rate", "numerator": {"negative_reaction": 1.0}, "denominator": {"contacts": 1.0}, "limit": 0.05}
    changes: dict[str, object] = {"scenario_overrides": {"guardrails": [rate]}, "monitors": [entry]}
    with pytest.raises(ConfigError, match=r"burn-in weeks hold no contacts, so that nothing fixes a cap; give cap_usd"):
        made(small(**changes))
    (watch,) = made(small(**(changes | {"monitors": [{**entry, "cap_usd": 1.0}]})))
    assert isinstance(watch, RatioWatch)
    assert watch.cap_usd == 1.0


def test_a_ratio_monitor_on_a_limit_by_segment_is_refused(small: Small) -> None:
    scope = {"kind": "segment", "column": "region"}
    limit = {"name": "by_region", "numerator": {"loss_fraud": 1.0}, "denominator": {"gmv": 1.0}, "limit": 0.05}
    config = small(
        scenario_overrides={"guardrails": [{**limit, "scope": scope}]},
        monitors=[{"kind": "ratio_betting", "metric": "by_region"}],
    )
    with pytest.raises(ConfigError, match=r"by_region, a limit by segment, and would see everybody at once"):
        made(config)
