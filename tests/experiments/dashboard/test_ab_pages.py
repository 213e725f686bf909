"""The tower shows an A/B study too: groups for agents, the control among them, verdicts marked."""

from __future__ import annotations

import pytest

from experiments import run
from experiments.dashboard import screens
from experiments.results import Results
from tests.experiments.conftest import Small
from tests.experiments.dashboard.test_pages import NAMES, _main_as_before, opened, words

__all__ = ["_main_as_before"]  # a fixture


@pytest.fixture(scope="module")
def ab_study(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two groups and the control, with an alarm, over six weeks."""
    changes: dict[str, object] = {
        "name": "split",
        "mode": "ab",
        "ab": {"salt": "test", "control": 0.4},
        "users": 600,
        "seeds": [1],
        "agents": [{"kind": "blanket", "name": "reckless", "arm": "credit_line"}, {"kind": "no_offer", "name": "idle"}],
        "monitors": [{"kind": "ratio_betting", "metric": "loss_rate", "name": "alarm", "ages": [4]}],
        "estimators": [],
        "oracle": {"every_weeks": 0, "users_fit": 2000},
    }
    found = run(small(**changes), out=tmp_path_factory.mktemp("ab"), track=False, progress=False)
    return Results.open(found.path)


@pytest.mark.parametrize("page", NAMES)
def test_a_page_of_an_ab_study_shows_its_groups_or_says_why_it_cannot(page: str, ab_study: Results) -> None:
    app = opened(ab_study.path.parent, page)
    assert not app.exception
    assert app.title[0].value == dict(screens.every())[page].TITLE
    shown = words(app) + " ".join(str(frame.value.to_dict()) for frame in app.dataframe)
    shown += " ".join(str(box.options) for box in app.selectbox)
    if page not in ("data", "budget", "actions", "user"):
        assert "reckless" in shown
    if page == "monitor":
        assert "alarm" in shown
