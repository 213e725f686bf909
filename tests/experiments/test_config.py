"""A study's file: everything it names exists, and everything that does not is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import agents
from experiments import config
from rage_env import configs
from rage_env.errors import ConfigError, UnknownNameError

GOOD = """
name: mine
question: what if?
scenario: fintech
seeds: [1, 2]
agents:
  - kind: no_offer
  - {kind: blanket, arm: nudge}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text)
    return file


def problems(file: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(file, overrides)
    return [p.removeprefix(f"{file}:") for p in caught.value.problems]


def test_every_shipped_experiment_can_be_run() -> None:
    for name in configs.names("experiments"):
        assert config.load(name).name == name


def test_the_quickstart_is_the_study_that_the_readme_promises() -> None:
    quickstart = config.load("quickstart")
    assert (quickstart.users, quickstart.weeks, len(quickstart.seeds), len(quickstart.agents)) == (10_000, 26, 3, 8)
    assert quickstart.mode == "paired"


def test_parameters_of_an_agent_are_the_keys_that_the_schema_does_not_name(tmp_path: Path) -> None:
    (_, blanket) = config.load(write(tmp_path, GOOD)).agents
    assert blanket.label == "blanket"
    assert blanket.params == {"arm": "nudge"}


def test_all_unknown_names_are_told_at_once_each_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = GOOD + "  - {kind: randm}\n  - {kind: random, sed: 3}\n"
    text += "estimators: [ips, snip]\n"
    text += "monitors:\n  - {kind: group_sequentia}\n  - {kind: group_sequential, metric: los_rate}\n"
    text += "ope: {target: {kind: blanket, arm: nudg}}\nusers: -3\n"
    found = "\n".join(problems(write(tmp_path, text)))
    for said in (
        "9: agents.2.kind: no agent is called 'randm': did you mean 'random'?",
        "10: agents.3.sed: agent random: sed is not a parameter: did you mean 'seed'?",
        "11: estimators.1: no estimator is called 'snip': did you mean 'snips'?",
        "13: monitors.0.kind: no monitor is called 'group_sequentia': did you mean 'group_sequential'?",
        "14: monitors.1.metric: no metric is called 'los_rate': did you mean 'loss_rate'?",
        "15: ope.target.arm: no arm is called 'nudg': did you mean 'nudge'?",
        "16: users: input should be greater than or equal to 2; got -3",
    ):
        assert said in found


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("mode=ab", "mode: 'ab' needs to know how to randomise; add `ab: {salt: "),
        ("seeds=[1, 1]", "seeds: the same seed twice"),
        ("seeds=[1, -1]", "override: seeds.1: input should be greater than or equal to 0; got -1"),
        ("seeds=[]", "override: seeds: "),
        ("agents=[{kind: random}]", "add `- {kind: no_offer}`"),
        ("agents.1.kind=no_offer", "two are called no_offer"),
        ("ope={target: {kind: uniform, arm: nudge}}", "'arm' is given exactly when kind is 'blanket'"),
        ("scenario=fintec", "override: scenario: no scenario is called 'fintec': did you mean 'fintech'?"),
        ("scenario_overrides.retention_value_us=3", "did you mean 'retention_value_usd'?"),
        ("floor.propensity=0.7", "override: floor.propensity: input should be less than 0.5; got 0.7"),
        ("agents.1.name=../up", "override: agents.1.name: "),
    ],
)
def test_a_study_that_cannot_mean_anything_is_refused(tmp_path: Path, override: str, said: str) -> None:
    assert any(said in p for p in problems(write(tmp_path, GOOD), override))


