"""Verdicts are marked by the truth, and marks can be wrong; monitors are told only what was fixed before the data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments import monitors
from experiments.cohorts import cohort
from experiments.completed import Completed
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.metrics import Mean
from experiments.monitors import MonitorState
from experiments.monitors.interface import Verdict
from experiments.monitors.ratio_certificate import RatioCertificate
from experiments.offered import Told
from experiments.ratio_watch import RatioWatch
from experiments.watch import KpiWatch, Watch, marked_gain
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


def certificate_watch(verdicts: list[Verdict], excess: list[float]) -> RatioWatch:
    """The same of a certificate."""
    monitor = monitors.monitor("ratio_certificate", limit=0.1, cap_usd=100.0, max_loss_usd=50.0)
    watch = RatioWatch(MonitorEntry(kind="ratio_certificate", metric="loss"), monitor, LOSS, 100.0)
    watch.states, watch._plain = ratio_watch(verdicts, excess).states, list(excess)
    watch._capped = list(excess)
    return watch


@pytest.mark.parametrize(
    ("verdicts", "excess", "mark"),
    [
        (["continue", "certified"], [-1.0, -5.0], "right"),
        (["continue", "certified"], [-1.0, 5.0], "wrong"),
        (["continue", "continue"], [-1.0, -5.0], "missed"),
        (["continue", "continue"], [-1.0, 5.0], "rightly silent"),
    ],
)
def test_a_certificate_is_right_only_if_the_limit_was_kept(
    verdicts: list[Verdict], excess: list[float], mark: str
) -> None:
    assert certificate_watch(verdicts, excess).mark(NO_GAIN) == mark


def test_a_certificate_knows_the_arms_bound_and_the_delay_law_of_the_world(small: Small) -> None:
    entry = {"kind": "ratio_certificate", "metric": "loss_rate", "mature_age_weeks": 4}
    env, _ = cohort(small(), 1)
    (watch,) = made(small(monitors=[entry]))
    assert isinstance(watch.monitor, RatioCertificate)
    known = float(env.laws["loss_credit"].reported_share[4])
    assert watch.monitor.reported_share == pytest.approx(known)
    assert watch.monitor.terms.worst_usd == pytest.approx(max(a.max_loss_usd for a in env.scenario.specs) / known)
    assert "assumes the declared delay law" in watch.monitor.null
    assert (watch.aim, watch.verdict, watch.mark(NO_GAIN)) == ("certificate", "refused", "no call")
    assert "give it more weeks" in watch.reason


def test_an_alarm_spends_no_level_on_ages_that_the_study_never_reaches(small: Small) -> None:
    (watch,) = made(small(monitors=[{"kind": "ratio_betting", "metric": "loss_rate"}]))
    assert isinstance(watch, RatioWatch)
    assert watch.ages == (2, 4)  # of six weeks


def test_paired_differences_of_users_who_share_an_account_are_told_by_account(small: Small) -> None:
    study = small(scenario="b2b_nudge", monitors=[{"kind": "group_sequential"}, {"kind": "naive_z"}])
    planned, naive = made(study)
    assert isinstance(planned, KpiWatch)
    assert isinstance(naive, KpiWatch)
    assert planned.by_account
    assert not naive.by_account  # what everybody does


def made(config: ExperimentConfig, *, is_control: bool = False) -> list[Watch]:
    env, observation = cohort(config, 1)
    return watches(
        config, Told.of(env, Completed.of(env, observation.user_id), observation.unit), is_control=is_control
    )


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
