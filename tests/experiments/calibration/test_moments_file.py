"""Published moments are fitted as a log is, and the page shows each of them, met or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.calibration import page
from experiments.calibration.fit import fit
from experiments.calibration.moments import NAMES
from experiments.calibration.moments_file import MomentsFile, read_moments
from experiments.calibration.parameters import sought
from experiments.calibration.report import Calibration, report_on
from experiments.cli import main
from rage_env import configs, scenario
from rage_env.errors import ConfigError, InputError

PAGE = Path(__file__).resolve().parents[3] / "docs" / "calibration.md"
FILE = {
    "name": "mine", "source": "a study", "scenario": "fintech", "users": 300, "weeks": 10,
    "moments": {"log_spend_mean": 5.0, "log_spend_sd": 1.1, "log_spend_between_sd": 0.76, "log_spend_within_sd": 0.9,
                "gini": 0.2},
}  # fmt: skip


def written(folder: Path, **changes: object) -> Path:
    path = folder / "mine.json"
    path.write_text(json.dumps({**FILE, **changes}))
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[MomentsFile, Calibration]:
    file = read_moments(written(tmp_path_factory.mktemp("moments")))
    world = scenario.load(file.scenario)
    return file, report_on(file.target, world, fit(file.target, world, 100, 1), draws=100, seed=1)


@pytest.mark.parametrize("name", configs.names("moments"))
def test_a_shipped_file_names_its_source_and_a_world_of_which_it_tells(name: str) -> None:
    file = read_moments(name)
    assert file.name == name
    assert len(file.source) > 20
    assert len(sought(scenario.load(file.scenario), file.moments)) >= 4


@pytest.mark.parametrize("name", configs.names("moments"))
def test_the_page_has_every_moment_of_every_shipped_file_with_what_was_observed(name: str) -> None:
    file, text = read_moments(name), PAGE.read_text(encoding="utf-8")
    part = text.partition(f"## {name.replace('_', ' ').capitalize()}")[2].partition("\n## ")[0]
    for moment, observed in file.moments.items():
        assert f"| {NAMES[moment]} | {observed:.3g} |" in part, moment


def test_the_page_s_words_on_how_it_works_are_those_of_the_program() -> None:
    assert PAGE.read_text(encoding="utf-8").startswith(page.INTRODUCTION)


def test_moments_that_no_parameters_can_make_together_are_shown_as_missed(
    found: tuple[MomentsFile, Calibration],
) -> None:
    rows = {row.moment: row for row in found[1].moments}
    assert rows["log_spend_within_sd"].inside
    assert not rows["gini"].inside  # nobody spends so alike in this world
    assert not rows["gini"].fitted
    text = page.page([found[0]], [found[1]])
    said = text.partition("Outside what the fitted world makes: ")[2].partition(".")[0]
    assert "Gini coefficient of spend over users" in said
    assert NAMES["log_spend_within_sd"] not in said
    assert "| Gini coefficient of spend over users | 0.2 |" in text


def test_only_what_the_moments_tell_is_sought(found: tuple[MomentsFile, Calibration]) -> None:
    sought_paths = {row.parameter for row in found[1].parameters}
    assert sought_paths == {
        "mechanisms.spending.gmv_per_active_week_usd",
        "mechanisms.spending.between_sd",
        "mechanisms.spending.within_sd",
    }
    left = {row.what for row in found[1].untold}
    assert {"mechanisms.engagement.beta_a", "mechanisms.spending.ticket_usd", "population.churn.alpha"} <= left


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"moments": {"ginni": 0.5}}, "'ginni' is no moment: did you mean 'gini'"),
        ({"moments": {}}, "moments: "),
        ({"users": 3}, "users: "),
        ({"weeks": 2}, "weeks: "),
        ({"departures": "some"}, "departures: "),
        ({"left": {}}, "left: unknown key: did you mean 'left_out'"),
    ],
)
def test_a_broken_file_is_refused_by_path_and_rule(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_moments(written(tmp_path, **changes))


def test_moments_that_tell_nothing_of_a_world_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, moments={"weekly_cv": 0.06})
    world = scenario.load("fintech")
    with pytest.raises(InputError, match="none of its moments tells a parameter of fintech; moments: weekly_cv"):
        fit(read_moments(path).target, world, 100)
    assert main(["calibrate", "--moments", str(path)]) == 2
    assert "none of its moments" in capsys.readouterr().err


@pytest.mark.slow
def test_the_page_can_be_made_again(tmp_path: Path) -> None:
    out = tmp_path / "calibration.md"
    assert page.main([str(out), "100"]) == 0
    assert out.read_text(encoding="utf-8").startswith(page.INTRODUCTION)
