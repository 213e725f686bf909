"""How users are shared out is checked before anything long starts, and every mistake says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import config
from experiments.config_ab import Ab
from rage_env.errors import ConfigError

GOOD = """
name: mine
question: who wins?
scenario: fintech
mode: ab
ab: {salt: mine}
seeds: 1..3
agents:
  - {kind: blanket, name: bold, arm: nudge}
  - {kind: status_quo}
monitors:
  - {kind: group_sequential, adjust: true}
  - {kind: ratio_betting, metric: loss_rate, name: alarm}
"""


def load(folder: Path, *overrides: str, text: str = GOOD) -> config.ExperimentConfig:
    file = folder / "mine.yaml"
    file.write_text(text)
    return config.load(file, overrides)


def test_a_study_in_mode_ab_needs_no_agent_that_does_nothing_for_it_has_a_control(tmp_path: Path) -> None:
    study = load(tmp_path)
    assert study.groups == ("control", "bold", "status_quo")
    assert study.rivals == 2
    assert study.ab is not None
    assert study.ab.shares_of(["bold", "status_quo"]) == pytest.approx((0.1, 0.45, 0.45))
    assert load(tmp_path, "estimators=[]").estimators == ()


def test_seeds_may_be_given_as_a_range(tmp_path: Path) -> None:
    assert load(tmp_path).seeds == (1, 2, 3)
    assert load(tmp_path, "seeds=7..7").seeds == (7,)
    assert load(tmp_path).hash == load(tmp_path, "seeds=[1, 2, 3]").hash


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("ab.shares={bald: 0.2}", "ab.shares.bald: no agent of this study is called 'bald': did you mean 'bold'?"),
        ("ab.shares={bold: 0.95}", "ab.shares: shares sum to 1.05 with the control's 0.1; together they may be 1"),
        ("ab.shares={bold: 0.9}", "ab.shares: nothing is left for status_quo; lower the other shares, or name all"),
        ("ab.shares={bold: 0}", "ab.shares.bold: input should be greater than 0; got 0"),
        ("ab.control=1", "ab.control: input should be less than 1; got 1"),
        ("ab.ramp=[0.5, 0.2]", "ab.ramp: falls from 0.5 to 0.2 in week 1; whom a roll-out has reached it keeps"),
        ("ab.ramp=[]", "ab.ramp: needs at least 1 entries"),
        ("ab.ramp=[0, 1]", "ab.ramp.0: input should be greater than 0"),
        ("ab={salt: null}", "ab.salt: input should be a valid string"),
        ("ab={salt: ''}", "ab.salt: string should have at least 1 character"),
        ("ab.sallt=x", "ab.sallt: unknown key: did you mean 'salt'?"),
        ("ab.stopped_by=[alrm]", "ab.stopped_by.0: no monitor of this study is called 'alrm': did you mean 'alarm'?"),
        ("ab.rollback.limit=2", "ab.rollback.limit: input should be less than 1"),
        ("agents.0.name=control", "agents: 'control' is the group that is left alone; give the agent another `name`"),
        ("agents.0.kind=blankt", "agents.0.kind: no agent is called 'blankt': did you mean 'blanket'?"),
        ("mode=paired", "ab: belongs to mode ab, and mode is 'paired'"),
        ("ab=null", "mode: 'ab' needs to know how to randomise; add `ab: {salt: "),
        ("seeds=3..1", "seeds: '3..1' is no range of seeds; write a list, or first..last as in 1..200"),
        ("seeds=1..x", "seeds: '1..x' is no range of seeds"),
        ("seeds=0..100000000", "is more than 100000 seeds"),
    ],
)
def test_users_that_cannot_be_shared_out_so_are_refused_when_the_study_is_read(
    tmp_path: Path, override: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, override)
    assert said in str(refused.value)


def test_a_missing_salt_is_told_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml:6: ab\.salt: is required and missing"):
        load(tmp_path, text=GOOD.replace("{salt: mine}", "{control: 0.2}"))


def test_a_roll_out_holds_on_to_its_last_share() -> None:
    plan = Ab(salt="x", ramp=(0.1, 0.5))
    assert [plan.reached(week) for week in (0, 1, 2, 30)] == [0.1, 0.5, 0.5, 0.5]


def test_the_section_ab_changes_the_identity_of_a_study(tmp_path: Path) -> None:
    base = load(tmp_path)
    for change in ("ab.salt=other", "ab.control=0.2", "ab.ramp=[0.5, 1.0]", "ab.deploy_truth=false"):
        assert load(tmp_path, change).hash != base.hash