def test_the_hash_follows_results_and_neither_the_workers_nor_the_place_of_mlflow(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    base = config.load(file)
    assert config.load(file, ["workers=1", "tracking.uri=sqlite:///x.db"]).hash == base.hash
    for change in ("users=99", "seeds=[1]", "agents.1.arm=cashback", "floor.share=0.3", "scenario_overrides.weeks=30"):
        assert config.load(file, [change]).hash != base.hash


def test_the_world_of_a_study_carries_its_overrides_and_enters_the_identity(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    base = config.load(file)
    other = config.load(file, ["scenario_overrides.retention_value_usd=12.5"])
    assert other.world().retention_value_usd == 12.5
    assert config.study_hash(base, base.world()) != config.study_hash(base, other.world())


def test_an_unknown_experiment_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no experiment is called 'quickstar': did you mean 'quickstart'\?"):
        config.load("quickstar")


def test_the_agents_package_that_is_imported_is_ours() -> None:
    root = Path(config.__file__).resolve().parent.parent
    assert Path(agents.__file__).resolve() == root / "agents" / "__init__.py"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "{kind: group_sequential, spendin: obf}",
            "monitors.0.spendin: monitor group_sequential has no such",
        ),
        ("{kind: group_sequential, spending: foo}", "monitors.0.spending: monitor group_sequential: no spending"),
        ("{kind: group_sequential, alpha: 2}", "monitors.0.alpha: monitor group_sequential: alpha: must lie strictly"),
        ("{kind: group_sequential, metric: loss_rate}", "cannot watch 'loss_rate'; let `metric` be value"),
        ("{kind: ratio_betting}", "cannot watch 'value'; let `metric` be a guardrail with a denominator"),
        (
            "{kind: ratio_betting, metric: loss_rate, alpha: much}",
            "alpha: must lie strictly between 0 and 1, got",
        ),
        ("{kind: ratio_certificate}", "cannot watch 'value'; let `metric` be a guardrail with a denominator"),
    ],
)
def test_a_monitor_that_no_run_could_use_is_refused_when_the_study_is_read(
    tmp_path: Path, entry: str, said: str
) -> None:
    assert said in "\n".join(problems(write(tmp_path, GOOD + f"monitors:\n  - {entry}\n")))


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("[]", "estimators: the list is empty"),
        ("[dr, ips, dr]", "estimators: dr stands there twice"),
        ("[{clip: 3}]", "estimators.0: lacks `kind`"),
        ("[{kind: ips, lamda: 3}]", "estimators.0.lamda: estimator ips: unknown parameter 'lamda'"),
    ],
)
def test_estimators_that_no_run_could_use_are_refused_when_the_study_is_read(
    tmp_path: Path, listed: str, said: str
) -> None:
    assert said in "\n".join(problems(write(tmp_path, GOOD + f"estimators: {listed}\n")))


def test_rules_between_entries_are_told_beside_all_other_problems_each_at_its_own_line(tmp_path: Path) -> None:
    text = GOOD.replace("seeds: [1, 2]", "seeds: [1, 1]") + "mode: ab\nusers: 1\ntracking: {uri: nonsense}\n"
    assert text.count("[1, 1]") == 1
    found = "\n".join(problems(write(tmp_path, text)))
    for said in ("seeds: the same seed twice", "mode: 'ab' needs", "users: input", "uri: 'nonsense' is no"):
        assert said in found


def test_a_guardrail_is_changed_by_its_name_and_a_wrong_one_is_told_with_those_there_are() -> None:
    changed = config.load("quickstart", ["scenario_overrides.guardrails.loss_rate.limit=0.001"]).world()
    assert {g.name: g.limit for g in changed.guardrails}["loss_rate"] == 0.001
    assert len(changed.guardrails) == len(config.load("quickstart").world().guardrails)
    with pytest.raises(ConfigError) as refused:
        config.load("quickstart", ["scenario_overrides.guardrails.los_rate.limit=0.001"])
    assert "override: scenario_overrides.guardrails.los_rate: the list has 5 entries" in str(refused.value)
    assert "loss_rate" in str(refused.value)
    with pytest.raises(ConfigError, match=r"override: scenario_overrides\.guardrails\.0\.limit: input should"):
        config.load("quickstart", ["scenario_overrides.guardrails.loss_rate.limit=low"])
