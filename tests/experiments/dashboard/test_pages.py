"""Every page shows a finished study, says what is missing of an older one, and survives a damaged one."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from experiments.dashboard import screens
from experiments.dashboard.serve import APP
from experiments.exhibits import EXHIBITS
from experiments.results import Results
from experiments.views import queue

NAMES = [name for name, _ in screens.every()]
NEED_EXHIBITS = ("actions", "budget", "models", "user")


@pytest.fixture(autouse=True)
def _main_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit makes its script the main module and leaves it there, where worker processes would start from it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def folder(shown_study: Results, tmp_path: Path) -> Path:
    """A folder of results with one study that may be written to."""
    shutil.copytree(shown_study.path, tmp_path / shown_study.path.name)
    return tmp_path


def opened(folder: Path, page: str) -> AppTest:
    """One page of the only study in the folder, after its first run."""

    def script(folder: str, page: str) -> None:
        from pathlib import Path

        from experiments.dashboard import app, screens
        from experiments.dashboard.place import Place

        studies = app.studies(Path(folder))
        app.show(dict(screens.every())[page], Place(Path(folder), studies[0] if studies else None))

    return AppTest.from_function(script, args=(str(folder), page), default_timeout=120).run()


def words(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.error, app.warning)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


@pytest.mark.parametrize("page", NAMES)
def test_a_page_of_a_finished_study_shows_figures_and_tables_to_download(page: str, shown_study: Results) -> None:
    app = opened(shown_study.path.parent, page)
    assert not app.exception
    assert not app.error
    assert not app.info
    assert len(app.dataframe) == len(app.download_button)
    assert len(app.dataframe) >= (0 if page == "data" else 1)


@pytest.mark.parametrize("page", NEED_EXHIBITS)
def test_a_page_says_what_to_run_where_an_older_study_kept_nothing(page: str, folder: Path) -> None:
    for name in EXHIBITS:
        for file in folder.rglob(f"{name}.parquet"):
            file.unlink()
    app = opened(folder, page)
    assert not app.exception
    assert any("`rage run small`" in one.value for one in app.info)


@pytest.mark.parametrize("page", NAMES)
def test_a_damaged_file_is_named_on_the_page_without_a_traceback(page: str, folder: Path) -> None:
    for file in folder.rglob("*.parquet"):
        file.write_bytes(b"PAR1 no longer")
    (next(folder.glob("small-*")) / "config.json").write_text("{")
    app = opened(folder, page)
    assert not app.exception
    assert [one.value for one in app.error if ".parquet" in one.value or "config.json" in one.value]


def test_the_slider_moves_the_allocation(shown_study: Results) -> None:
    app = opened(shown_study.path.parent, "budget")
    shown = []
    for at in (3, 25, 59):
        slider = app.select_slider[0]
        app = slider.set_value(float(slider.options[at].removeprefix("$"))).run()
        assert not app.exception
        shown.append([m.value for m in app.metric])
    assert len({tuple(values) for values in shown}) == 3


def test_any_user_of_a_kept_log_can_be_looked_up(shown_study: Results) -> None:
    app = opened(shown_study.path.parent, "user")
    before = len(app.dataframe)
    app = app.number_input[0].set_value(123).run()
    assert not app.exception
    assert len(app.dataframe) == before + 1
    app = app.number_input[0].set_value(999_999).run()
    assert "No user 999999" in words(app)


def test_an_action_is_recorded_once_with_what_it_was_expected_to_bring(folder: Path) -> None:
    app = opened(folder, "actions")
    assert app.button(key="do-approve").disabled
    app = app.text_input(key="who").set_value("ann").run()
    app = app.button(key="do-approve").click().run()
    assert not app.exception
    (line,) = queue.audit(next(folder.glob("small-*"))).table.to_dict("records")
    assert (line["who"], line["action"]) == ("ann", "approve")
    assert line["impact"] > 0
    assert not app.run().exception
    assert len(queue.audit(next(folder.glob("small-*"))).table) == 1


def test_the_frame_opens_the_first_page_on_the_study_asked_for(
    shown_study: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [str(APP), str(shown_study.path.parent), shown_study.path.name])
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    assert not app.exception
    assert app.title[0].value == "Executive"
    assert app.sidebar.selectbox[0].value == shown_study.path.name


def test_an_empty_folder_offers_to_start_a_study(tmp_path: Path) -> None:
    assert "The page Data starts one" in words(opened(tmp_path, "executive"))
    app = opened(tmp_path, "data")
    assert not app.exception
    assert "Start a study" in words(app)


def test_data_are_simulated_in_a_process_of_their_own(tmp_path: Path) -> None:
    app = opened(tmp_path, "data")
    _, users = (one for one in app.number_input if one.label == "Users")
    _, weeks = (one for one in app.number_input if one.label == "Weeks")
    users.set_value(40)
    weeks.set_value(2)
    app = next(b for b in app.button if b.label == "Simulate").click().run()
    assert not app.exception
    for _ in range(240):
        if (tmp_path / "data-fintech-40x2-42" / "users.parquet").is_file():
            break
        time.sleep(0.25)
    assert (tmp_path / "data-fintech-40x2-42" / "users.parquet").is_file()
    assert "rage simulate fintech" in words(app.run())
