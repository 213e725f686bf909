"""One contract for every monitor: at a null it raises no more alarms than it promises, however often it is looked at.

Each cell is a null in words (the docstring of the stream) x a monitor, 2,000 replications x 12 weekly looks, seeded.
A monitor exactly at its level fails one of the cells by luck at most once in 10,000 choices of seeds (Bonferroni).
The same check has to throw out what is known to be wrong.
"""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from experiments import monitors
from experiments.monitor_grid import ALPHA, Cell, cells, measured, stopped, without_cell
from experiments.monitor_grid import draw as drawn_for
from experiments.monitors import Monitor, monitor_class, rehearsal
from experiments.monitors.arm_scores import scores
from experiments.monitors.betting import log_growth, stakes
from experiments.monitors.boundaries import spent
from experiments.monitors.contrast import contrast
from experiments.monitors.drift import change_evidence
from experiments.monitors.events_against_control import label_evidence
from experiments.monitors.group_sequential import GroupSequential
from experiments.monitors.replications import alarmed, log_evidence_paths
from experiments.monitors.settings import FIVE, SETTINGS, of_agents
from experiments.monitors.streams import EventStream, InputStream, LoggedStream, MeanStream, RatioStream, Stream
from rage_env.errors import LogError

REPS, WEEKS = 2_000, 12
STREAMS = rehearsal.STREAMS
CELLS = cells()
LONG = ("group_sequential", "drift", "ratio_certificate", "ratio_betting", "arm_shares")
"""With five agents each of them takes as long as ten other cells."""
QUICK = [pytest.param(c, marks=pytest.mark.slow) if c.setting == FIVE and c.monitor in LONG else c for c in CELLS]


def draw(stream: str, reps: int = REPS, weeks: int = WEEKS) -> Stream:
    return drawn_for(stream, reps, weeks)


def _title(cell: Cell) -> str:
    return f"{cell.monitor}-{cell.setting}-{cell.stream}"


def allowance(reps: int = REPS, alpha: float = ALPHA) -> float:
    """Most false alarms a valid monitor shows: at its level, one cell in all of 10,000 runs of this file is above."""
    sds = -float(ndtri(1e-4 / (len(CELLS) + 1)))
    return alpha + sds * math.sqrt(alpha * (1 - alpha) / reps)


def keeps_its_level(alarms: NDArray[np.bool_], alpha: float = ALPHA) -> bool:
    """alarms: (reps,) an alarm was raised at some look."""
    return float(alarms.mean()) <= allowance(len(alarms), alpha)


def test_every_monitor_with_a_verdict_has_a_cell_in_every_setting_or_a_reason_why_not() -> None:
    has = {(c.monitor, c.setting) for c in CELLS}
    excused = without_cell()
    assert not has & set(excused)
    assert has | set(excused) == {(n, s) for n in monitors.names() if n != "naive_z" for s in (*SETTINGS, FIVE)}
    assert all(excused.values())
    assert all(draw(s, 2, 2).null for s in STREAMS)
    assert {s for streams in SETTINGS.values() for s in streams} == set(STREAMS)


@pytest.mark.parametrize("cell", QUICK, ids=_title)
def test_looking_every_week_raises_no_more_false_alarms_than_promised(cell: Cell) -> None:
    assert keeps_its_level(stopped(cell, draw(cell.stream))[:, -1])


@pytest.mark.parametrize("cell", [c for c in CELLS if c.setting != FIVE], ids=_title)
def test_a_monitor_fed_week_by_week_stops_when_its_replications_do(cell: Cell) -> None:
    drawn = STREAMS[cell.stream](np.random.default_rng(3), 3, 6, 4.0)
    made = monitor_class(cell.monitor).for_stream(drawn, ALPHA)
    assert made is not None
    assert (made.replicate(drawn) == Monitor.replicate(made, drawn)).all()


@pytest.mark.parametrize("kind", sorted({c.monitor for c in CELLS}))
def test_a_monitor_is_not_deaf(kind: str) -> None:
    """Each raises its alarm in some setting; the certificate, far too slow for 200 users, is rehearsed elsewhere."""
    mine = [c for c in CELLS if c.monitor == kind and c.setting != FIVE]
    powers = [measured(c, 60, WEEKS).power for c in mine] if kind != "ratio_certificate" else [certified_share()]
    assert max(powers) > 0.5


def certified_share() -> float:
    """Of cohorts of 200 whose losses are a fifth of the limit, the share certified within 260 weeks."""
    drawn = STREAMS["even_losses"](np.random.default_rng(4), 20, 260, 0.2)
    made = monitor_class("ratio_certificate").for_stream(drawn, ALPHA)
    assert made is not None
    return float(made.replicate(drawn)[:, -1].mean())


