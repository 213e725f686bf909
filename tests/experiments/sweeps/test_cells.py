"""A sweep's cells: their order and names, and every mistake told at the line it was made on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments.sweeps import cells
from experiments.sweeps.cells import Grid
from rage_env import configs
from rage_env.errors import ConfigError, UnknownNameError

BASE: dict[str, object] = {"name": "mine", "question": "What?", "base": "quickstart"}
LIMIT = "scenario_overrides.guardrails.loss_rate.limit"


def grid(folder: Path, *axes: dict[str, object], given: tuple[str, ...] = (), **changes: object) -> Grid:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump({**BASE, "axes": list(axes), **changes}, sort_keys=False))
    return cells.load(file, given)


def test_cells_are_named_and_ordered_by_the_axes_the_last_one_fastest(tmp_path: Path) -> None:
    limit: dict[str, object] = {"key": LIMIT, "values": [0.002, 0.003]}
    agent: dict[str, object] = {"key": "agent", "values": ["random", {"kind": "blanket", "arm": "bonus_5"}]}
    found = grid(tmp_path, limit, agent)
    assert [c.name for c in found.cells] == [
        "limit-0.002_agent-random",
        "limit-0.002_agent-blanket",
        "limit-0.003_agent-random",
        "limit-0.003_agent-blanket",
    ]
    last = found.cells[-1].config
    assert [a.kind for a in last.agents] == ["no_offer", "blanket"]
    assert next(g.limit for g in last.world().guardrails if g.name == "loss_rate") == 0.003


def test_a_value_more_leaves_the_other_cells_what_they_were(tmp_path: Path) -> None:
    few = grid(tmp_path, {"key": "users", "values": [500, 700]})
    more = grid(tmp_path, {"key": "users", "values": [600, 500, 700]})
    assert {c.config.hash for c in few.cells} < {c.config.hash for c in more.cells}


def test_points_change_several_fields_at_once_and_seeds_are_what_treatments_are_compared_over(tmp_path: Path) -> None:
    worlds: dict[str, object] = {
        "name": "world",
        "points": {"as_is": {}, "small": {"users": 300, "oracle.every_weeks": 2}},
    }
    found = grid(tmp_path, worlds, {"key": "seeds", "values": [1, "2..3"]})
    assert [c.treatment for c in found.cells] == ["world-as_is"] * 2 + ["world-small"] * 2
    assert [c.config.seeds for c in found.cells] == [(1,), (2, 3)] * 2
    assert (found.cells[2].config.users, found.cells[2].config.oracle.every_weeks) == (300, 2)


def test_an_override_of_the_command_line_reaches_every_cell_and_an_axis_is_not_overridden(tmp_path: Path) -> None:
    axis: dict[str, object] = {"key": "weeks", "values": [3, 4]}
    assert {c.config.users for c in grid(tmp_path, axis, given=("users=77",)).cells} == {77}
    with pytest.raises(ConfigError, match="weeks: the axis 'weeks' sets weeks in every cell"):
        grid(tmp_path, axis, given=("weeks=5",))


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ({"key": "agent", "values": ["random", "uplift_gredy"]}, "agents.1.kind: no agent is called 'uplift_gredy': d"),
        ({"key": "usrs", "values": [1]}, "usrs: unknown key: did you mean 'users'?"),
        ({"key": "scenario", "values": ["fintec"]}, "no scenario is called 'fintec': did you mean 'fintech'?"),
        (
            {"key": LIMIT.replace("rate", "rte"), "values": [1]},
            "scenario_overrides.guardrails.loss_rte: the list has 5 entries",
        ),
        ({"key": "monitors.0.metric", "values": ["loss_rat"]}, "no metric is called 'loss_rat': did you mean 'loss_ra"),
        ({"key": "users", "values": [0]}, "users: input should be greater than or equal to 2; got 0"),
        ({"key": "users", "values": [30, 30]}, "two cells are called 'users-30'"),
        ({"key": "seeds", "values": ["1..3", 2]}, "seed 2 stands in seeds-1..3 and in seeds-2; give it once"),
        ({"key": "users", "value": [30]}, "axes.0.value: unknown key: did you mean 'values'?"),
        ({"key": "agent", "values": []}, "an axis needs both `key` and `values`"),
        ({"key": "users"}, "an axis needs both `key` and `values`"),
        ({"key": "users", "values": [3], "points": {"a": {}}}, "or `points` with a `name`; give one of the two"),
        (
            {"name": "p", "points": {f"p{i}": {} for i in range(101)}},
            "10100 cells are more than 10000; split the sweep",
        ),
    ],
)
def test_a_mistake_is_named_with_the_line_of_the_sweep(tmp_path: Path, axis: dict[str, object], said: str) -> None:
    weeks: dict[str, object] = {"key": "weeks", "values": list(range(1, 101))}
    with pytest.raises(ConfigError) as error:
        grid(tmp_path, axis, *([weeks] if axis.get("name") == "p" else []))
    assert said in str(error.value)
    assert "mine.yaml:" in str(error.value)


def test_names_of_bases_and_sweeps_are_guessed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"base: no experiment is called 'quickstrt': did you mean 'quickstart'\?"):
        grid(tmp_path, {"key": "users", "values": [30]}, base="quickstrt")
    with pytest.raises(UnknownNameError, match="no sweep is called 'los_limit': did you mean 'loss_limit'"):
        cells.load("los_limit")


@pytest.mark.parametrize("name", configs.names("sweeps"))
def test_every_shipped_sweep_can_be_run(name: str) -> None:
    from experiments.sweeps.folder import place
    from experiments.sweeps.standing import reference

    found = cells.load(name)
    assert len(found.cells) > 1
    assert reference(found.sweep, place("nowhere", found))
