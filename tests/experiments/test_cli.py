"""The command line: mistakes end in a message and the right exit code, never in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import cli
from rage_env import scenario
from rage_env.errors import RunError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write beside themselves only."""
    monkeypatch.chdir(tmp_path)


def test_help_answers_without_importing_the_world(tmp_path: Path) -> None:
    root = str(Path(cli.__file__).resolve().parent.parent)
    code = "import sys; from experiments.cli import main; c = main(['--help']); print(c, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": root}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip().endswith("0 False")
    for command in (
        "run",
        "evaluate",
        "track",
        "ui",
        "list",
        "describe",
        "config",
        "check",
        "report",
        "simulate",
        "stream",
    ):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "quickstar"], "did you mean 'quickstart'?"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "quickstart", "usrs=3", "seeds=[-1]"], "override: usrs: unknown key: did you mean 'users'?"),
        (["run", "quickstart", "users"], "an override is written `dotted.path=value`"),
        (["run", "quickstart", "--workers", "0"], "--workers"),
        (["run"], "say what to run"),
        (["runn"], "runn"),
        (["evaluate", "nothing.parquet"], "nothing.parquet"),
        (["track"], "holds no results yet"),
        (["track", "other"], "'other' is no results folder, and results holds no results yet"),
        (["ui"], "no such store yet"),
        (["ui", "--uri", "http://nowhere"], "cannot be served here"),
        (["track", ""], "the name of the study is empty"),
        (["run", ""], "the name is empty"),
        (["run", "."], "a configuration file ends in .yaml"),
        (["evaluate", ""], "the name is empty"),
        (["evaluate", "x", "--metric", " "], "--metric: is empty"),
        (["check", "--users", "3"], "--users"),
        (["run", "quickstart", "users=40", "--no-track", "agents.2.arm=credit_lin"], "did you mean 'credit_line'?"),
        (
            ["run", "quickstart", "users=40", "--no-track", "--out", "/proc/x"],
            "out: results cannot be written to /proc/x",
        ),
        (["report", "."], "not a results folder"),
        (["list", "agent"], "did you mean 'agents'?"),
        (["describe", "fintec"], "did you mean 'fintech'?"),
        (["describe", "fintech", "weeks=0"], "override: weeks"),
        (["config", "quickstat"], "did you mean 'quickstart'?"),
        (["check", "fintech", "arms.9.channel=push"], "the list has 6 entries"),
    ],
)
def test_wrong_input_leaves_with_two_and_a_message_on_standard_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_run_that_fails_leaves_with_one_and_an_interrupted_one_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RunError("a worker died")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scenario, "load", fail)
    assert cli.main(["describe", "fintech"]) == 1
    assert capsys.readouterr().err == "error: a worker died\n"
    monkeypatch.setattr(scenario, "load", interrupt)
    assert cli.main(["describe", "fintech"]) == 130
    assert "the same command starts again" in capsys.readouterr().err


def test_a_defect_of_ours_is_not_dressed_up_as_a_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scenario, "load", defect)
    with pytest.raises(ZeroDivisionError):
        cli.main(["describe", "fintech"])


def test_list_names_everything_of_every_kind_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    found = {(e["kind"], e["name"]) for e in json.loads(capsys.readouterr().out)}
    assert {("agents", "no_offer"), ("estimators", "dr"), ("monitors", "group_sequential")} <= found
    assert {("scenarios", "fintech"), ("experiments", "quickstart"), ("agents", "oracle_latent")} <= found
    assert cli.main(["list", "agents", "--json"]) == 0
    assert all(e["about"] for e in json.loads(capsys.readouterr().out))
    assert cli.main(["list"]) == 0
    assert "fintech" in capsys.readouterr().out


def test_describe_states_arms_and_guardrails_as_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["describe", "fintech", "--json"]) == 0
    world = json.loads(capsys.readouterr().out)
    assert world["arms"][0]["arm"] == "no_offer"
    rules = {g["guardrail"]: g["rule"] for g in world["guardrails"]}
    assert rules["loss_rate"] == "loss_fraud + loss_bonus_abuse + loss_credit <= 0.0025 x gmv"
    assert cli.main(["describe", "fintech"]) == 0
    assert "contact_capacity" in capsys.readouterr().out


def test_config_prints_what_can_be_read_again_as_the_same_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["config", "fintech", "weeks=30"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "again.yaml").write_text(printed)
    assert cli.main(["config", "again.yaml"]) == 0
    assert capsys.readouterr().out == printed
    assert "weeks: 30" in printed


def test_config_takes_a_world_that_extends_another_for_a_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"extends": "fintech", "name": "mine", "description": "Shorter.", "weeks": 9, "sources": {"weeks": "assumed"}}
    (tmp_path / "mine.yaml").write_text(json.dumps(own))
    assert cli.main(["config", str(tmp_path / "mine.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weeks"] == 9


@pytest.mark.parametrize(("name", "key"), [("quickstart", "agents"), ("fintech", "arms")])
def test_config_prints_a_json_schema_for_editors(name: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", name, "--schema"]) == 0
    assert key in json.loads(capsys.readouterr().out)["properties"]


def test_a_message_that_quotes_a_binary_file_leaves_the_terminal_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "junk.csv").write_bytes(b"a\n1\x1b[31m,\x07,3\n\x00")
    assert cli.main(["evaluate", "junk.csv", "--mapping", "hillstrom"]) == 2
    said = capsys.readouterr().err
    assert "junk.csv" in said
    assert all(c.isprintable() or c == "\n" for c in said)


def test_a_study_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "results" / "quickstart-01234567"
    there.mkdir(parents=True)
    (there / "study.json").write_text("{}")
    assert cli.main(["report", "quickstar"]) == 2
    assert "did you mean 'quickstart'? Studies there: quickstart." in capsys.readouterr().err


def test_a_world_beyond_all_memory_ends_in_a_message_and_not_in_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def starve(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 373 GiB")

    monkeypatch.setattr("rage_env.scenario.load", starve)
    assert cli.main(["describe", "fintech"]) == 1
    assert "out of memory (Unable to allocate 373 GiB); ask for fewer users" in capsys.readouterr().err
