"""The leaderboard of the README comes from one command, which the page names beside it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import experiments
from experiments import front_page
from tests.experiments.conftest import Small

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TAG = re.compile(r"<!-- made by: python -m ([\w.]+) (.*?) -->")


def test_the_command_beside_the_picture_exists_and_the_picture_is_small() -> None:
    ((module, page),) = TAG.findall(README)
    assert page == "README.md"
    assert callable(importlib.import_module(module).main)
    picture = ROOT / front_page.PICTURE
    assert f"]({front_page.PICTURE.as_posix()})" in README
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000


def test_the_command_writes_table_and_picture_and_leaves_the_rest_of_the_page(small: Small, tmp_path: Path) -> None:
    done = experiments.run(small(seeds=[1], weeks=2), out=tmp_path, track=False, progress=False)
    page = tmp_path / "README.md"
    page.write_text(README, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    assert front_page.main([str(page), "--study", str(done.path)]) == 0
    made = page.read_text(encoding="utf-8")
    assert (tmp_path / front_page.PICTURE).read_bytes().startswith(b"\x89PNG")
    before, inside, after = (part for part in re.split(r"<!-- made by:.*?-->\n|<!-- end -->", made))
    assert README.startswith(before)
    assert README.endswith(after)
    assert re.search(r"^blanket +[+-]\d\.\d{3} \[", inside, flags=re.MULTILINE)
    assert "of oracle:" not in inside


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the comment"):
        front_page.renewed("# RAGE", "table")
