"""Groups share one world: agents meet their own users only, a stopped one none, and truths are of the same lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import agents
from experiments.ab.groups import assign
from experiments.ab.play import play, seat_of
from experiments.ab.record import ROLLBACK, Reactions
from experiments.ab.seat import Seat, Stop
from experiments.ab.tape import relive
from experiments.ab.trial import GroupOutcome, run_groups
from experiments.ab.truths import Truths, deployed
from experiments.cohorts import Stage
from experiments.completed import Completed
from experiments.config import AgentEntry, ExperimentConfig
from experiments.config_ab import CONTROL, Rollback
from experiments.control import left_alone
from experiments.offered import Told
from experiments.runner import run_agent
from experiments.watch_list import watches
from rage_env.cohort import CohortEnv
from rage_env.interface import Feedback
from rage_env.log import CohortLog

Ab = Callable[..., ExperimentConfig]


def by_name(outcomes: list[GroupOutcome]) -> dict[str, GroupOutcome]:
    return {o.name: o for o in outcomes}


@pytest.fixture(scope="module")
def done(ab: Ab) -> dict[str, GroupOutcome]:
    return by_name(run_groups(ab(), 1))


def seats(config: ExperimentConfig, stage: Stage) -> tuple[CohortEnv, Any, list[Seat]]:  # Any: an Observation
    assert config.ab is not None
    env, observation = stage.open()
    groups = assign(config.ab, [a.label for a in config.agents], stage.seed, observation.unit)
    made = [seat_of(config, groups, e, env) for e in (AgentEntry(kind="no_offer", name=CONTROL), *config.agents)]
    for seat in made:
        seat.start(env, stage, observation)
    return env, observation, made


def test_every_unit_is_in_one_group_and_every_group_is_counted(ab: Ab, done: dict[str, GroupOutcome]) -> None:
    users = pd.concat([o.run.users for o in done.values()])
    assert sorted(users["user_id"]) == list(range(ab().users))
    assert set(done) == {"control", "reckless", "safe", "nothing"}


def test_groups_that_are_compared_share_the_false_alarms_they_may_raise(ab: Ab) -> None:
    plain = [{"kind": "ratio_betting", "metric": "loss_rate"}, {"kind": "group_sequential"}, {"kind": "naive_z"}]
    config = ab(monitors=plain)
    env, observation = Stage.of(config, 1).open()
    watched = watches(config, Told.of(env, Completed.of(env, observation.user_id), observation.unit), is_control=False)
    levels = [getattr(w.monitor, "alpha", None) or w.monitor.terms.alpha for w in watched]  # type: ignore[attr-defined]  # a ratio monitor's
    assert levels == pytest.approx([0.05 / 3] * 3)  # the group that gets nothing is compared too


def test_a_group_that_gets_nothing_lives_as_if_left_alone(ab: Ab, done: dict[str, GroupOutcome]) -> None:
    users = done["nothing"].run.users
    assert (users["value"] == users["value_no_offer"]).all()
    assert (done["nothing"].run.weekly["ab_truth"] == 0).all()
    alone = left_alone(ab(), 1).totals.value
    assert np.array_equal(alone[users["user_id"]], users["value"].to_numpy())


def test_a_reckless_group_is_stopped_and_gets_nothing_from_the_next_week_on(done: dict[str, GroupOutcome]) -> None:
    summary, weekly = done["reckless"].run.summary, done["reckless"].run.weekly
    stopped = summary["stopped"]
    assert isinstance(stopped, dict)
    assert stopped["by"] == "loss_alarm"
    after = weekly["week"] > stopped["week"]
    assert after.any()
    assert (weekly["stopped"] == after).all()
    assert (weekly.loc[after, "served"] == 0).all()
    assert (weekly.loc[~after, "share.credit_line"] == 1).all()
    assert (weekly.loc[after, "violated.loss_rate"] == 0).all()
    looks = done["reckless"].run.monitors
    assert looks["week"].max() == stopped["week"]  # nobody looks at a stopped group as if it were served


def test_the_other_groups_do_not_notice_that_one_was_stopped(ab: Ab, done: dict[str, GroupOutcome]) -> None:
    free = by_name(run_groups(ab(ab={"stopped_by": []}), 1))
    assert free["reckless"].run.summary["stopped"] is None
    assert (free["reckless"].run.weekly["served"] == 1).all()
    assert free["safe"].run.users.equals(done["safe"].run.users)
    assert free["safe"].verdicts.equals(done["safe"].verdicts)


def test_what_stopping_saved_is_what_going_on_would_have_cost(ab: Ab, done: dict[str, GroupOutcome]) -> None:
    (stopped,) = done["reckless"].verdicts.query("stopped").to_dict("records")
    free = by_name(run_groups(ab(ab={"stopped_by": []}), 1))
    (watched,) = free["reckless"].verdicts.query("monitor == 'loss_alarm'").to_dict("records")
    for figure in ("week", "lost_before_usd", "saved_after_usd", "truth", "first_violation", "mark"):
        assert stopped[figure] == watched[figure]
    assert stopped["mark"] == "right"
    assert stopped["delay_weeks"] == stopped["week"] - stopped["first_violation"]
    assert stopped["saved_after_usd"] > 0 < stopped["lost_before_usd"]


def test_a_roll_out_reaches_the_same_users_and_more_each_week(ab: Ab) -> None:
    config = ab(ab={"ramp": [0.1, 0.1, 0.5, 1.0], "stopped_by": []})
    stage = Stage.of(config, 1)
    env, observation, made = seats(config, stage)
    play(stage, (env, observation), made)
    served = np.array(made[1].served)
    assert np.all(np.diff(served.astype(int), axis=0) >= 0)
    assert served.mean(axis=1) == pytest.approx([0.1, 0.1, 0.5, 1, 1, 1, 1, 1, 1], abs=0.1)


def test_whoever_a_roll_out_has_not_reached_is_left_alone_and_not_counted_by_guardrails(ab: Ab) -> None:
    slow, fast = (by_name(run_groups(ab(ab={"ramp": r, "stopped_by": []}), 1))["reckless"] for r in ([0.3], [1.0]))
    first = [o.run.weekly["slack_true.loss_rate"].iloc[0] for o in (slow, fast)]
    assert first[0] == pytest.approx(first[1], abs=0.002)  # a rate over those served is not diluted by the others
    untouched = [float((o.run.users["value"] == o.run.users["value_no_offer"]).mean()) for o in (slow, fast)]
    assert untouched[0] > 0.65 > 0.4 > untouched[1]


class Curious(agents.policy("no_offer")):  # type: ignore[misc]  # the class is found by its name
    """Does nothing and remembers what it was shown."""

    def start(self, problem: Any) -> None:  # Any: an agents.interface.Problem
        super().start(problem)
        self.fed: list[Feedback] = []

    def learn(self, feedback: Feedback) -> None:
        self.fed.append(feedback)


def test_an_agent_hears_of_its_own_users_while_it_serves_them_and_of_nobody_else(ab: Ab) -> None:
    config = ab(ab={"ramp": [0.3, 1.0]})
    stage = Stage.of(config, 1)
    env, observation, made = seats(config, stage)
    seat = made[2]
    curious = Curious.configured({})
    seat.agent = curious
    seat.start(env, stage, observation)
    seat.stop = Stop(4, "somebody", "")
    play(stage, (env, observation), made)
    weeks = [f.new for f in curious.fed if f.new.week >= 0]
    assert [w.week for w in weeks] == [0, 1, 2, 3, 4]
    mine = observation.user_id[seat.rows]
    for feedback in curious.fed:
        assert np.array_equal(feedback.new.user_id, mine)
        assert np.isin(feedback.reports.user_id, mine).all()
    assert not weeks[0].present[~seat.served[0]].any()
    assert weeks[0].columns["gmv"][~seat.served[0]].sum() == 0
    late = [f.reports for f in curious.fed if f.new.week >= 0]
    away = mine[~seat.served[0]]
    assert not any((np.isin(r.user_id, away) & (r.accrual_week == 0)).any() for r in late)


def test_a_learner_serves_its_group_within_the_group_s_own_head_count(ab: Ab) -> None:
    config = ab(agents=[{"kind": "lagrangian_linucb"}], seeds=[1], weeks=4, ab={"control": 0.4})
    found = by_name(run_groups(config, 1))["lagrangian_linucb"].run.weekly
    assert (found["slack_realised.contact_capacity"] >= 0).all()


def test_deploy_truth_is_the_paired_run_of_that_agent(ab: Ab) -> None:
    config = ab(agents=[{"kind": "no_offer"}, {"kind": "lagrangian_linucb"}], weeks=3, users=500)
    stage = Stage.of(config, 1)
    wide = deployed(stage, config.agents[1], relive(stage, np.zeros((3, 500), np.int64)))
    data = config.model_dump(exclude={"ab"}) | {"mode": "paired", "oracle": {"every_weeks": 1, "users_fit": 2000}}
    paired = run_agent(ExperimentConfig.model_validate(data), config.agents[1], 1)
    gain = paired.summary["gain"]
    assert isinstance(gain, dict)
    assert wide[-1] == pytest.approx(gain["value"], rel=1e-9)


def test_reliving_the_arms_of_a_tape_gives_the_same_tape(ab: Ab) -> None:
    config = ab()
    stage = Stage.of(config, 2)
    env, observation, made = seats(config, stage)
    tape = play(stage, (env, observation), made)
    again = relive(stage, tape.arm)
    assert np.array_equal(tape.value, again.value)
    assert np.array_equal(tape.loss, again.loss)


def test_the_truth_of_one_group_holds_the_others_at_what_they_drew(ab: Ab) -> None:
    config = ab()
    stage = Stage.of(config, 2)
    env, observation, made = seats(config, stage)
    tape = play(stage, (env, observation), made)
    assert config.ab is not None
    groups = assign(config.ab, [a.label for a in config.agents], 2, observation.unit)
    alone = Truths(stage, config.agents[0], groups, tape).alone()
    mine = made[1].rows
    others = np.setdiff1d(np.arange(config.users), mine)
    assert np.array_equal(alone.arm[:, others], tape.arm[:, others])
    assert (alone.arm[:, mine] == 0).all()
    assert np.array_equal(alone.value[:, others], tape.value[:, others])  # nobody reaches into another's life here


def test_a_roll_out_that_goes_down_badly_is_rolled_back_by_its_first_tenth(
    ab: Ab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = CohortEnv.columns

    def annoyed(env: CohortEnv) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """Every tenth contact is answered by a complaint."""
        columns = plain(env)
        columns["negative_reaction"] = ((columns["contacts"] > 0) & (np.arange(env.num_envs) % 10 == 0)) * np.float32(1)
        return columns

    monkeypatch.setattr(CohortEnv, "columns", annoyed)
    found = by_name(run_groups(ab(ab={"rollback": {"least_user_weeks": 60}}, monitors=[]), 1))
    stopped = found["reckless"].run.summary["stopped"]
    assert isinstance(stopped, dict)
    assert stopped["by"] == ROLLBACK
    assert "negative reactions" in stopped["reason"]
    assert found["reckless"].verdicts["monitor"].tolist() == [ROLLBACK]
    assert (found["reckless"].run.weekly.query(f"week > {stopped['week']}")["served"] == 0).all()
    assert found["safe"].run.summary["stopped"] is None  # one in fifty of its users complains
    assert by_name(run_groups(ab(ab={"rollback": None}, monitors=[]), 1))["reckless"].run.summary["stopped"] is None


@pytest.mark.parametrize(("reactions", "rolled_back"), [(5, False), (6, True)])
def test_the_rule_on_reactions_asks_for_more_than_its_limit(reactions: int, rolled_back: bool) -> None:
    rule = Reactions(Rollback(), np.linspace(0, 0.999, 1000))
    said = np.zeros(1000, np.float32)
    said[:reactions] = 1
    rule.add(np.ones(1000, np.bool_), said)
    assert bool(rule.objection) is rolled_back


def test_reactions_outside_the_first_tenth_or_of_too_few_say_nothing() -> None:
    everyone, said = np.ones(1000, np.bool_), np.ones(1000, np.float32)
    rule = Reactions(Rollback(), np.linspace(0, 0.999, 1000))
    rule.add(np.arange(1000) >= 100, said)
    assert rule.objection == ""
    few = Reactions(Rollback(), np.linspace(0, 0.999, 1000))
    few.add(everyone & (np.arange(1000) < 99), said)
    assert few.objection == ""


def test_the_log_says_who_was_served_and_since_when_a_group_is_stopped(ab: Ab, tmp_path: Path) -> None:
    alarm = {"kind": "ratio_betting", "metric": "loss_rate", "ages": [4], "limit": 0.001, "alpha": 0.2}  # a nervous one
    config = ab(keep_logs=True, ab={"ramp": [0.5, 1.0]}, monitors=[alarm])
    names = config.groups
    found = by_name(run_groups(config, 1, {name: tmp_path / name for name in names}))
    stopped = found["reckless"].run.summary["stopped"]
    assert isinstance(stopped, dict)
    log = CohortLog.read(tmp_path / "reckless").as_of().to_pandas()
    status = pd.read_parquet(tmp_path / "reckless" / "served.parquet")
    both = log.merge(status, on=["user_id", "week"])
    assert len(both) == len(log) == len(status)
    assert set(both["status"]) == {"served", "not reached", "stopped"}
    assert (both["status"] == "stopped").equals(both["week"] > stopped["week"])
    left_to_themselves = both[both["status"] != "served"]
    assert (left_to_themselves["arm"] == 0).all()
    assert left_to_themselves["present"].mean() > 0.9  # they live on, and the log says how
    assert both["reward"].mean() == pytest.approx(float(str(found["reckless"].run.summary["value"])), rel=1e-5)