@pytest.mark.parametrize("name", monitors.names())
def test_a_monitor_goes_on_after_saving_as_if_nothing_had_happened(name: str) -> None:
    stream, made = _some_stream(name)
    twin = monitor_class(name).for_stream(stream, ALPHA)
    assert twin is not None
    for week in range(3):
        made.update(stream.batch(0, week))
    arrays, facts = made.save()
    twin.load({k: v.copy() for k, v in arrays.items()}, json.loads(json.dumps(facts)))
    for week in range(3, 6):
        assert repr(made.update(stream.batch(0, week))) == repr(twin.update(stream.batch(0, week)))
    assert repr(made.states) == repr(twin.states)


@pytest.mark.parametrize("name", monitors.names())
def test_a_state_is_not_taken_up_by_a_monitor_of_another_declaration(name: str) -> None:
    stream, made = _some_stream(name)
    made.update(stream.batch(0, 0))
    arrays, facts = made.save()
    other = monitor_class(name).for_stream(stream, ALPHA / 2)
    assert other is not None
    with pytest.raises(LogError, match=r"the state was kept under alpha 0\.05 and not 0\.025"):
        other.load(arrays, json.loads(json.dumps(facts)))


@pytest.mark.parametrize("name", monitors.names())
def test_shards_of_users_merge_into_what_the_whole_would_have_said(name: str) -> None:
    stream, whole = _some_stream(name)
    shards = [monitor_class(name).for_stream(stream, ALPHA) for _ in range(2)]
    for week in range(6):
        batch = stream.batch(0, week)
        whole.update(batch)
        for half, shard in enumerate(shards):
            assert shard is not None
            shard.update(batch.where(np.arange(batch.n) // 2 % 2 == half))
    left, right = shards
    assert left is not None
    assert right is not None
    merged = left.merge(right)
    assert merged.week == whole.week
    now = merged.states[-1]
    for field in ("estimate", "lower", "upper", "z", "boundary", "log_e", "p_value"):
        assert getattr(now, field) == pytest.approx(getattr(whole.states[-1], field), rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", monitors.names())
def test_only_another_shard_of_the_same_declaration_can_be_merged(name: str) -> None:
    stream, made = _some_stream(name)
    other = monitor_class(name).for_stream(stream, ALPHA / 2)
    assert other is not None
    batch = stream.batch(0, 0)
    made.update(batch.where(np.arange(batch.n) // 2 % 2 == 0))
    other.update(batch.where(np.arange(batch.n) // 2 % 2 == 1))
    with pytest.raises(LogError, match=r"made with alpha 0\.05 and 0\.025; merge shards of one declaration"):
        made.merge(other)
    with pytest.raises(LogError, match="merged with itself, which would count every unit twice"):
        made.merge(made)


@pytest.mark.parametrize("name", monitors.names())
def test_a_rejected_batch_leaves_a_monitor_as_it_was(name: str) -> None:
    stream, made = _some_stream(name)
    made.update(stream.batch(0, 1))
    before = repr(made.save())
    for bad in (stream.batch(0, 0), stream.batch(0, 1)):
        with pytest.raises(LogError):
            made.update(bad)
    assert repr(made.save()) == before


@pytest.mark.parametrize("name", monitors.names())
def test_states_and_paths_are_plain_and_say_what_is_tested(name: str) -> None:
    stream, made = _some_stream(name)
    for week in range(4):
        state = made.update(stream.batch(0, week))
        assert state.null.startswith("H0: ")
        assert state.validity in (monitor_class(name).validity, "asymptotic")
        assert json.loads(json.dumps(state.to_json(), allow_nan=False))["week"] == week
    path = made.path()
    assert path.week.tolist() == [0, 1, 2, 3]
    assert len(path.estimate) == len(path.lower) == len(path.boundary) == len(path.log_e) == len(path.verdict) == 4


def _some_stream(name: str) -> tuple[Stream, Monitor]:
    for stream in STREAMS:
        drawn = draw(stream, 1, 6)
        made = monitor_class(name).for_stream(drawn, ALPHA)
        if made is not None:
            return drawn, made
    raise AssertionError(f"{name} is meant for no stream")


def test_agents_tested_side_by_side_at_a_level_each_are_thrown_out() -> None:
    drawn, alarm = draw("many_agents"), np.zeros(REPS, np.bool_)
    for part in of_agents(drawn):
        made = GroupSequential.for_stream(part, ALPHA)
        assert made is not None
        alarm |= made.replicate(part)[:, -1]
    assert not keeps_its_level(alarm)


def test_naive_peeking_is_thrown_out() -> None:
    drawn = draw("iid_normal")
    assert isinstance(drawn, MeanStream)
    assert not keeps_its_level(_ever(_naive(drawn)))
    assert keeps_its_level(_naive(drawn)[:, -1])


@pytest.mark.parametrize("spending", ["obf", "pocock"])
def test_cumulative_spending_used_at_every_look_is_thrown_out(spending: str) -> None:
    time, reps = np.arange(1, WEEKS + 1) / WEEKS, 20_000
    walk = np.cumsum(np.random.default_rng(2).normal(size=(reps, WEEKS)), axis=1) / np.sqrt(np.arange(1, WEEKS + 1))
    wrong = -ndtri(spent(time, ALPHA, 2, spending) / 2)
    right = monitors.boundaries(spending, WEEKS, ALPHA)
    assert not keeps_its_level(_ever(np.abs(walk) >= wrong))
    assert keeps_its_level(_ever(np.abs(walk) >= right))


@pytest.mark.parametrize("stream", ["clustered", "autoregressive"])
def test_user_weeks_taken_for_independent_units_are_thrown_out(stream: str) -> None:
    drawn = draw(stream)
    assert isinstance(drawn, MeanStream)
    assert drawn.group is not None
    treated = drawn.group == 1
    bounds = monitors.boundaries("obf", WEEKS, ALPHA)
    alarms = np.zeros(REPS, np.bool_)
    for look in range(1, WEEKS + 1):
        rows = drawn.value[:, :look].reshape(REPS, -1)
        pooled = contrast(rows, np.tile(treated, look))
        alarms |= np.abs(pooled.estimate / pooled.stderr) >= bounds[look - 1]
    assert not keeps_its_level(alarms)


def test_bets_placed_after_looking_are_thrown_out() -> None:
    drawn = draw("persistent_fraudsters")
    assert isinstance(drawn, RatioStream)
    growth = log_growth(_x(drawn), stakes(drawn.limit * drawn.cap_usd))
    assert not keeps_its_level(_ever(np.cumsum(growth.max(axis=-1), axis=1) >= -math.log(ALPHA)))


def test_a_bet_on_each_user_is_thrown_out_where_a_week_has_one_luck() -> None:
    drawn = draw("shared_shocks")
    assert isinstance(drawn, RatioStream)
    evidence = log_evidence_paths(_x(drawn), stakes(drawn.limit * drawn.cap_usd))
    assert not keeps_its_level(alarmed(evidence, ALPHA)[:, -1])


def test_persistent_users_fed_week_by_week_are_thrown_out_under_the_population_null() -> None:
    rng, n, weeks = np.random.default_rng(5), 60, 26
    fraudster = rng.random((REPS, 1, n)) < 0.05
    gmv = np.minimum(150 * rng.exponential(size=(REPS, weeks, n)), 300)
    a_fraudsters_loss = 0.02 * 150 * -math.expm1(-2) / 0.05
    evidence = log_evidence_paths(np.where(fraudster, a_fraudsters_loss, 0.0) - 0.02 * gmv, stakes(0.02 * 300))
    assert not keeps_its_level(alarmed(evidence, ALPHA)[:, -1])


def test_the_mean_of_processes_on_different_clocks_would_not_keep_the_level() -> None:
    """Why the alarm does not average its ages: a fair game in which the lagging process is bet against.

    B doubles or halts after A has seen how; the sum at one clock never moves, the sum of A now and B before does.
    """
    rng = np.random.default_rng(7)
    up = rng.random(REPS) < 0.5
    late = rng.random(REPS) < 2 / 3
    fast = np.stack([np.ones(REPS), 2.0 * ~up], axis=1)  # A_1, A_2
    slow = np.stack([np.ones(REPS), 2.0 * up, 3.0 * (up & late)], axis=1)  # B_1, B_2, B_3
    lagged = (fast[:, 1:] + slow) / 2  # A now, B a week before
    crossed = _ever(lagged >= 1.5 - 1e-9)
    assert fast[:, -1].mean() == pytest.approx(1, abs=0.1)
    assert slow[:, -1].mean() == pytest.approx(1, abs=0.15)
    assert not keeps_its_level(crossed, 1 / 1.5)


def test_capping_the_losses_that_a_certificate_sees_is_thrown_out() -> None:
    drawn, most = draw("log_normal_losses"), 50.0
    assert isinstance(drawn, RatioStream)
    capped = dataclasses.replace(drawn, value=np.minimum(drawn.value, most))
    evidence = log_evidence_paths(-_x(capped), stakes(most))
    assert not keeps_its_level(alarmed(evidence, ALPHA)[:, -1])


def test_an_offender_who_counts_again_every_week_is_thrown_out() -> None:
    rng, n = np.random.default_rng(6), 60
    own = np.where(rng.random((REPS, 1, n)) < 0.05, 0.9, 0.001)
    events = (rng.random((REPS, WEEKS, n)) < own).astype(np.float64)
    group = np.arange(n) % 2
    again = [(events * (group == g)).sum(axis=2) for g in (1, 0)]
    rows = [np.full((REPS, WEEKS), n / 2)] * 2
    assert not keeps_its_level(alarmed(label_evidence(np.stack([*again, *rows], axis=-1)), ALPHA)[:, -1])
    once = EventStream("", events, 0.05, group, standing=True)
    made = monitor_class("events_against_control").for_stream(once, ALPHA)
    assert made is not None
    assert keeps_its_level(made.replicate(once)[:, -1])


def test_all_error_spent_at_every_look_is_thrown_out_for_counts_too() -> None:
    drawn = draw("rare_events")
    events = np.cumsum(drawn.value.sum(axis=2), axis=1)
    rows, limit = np.arange(1, WEEKS + 1) * drawn.value.shape[2], 0.0025
    assert not keeps_its_level(_ever(binom.sf(events - 1, rows, limit) <= ALPHA))


def test_a_value_that_forgets_the_propensities_is_thrown_out() -> None:
    """The policy draws arm 1 more often than the log did; arm 1 is worth more, and the limit says by how much."""
    drawn = rehearsal.LOGGED["logged_small_arm"](np.random.default_rng(8), 500, WEEKS, 60.0)
    earned = drawn.limit + 0.8 * 0.6 * (1 - drawn.limit)
    right = dataclasses.replace(drawn, limit=earned)
    made = monitor_class("off_policy").for_stream(right, ALPHA)
    assert made is not None
    assert keeps_its_level(made.replicate(right)[:, -1])
    forgetful = dataclasses.replace(right, chance=np.full_like(right.chance, right.target))  # every weight 1
    assert not keeps_its_level(made.replicate(forgetful)[:, -1])


def test_an_effect_inside_an_agent_read_by_a_weekly_z_test_is_thrown_out() -> None:
    drawn = draw("logged_normal")
    assert isinstance(drawn, LoggedStream)
    p = np.where(drawn.arm == 1, drawn.chance[..., None], 1 - drawn.chance[..., None])
    by_user = np.cumsum(scores(drawn.value, drawn.arm, p), axis=1)[:, 1:]
    z = by_user.sum(axis=2) / (by_user.std(axis=2) * math.sqrt(by_user.shape[2]))
    assert not keeps_its_level(_ever(np.abs(z) >= -ndtri(ALPHA / 2)))


def test_a_standing_cohort_read_anew_every_week_against_its_own_sample_is_thrown_out() -> None:
    """Without turns, and with a band of hardly any width: the first week's luck comes back as if it were news."""
    drawn = draw("standing_paths", 500)
    assert isinstance(drawn, InputStream)
    bins = np.searchsorted(np.array(drawn.edges), drawn.value[..., :100])
    counts = np.stack([(bins == b).sum(axis=2) for b in range(len(drawn.edges) + 1)], axis=-1).astype(np.float64)
    assert not keeps_its_level(alarmed(change_evidence(counts, len(drawn.edges)), ALPHA)[:, -1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("cell", CELLS, ids=_title)
def test_a_year_of_weekly_looks_raises_no_more_false_alarms_than_promised(cell: Cell) -> None:
    """20,000 replications x 52 looks, in parts that fit in memory."""
    parts = (drawn_for(cell.stream, 100, 52, seed=part) for part in range(9, 209))
    assert keeps_its_level(np.concatenate([stopped(cell, part)[:, -1] for part in parts]))


def _ever(at_looks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(reps,) true at some look."""
    return np.asarray(at_looks.any(axis=1), np.bool_)


def _naive(drawn: MeanStream) -> NDArray[np.bool_]:
    """(reps, weeks) the fixed-horizon test rejects at this look."""
    made = GroupSequential.for_stream(drawn, ALPHA)
    assert made is not None
    now = contrast(*made.cohort.means_of(drawn))
    return np.asarray(np.abs(now.estimate / now.stderr) >= -ndtri(ALPHA / 2), np.bool_)


def _x(drawn: RatioStream) -> NDArray[np.float64]:
    return np.asarray(drawn.value - drawn.limit * np.minimum(drawn.denominator, drawn.cap_usd), np.float64)
