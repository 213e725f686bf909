"""Schemas that editors read say what RAGE says of the same files, and every key can be asked about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from experiments import schemas
from experiments.cli import main
from experiments.config import ExperimentConfig
from experiments.config_words import WORDS
from experiments.explained import explain
from rage_env import configs, yamlfile
from rage_env.errors import ConfigError
from rage_env.yamltree import parse

FILES = [path for kind in schemas.MODELS for path in sorted((configs.root() / kind).glob("*.yaml"))]
SAYS = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", flags=re.MULTILINE)


def data(path: Path) -> object:
    return parse(yamlfile.read(path), path.name).data


def schema_of(path: Path) -> Path:
    """The schema that the file names in its first line."""
    found = SAYS.search(path.read_text(encoding="utf-8").partition("\n")[0])
    assert found, f"{path}: the first line must be `# yaml-language-server: $schema=...`"
    return (path.parent / found[1]).resolve()


@pytest.mark.parametrize("kind", schemas.PUBLISHED)
def test_a_published_schema_is_that_of_the_code(kind: str) -> None:
    held = schemas.published(kind).read_text(encoding="utf-8")
    assert held == schemas.text_of(kind), "write them anew: python -m experiments.schemas"
    jsonschema.Draft202012Validator.check_schema(json.loads(held))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_file_names_its_schema_and_fits_it(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_of(path).read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(data(path))] == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("experiments/quickstart", {"usrs": 3}),
        ("experiments/quickstart", {"users": 1}),
        ("experiments/quickstart", {"seeds": "1-3"}),
        ("experiments/quickstart", {"mode": "pairs"}),
        ("scenarios/fintech", {"weeks": 0}),
        ("scenarios/null_effects", {"wekes": 3}),
        ("sweeps/loss_limit", {"axes": [{"kee": "users"}]}),
    ],
)
def test_a_schema_objects_to_what_rage_refuses(name: str, change: dict[str, object]) -> None:
    path = configs.root() / f"{name}.yaml"
    held = data(path)
    assert isinstance(held, dict)
    validator = jsonschema.Draft202012Validator(json.loads(schema_of(path).read_text(encoding="utf-8")))
    assert list(validator.iter_errors({**held, **change}))


def test_the_schema_of_the_command_knows_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--schema"]) == 0
    shown = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(shown)
    validator = jsonschema.Draft202012Validator(shown)
    held = data(configs.root() / "experiments" / "quickstart.yaml")
    assert isinstance(held, dict)
    assert not list(validator.iter_errors(held))
    assert list(validator.iter_errors({**held, "agents": [{"kind": "no_ofer"}]}))


def test_every_key_of_an_experiment_says_what_it_is_for() -> None:
    keys = ExperimentConfig.model_fields
    assert set(WORDS) <= set(keys)
    assert [key for key in keys if len(explain("experiments", key).get("about", "")) < 10] == []


def keys(kind: str) -> Iterator[str]:
    yield from schemas.schema(kind)["properties"]


@pytest.mark.parametrize("kind", schemas.PUBLISHED)
def test_every_key_of_every_kind_can_be_asked_about(kind: str) -> None:
    for key in keys(kind):
        assert explain(kind, key)["holds"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            ["quickstart", "--explain", "oracle.every_weeks"],
            ["holds: integer", "bounds: >= 0", "default: 4", "here: 4"],
        ),
        (["quickstart", "users=77", "--explain", "users"], ["here: 77"]),
        (["--explain", "monitors.group_sequential.alpha"], ["alpha: default 0.05"]),
        (["--explain", "agents.uplift_greedy"], ["key: agents.uplift_greedy", "about: "]),
        (["--explain", "estimators.dr"], ["about: "]),
        (["fintech", "--explain", "guardrails.loss_rate.limit"], ["holds: number", "here: 0.0025"]),
        (["--explain", "scenario_overrides.retention_value_usd"], ["key: retention_value_usd"]),
        (["loss_limit", "--explain", "axes.0.values"], ["here: [0.0015, 0.0025, 0.004]"]),
    ],
)
def test_a_key_is_explained(asked: list[str], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", *asked]) == 0
    shown = capsys.readouterr().out
    assert [text for text in said if text not in shown] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--explain", "oracle.every_week"], "did you mean 'every_weeks'?"),
        (["--explain", "usrs"], "the file has no key 'usrs': did you mean 'users'?"),
        (["--explain", "agents.uplift_gredy"], "did you mean 'uplift_greedy'?"),
        (["--explain", "monitors.group_sequential.alfa"], "did you mean 'alpha'?"),
        (["fintech", "--explain", "guardrails.loss_rte.limit"], "called 'loss_rte': did you mean 'loss_rate'?"),
        (["--explain", ""], "the key is empty"),
        (["--schema", "--explain", "users"], "ask one at a time"),
        (["quickstat", "--explain", "users"], "did you mean 'quickstart'?"),
        (["nope"], "Known: b2b_nudge, commerce_churn,"),  # a scenario and an experiment, named once
        ([], "say what to print"),
    ],
)
def test_a_key_that_is_none_offers_the_nearest(asked: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", *asked]) == 2
    assert said in capsys.readouterr().err


def test_a_key_of_the_wrong_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no key 'arms'"):
        explain("experiments", "arms")
