"""`rage monitor design` on the command line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from experiments import cli
from experiments.commands.monitor import PATH_COMMAND, WordOrPath

NUMBERS = ["--sd", "8", "--mean", "1.2", "--weeks", "4"]


def test_numbers_alone_give_users_and_weeks(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["monitor", "design", *NUMBERS, "--lift", "10%", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["test"]["lift_usd"] == pytest.approx(0.12)
    assert [row["weeks"] for row in told["lift"]] == [4]
    assert told["guardrail"] == []
    assert cli.main(["monitor", "design", *NUMBERS, "--lift", "10%"]) == 0
    assert "users needed in all" in capsys.readouterr().out


def test_a_guardrail_in_numbers_tells_of_alarm_and_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = ["--limit", "0.02", "--rate", "0.01", "--size-mean", "100", "--loss-mean", "50", "--max-loss", "200"]
    assert cli.main(["monitor", "design", *NUMBERS, *numbers, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["guardrail"]
    assert {(r["monitor"], r["true_rate"]) for r in rows} == {("alarm", 0.04), ("certificate", 0.01)}


def test_a_world_brings_its_own_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["monitor", "design", "fintech", "--weeks", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["baseline"]["correlation"] > 0
    assert told["lift"][0]["users_with_cuped"] < told["lift"][0]["users"]
    assert {r["monitor"] for r in told["guardrail"]} == {"alarm", "certificate"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "sd: needed is how much a user-week varies"),
        (["fintec"], "did you mean 'fintech'?"),
        ([*NUMBERS, "--alpha", "2"], "alpha: must lie strictly between 0 and 1"),
        ([*NUMBERS, "--power", "0.01"], "power: must lie above alpha"),
        ([*NUMBERS, "--looks", "0"], "looks: must be a whole number of at least 1"),
        ([*NUMBERS, "--spending", "obff"], "did you mean 'obf'?"),
        ([*NUMBERS, "--share", "1"], "share: must lie strictly between 0 and 1"),
        ([*NUMBERS, "--sides", "3"], "sides: must be 1 or 2"),
        ([*NUMBERS, "--icc", "2"], "icc: must lie in [0, 1]"),
        ([*NUMBERS, "--limit", "0.01"], "size-mean: needed for a guardrail without a scenario"),
        ([*NUMBERS, "--sd", "-1"], "sd: must be a finite number above 0"),
        ([*NUMBERS, "--weeks", "10000"], "weeks: must be at most 520"),
        (["--sd", "3"], "lift: 5% is a share of a mean above 0"),
    ],
)
def test_wrong_input_leaves_with_two_and_a_message(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["monitor", "design", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_help_names_the_group_and_its_word(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, named in ((["--help"], " monitor "), (["monitor", "--help"], " design ")):
        assert cli.main(arguments) == 0
        assert named in capsys.readouterr().out


def test_a_path_beside_the_words_goes_to_the_command_for_paths() -> None:
    heard: list[str] = []
    app = typer.Typer(cls=WordOrPath)
    app.command("design")(lambda: heard.append("design"))
    app.command(PATH_COMMAND)(lambda path: heard.append(path))
    for arguments in (["design"], ["orders.csv"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert heard == ["design", "orders.csv"]
    assert cli.main(["monitor", "orders.csv"]) == 2
