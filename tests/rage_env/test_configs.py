"""Shipped configurations are found by name, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from rage_env import configs
from rage_env.errors import ConfigError, UnknownNameError


def test_every_shipped_file_answers_to_its_name() -> None:
    assert "fintech" in configs.names("scenarios")
    assert "quickstart" in configs.names("experiments")
    for kind in configs.KINDS:
        for name in configs.names(kind):
            assert configs.find(kind, name).is_file()


def test_a_path_is_taken_as_it_is_and_never_mistaken_for_a_name() -> None:
    assert configs.find("scenarios", "./fintech.yaml") == Path("fintech.yaml")
    assert configs.find("scenarios", Path("mine/fintech")) == Path("mine/fintech")


def test_a_misspelt_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no scenario is called 'fintec': did you mean 'fintech'\?"):
        configs.find("scenarios", "fintec")
    with pytest.raises(UnknownNameError, match="kind of configuration"):
        configs.names("scenario")


def test_a_file_without_the_yaml_ending_is_not_silently_taken_for_an_unknown_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("name: mine")
    with pytest.raises(ConfigError, match=r"ends in \.yaml"):
        configs.find("experiments", "mine")
