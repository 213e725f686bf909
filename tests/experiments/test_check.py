"""`rage check` and `rage describe`: what they print is what the world says of itself, and 1 means broken."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from experiments import check, cli
from rage_env import describe, invariants, mutants, scenario
from rage_env.errors import WorldError


def test_a_world_that_keeps_its_invariants_leaves_with_0_and_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "fintech", "--users", "200", "--weeks", "4", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["invariant"] for row in said["checked"]] == list(invariants.every())
    assert said["broken"] == ""
    assert all(row["holds"] for row in said["checked"])


def test_a_broken_world_leaves_with_1_and_names_the_invariant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, progress: Callable[[str], None], **__: object) -> None:
        progress("users_leave_once")
        raise WorldError("users_leave_once: user 3, week 2: left twice")

    monkeypatch.setattr(check, "check_world", broken)
    assert cli.main(["check", "fintech"]) == 1
    assert "BROKEN: users_leave_once: user 3, week 2: left twice" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["check", "fintech", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["checked"] == [{"invariant": "users_leave_once", "holds": False}]


def test_a_mutant_that_gets_through_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = list(mutants.every())
    told = dict.fromkeys(names, mutants.Refusal("users_leave_once: user 3", "fintech"))
    monkeypatch.setattr(mutants, "refusals", lambda *_: told)
    assert cli.main(["check", "--mutants", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {r["mutant"]: r["for"] for r in rows} == dict.fromkeys(names, "users_leave_once")
    told[names[0]] = mutants.Refusal(None, "fintech")
    told[names[1]] = mutants.Refusal("users_leave_once: user 3", "b2b_nudge")
    assert cli.main(["check", "--mutants"]) == 1
    said = capsys.readouterr().out
    assert f"{len(names) - 1} of {len(names)} broken worlds were refused" in said
    assert f"fintech gives nothing to break to {names[1]}: shown in a world that does" in " ".join(said.split())


def test_describe_prints_the_tables_of_the_world_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["describe", "fintech", "--users", "200", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    wanted = describe.to_json(describe.describe(scenario.load("fintech"), 200))
    assert said["tables"] == json.loads(json.dumps(wanted))
    assert cli.main(["describe", "fintech", "--users", "200"]) == 0
    short = capsys.readouterr().out
    assert "value of an offer by archetype" in short
    assert "assumptions" not in short
    assert cli.main(["describe", "fintech", "--users", "200", "--sources"]) == 0
    assert "assumptions" in capsys.readouterr().out


def test_describe_says_what_the_card_networks_would_see_where_there_are_charge_backs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["describe", "fintech", "--users", "400", "--json"]) == 0
    networks = json.loads(capsys.readouterr().out)["networks"]
    assert [row["month"] for row in networks] == list(range(6))
    assert networks[0]["ecp"] is None
    assert cli.main(["describe", "marketing", "--users", "400", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["networks"] == []
