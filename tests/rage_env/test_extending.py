"""A scenario file may build on another: what it states is laid over its base, and its own numbers need its sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from rage_env import scenario
from rage_env.errors import ConfigError

HEAD = "name: child\ndescription: about\n"


def written(folder: Path, text: str, name: str = "child") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        scenario.load(path, overrides)
    return list(caught.value.problems)


def test_a_world_takes_every_number_of_its_base_that_it_does_not_state(tmp_path: Path) -> None:
    text = HEAD + "weeks: 4\narms: {nudge: {contact_cost_usd: 0.5}}\nguardrails: []\nsources: {weeks: a, arms: b}\n"
    base, child = scenario.load("fintech"), scenario.load(written(tmp_path, "extends: fintech\n" + text))
    assert (child.name, child.weeks, child.guardrails) == ("child", 4, ())
    assert child.arms[1] == base.arms[1].model_copy(update={"contact_cost_usd": 0.5})
    assert child.arms[2:] == base.arms[2:]
    assert child.used == base.used
    assert child.sources == {**base.sources, "weeks": "a", "arms": "b"}


def test_bases_may_build_on_bases_and_stand_beside_the_file(tmp_path: Path) -> None:
    written(tmp_path, "extends: fintech\nname: parent\ndescription: p\nweeks: 5\nsources: {weeks: assumed}\n", "parent")
    text = f"extends: ./parent.yaml\n{HEAD}burn_in_weeks: 2\nsources: {{burn_in_weeks: assumed}}\n"
    child = scenario.load(written(tmp_path, text), ["weeks=6"])
    assert (child.weeks, child.burn_in_weeks) == (6, 2)


def test_a_base_does_not_vouch_for_numbers_that_it_does_not_hold(tmp_path: Path) -> None:
    path = written(tmp_path, f"extends: fintech\n{HEAD}arms: {{nudge: {{contact_cost_usd: 0.5}}}}\n")
    assert problems(path) == [
        f"{path}:1: sources: no source of this file covers the number arms.nudge.contact_cost_usd (write one, or "
        "'assumed')"
    ]


def test_a_problem_is_told_with_the_file_and_line_in_which_it_was_written(tmp_path: Path) -> None:
    change = "arms:\n  nudge:\n    contact_cost_usd: -1.0\nsources: {arms: assumed}\n"
    path = written(tmp_path, f"extends: fintech\n{HEAD}{change}")
    (told,) = problems(path)
    assert told.startswith(f"{path}:6: arms.1.contact_cost_usd: input should be greater than or equal to 0")
    parent = written(tmp_path, "extends: fintech\nname: p\ndescription: p\nweeks: 0\nsources: {weeks: a}\n", "parent")
    (told,) = problems(written(tmp_path, f"extends: ./parent.yaml\n{HEAD}"))
    assert told.startswith(f"{parent}:4: weeks: ")
    (told,) = problems(written(tmp_path, f"extends: fintech\n{HEAD}"), "weeks=0")
    assert told.startswith("override: weeks: ")


def test_a_line_inside_a_list_that_was_given_whole_is_its_own(tmp_path: Path) -> None:
    change = (
        "drift:\n  - {target: arms.nudge.contact_cost_usd, kind: linear, size: 1.0}\n  - {target: b, kind: wrong}\n"
    )
    path = written(tmp_path, f"extends: fintech\n{HEAD}{change}sources: {{drift: assumed}}\n")
    assert problems(path)[0].startswith(f"{path}:6: drift.1.kind: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"extends: fintch\n{HEAD}", ":1: extends: no scenario is called 'fintch': did you mean 'fintech'?"),
        (f"extends: 3\n{HEAD}", ":1: extends: must be the name of a shipped scenario or a YAML file; got 3"),
        (f"extends:\n{HEAD}", ":1: extends: must be the name of a shipped scenario"),
        (f"extends: ./gone.yaml\n{HEAD}", "no such file"),
        (f"extends: ./child.yaml\n{HEAD}", ":1: extends: child -> child is a circle"),
        ("extends: fintech\n", ":1: name: a world that extends another must say its own"),
        (f"extends: fintech\n{HEAD}arms: {{nuge: {{credit: true}}}}\n", "arms.nuge: the list has 6 entries"),
    ],
)
def test_a_base_that_cannot_be_built_on_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in told for told in problems(written(tmp_path, text)))


def test_a_circle_of_several_files_is_told_by_name(tmp_path: Path) -> None:
    written(tmp_path, f"extends: ./one.yaml\n{HEAD}", "two")
    one = written(tmp_path, f"extends: ./two.yaml\n{HEAD}", "one")
    assert "one -> two -> one is a circle" in "\n".join(problems(one))
