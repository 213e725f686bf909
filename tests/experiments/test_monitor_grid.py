import json

import pytest

from experiments import monitor_grid
from experiments.monitor_grid import Cell, cells, draw, measured, stopped
from experiments.monitors.settings import FIVE


def test_the_table_says_what_each_cell_tests_and_why_others_are_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor_grid.main(["--reps", "40", "--weeks", "4", "--only", "rare_events", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["setting"] for row in told["cells"]} == {"rare binomial", "clustered, ICC .5", FIVE}
    assert all(row["null"].endswith(".") for row in told["cells"])
    assert all(0 <= row["false_alarms"] <= 1 and row["stderr"] > 0 for row in told["cells"])
    assert {"monitor": "rare_events", "setting": "CUPED"}.items() <= next(
        a for a in told["without"] if a["monitor"] == "rare_events" and a["setting"] == "CUPED"
    ).items()


def test_the_table_for_people_has_a_line_for_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor_grid.main(["--reps", "20", "--weeks", "3", "--only", "ssrm"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| monitor | setting | false alarms | power | stops in week | null |"
    assert sum("no cell: values are not looked at" in line for line in lines) == 6
    assert len({line.count("|") for line in lines}) == 1


def test_a_monitor_nobody_knows_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor_grid.main(["--only", "srm"]) == 2
    assert "did you mean 'ssrm'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        monitor_grid.main(["--reps", "0"])
    assert left.value.code == 2


def test_the_same_cell_draws_the_same_luck_and_five_agents_share_alpha() -> None:
    cell = Cell("group_sequential", "iid normal", "iid_normal")
    assert cell in cells(["group_sequential"])
    assert measured(cell, 50, 6) == measured(cell, 50, 6)
    shared = Cell("group_sequential", FIVE, "many_agents")
    drawn = draw("many_agents", 200, 6)
    assert stopped(shared, drawn)[:, -1].sum() <= stopped(shared, drawn, 5 * monitor_grid.ALPHA)[:, -1].sum()
