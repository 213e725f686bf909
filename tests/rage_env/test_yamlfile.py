"""Configuration files: everything wrong is told at once, with the line, and nothing is guessed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rage_env.errors import ConfigError
from rage_env.yamlfile import canonical, config_hash, load, load_text


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Cash(Strict):
    kind: Literal["cash"]
    amount_usd: float = Field(gt=0)


class Credit(Strict):
    kind: Literal["credit"]
    line_usd: float
    credit: int = 0

    @model_validator(mode="after")
    def _line_is_round(self) -> Credit:
        if self.line_usd % 10:
            raise ValueError("line_usd must be a multiple of 10")
        return self


class World(Strict):
    name: str
    users: int = Field(default=10, ge=1)
    rate: float = 0.5
    weeks: tuple[int, ...] = ()
    arms: tuple[Annotated[Cash | Credit, Field(discriminator="kind")], ...] = ()
    sources: dict[str, str] = {}
    inner: Cash | None = None


def problems(text: str, *overrides: str | dict[str, object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(World, text, "w.yaml", overrides)
    return list(caught.value.problems)


def test_every_problem_of_a_file_is_told_at_once_in_the_order_of_its_lines() -> None:
    text = "name: 3\nusrs: 5\nrate: high\narms:\n  - {kind: cash, amount_usd: -1}\n  - kind: credit\n    line_usd: x\n"
    found = problems(text)
    assert [p.split(": ")[:2] for p in found] == [
        ["w.yaml:1", "name"],
        ["w.yaml:2", "usrs"],
        ["w.yaml:3", "rate"],
        ["w.yaml:5", "arms.0.amount_usd"],
        ["w.yaml:7", "arms.1.line_usd"],
    ]
    assert "did you mean 'users'?" in found[1]
    assert "greater than 0; got -1" in found[3]


def test_a_misspelt_key_inside_a_union_is_matched_with_the_keys_of_the_kind_written() -> None:
    (first, second) = problems("name: a\narms:\n  - {kind: cash, amount_us: 1}\n")
    assert first == "w.yaml:3: arms.0.amount_usd: is required and missing"
    assert second == "w.yaml:3: arms.0.amount_us: unknown key: did you mean 'amount_usd'?"


def test_the_tag_of_a_union_is_no_part_of_the_printed_path_even_where_a_key_is_named_alike() -> None:
    assert problems("name: a\narms:\n- kind: credit\n  credit: b\n  line_usd: 10\n")[0].startswith(
        "w.yaml:4: arms.0.credit: "
    )
    assert problems("name: a\narms:\n- kind: credit\n  line_usd: 11\n") == [
        "w.yaml:3: arms.0: line_usd must be a multiple of 10"
    ]


def test_an_unknown_kind_names_the_known_ones() -> None:
    (only,) = problems("name: a\narms:\n- kind: cahs\n")
    assert only.startswith("w.yaml:3: arms.0")
    assert "'cash'" in only
    assert "'credit'" in only


def test_a_key_written_twice_is_refused_and_other_problems_are_still_told() -> None:
    assert problems("name: a\nname: b\nusers: 0\n") == [
        "w.yaml:1: name: this key is written twice, on lines 1 and 2",
        "w.yaml:3: users: input should be greater than or equal to 1; got 0",
    ]


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("3", 3.0), ("+1.e2", 100.0)])
def test_numbers_are_read_as_yaml_12_reads_them(text: str, number: float) -> None:
    assert load_text(World, f"name: a\nrate: {text}").rate == number


@pytest.mark.parametrize("text", ["yes", "on", "2024-01-01", "1:30", "1_000", '"1"'])
def test_text_is_never_turned_into_a_number_or_a_truth_value(text: str) -> None:
    assert load_text(World, f"name: {text}").name == text.strip('"')
    assert problems(f"name: a\nrate: {text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "w.yaml:1: not readable as YAML"),
        ("a: 1\n\tb: 2", "w.yaml:2: not readable as YAML"),
        ("- 1", "w.yaml:1: must hold `key: value` lines, got a list"),
        ("just text", "must hold `key: value` lines, got a str"),
        ("name: &n x\nsources: {a: *n}", "w.yaml:2: not readable as YAML: alias *n: write the value out"),
        ("name: a\nrate: !!python/object:os.system x", "w.yaml:2: rate: 'x' cannot be read as"),
        ("[" * 4000, "nested deeper"),
        ("name: a\x00", "not readable as YAML"),
        ("", "name: is required and missing"),
        ("? [a, b]\n: 1\nname: a", "line 1: a key must be plain text"),
    ],
)
def test_what_is_no_configuration_is_refused_without_a_traceback_of_yaml(text: str, said: str) -> None:
    assert any(said in p for p in problems(text))


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e999"])
def test_a_number_that_is_not_finite_never_reaches_a_world(text: str) -> None:
    assert any("w.yaml:2: rate: must be a finite number" in p for p in problems(f"name: a\nrate: {text}"))
    assert any("override: rate: must be a finite number" in p for p in problems("name: a", f"rate={text}"))
    assert any("override: rate: must be a finite number" in p for p in problems("name: a", {"rate": float("nan")}))


def test_overrides_set_list_items_and_nested_keys_and_are_blamed_as_overrides() -> None:
    text = "name: a\narms:\n  - {kind: cash, amount_usd: 1}\n"
    inner: dict[str, object] = {"inner": {"kind": "cash", "amount_usd": 1}}
    changes = ("sources.rate=assumed", inner, "inner.amount_usd=3")
    world = load_text(World, text, overrides=("arms.0.amount_usd=2.5", *changes))
    assert world.arms[0] == Cash(kind="cash", amount_usd=2.5)
    assert world.sources == {"rate": "assumed"}
    assert world.inner == Cash(kind="cash", amount_usd=3)
    assert problems(text, "arms.0.amount_usd=-2") == [
        "override: arms.0.amount_usd: input should be greater than 0; got -2"
    ]
    assert problems(text, "usres=2", {"inner": {"kind": "cash"}}) == [
        "override: inner.amount_usd: is required and missing",
        "override: usres: unknown key: did you mean 'users'?",
    ]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("users", "override: 'users': an override is written"),
        ("=3", "override: '=3'"),
        ("arms.4.kind=cash", "override: arms.4.kind: arms.4: the list has 1 entries"),
        ("name.first=x", "override: name.first: name.first: cannot be set inside name"),
        ("weeks=[1", "override: weeks: not readable as YAML"),
    ],
)
def test_an_override_that_cannot_be_applied_is_named(override: str, said: str) -> None:
    assert any(p.startswith(said) for p in problems("name: a\narms:\n- {kind: cash, amount_usd: 1}", override))


def test_a_merged_mapping_replaces_lists_and_keeps_the_keys_beside() -> None:
    text = "name: a\nweeks: [1, 2, 3]\nsources: {x: s, y: t}\n"
    world = load_text(World, text, overrides=[{"weeks": (9,), "sources": {"y": "u"}}])
    assert world.weeks == (9,)
    assert world.sources == {"x": "s", "y": "u"}


def test_a_missing_file_is_named_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "fintech.yaml").write_text("name: a")
    with pytest.raises(ConfigError, match=r"fintch\.yaml: no such file: did you mean 'fintech\.yaml'\?"):
        load(World, tmp_path / "fintch.yaml")
    with pytest.raises(ConfigError, match="nor a folder"):
        load(World, tmp_path / "nowhere" / "x.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read as UTF-8"):
        load(World, tmp_path / "latin.yaml")


def test_the_hash_depends_on_what_the_configuration_says_and_not_on_how_it_is_written() -> None:
    short = load_text(World, "name: a")
    spelled = load_text(World, "# the same\nrate: 5e-1\nname: 'a'\nusers: 10")
    assert config_hash(short) == config_hash(spelled)
    larger = load_text(World, "name: a\nusers: 11")
    assert config_hash(short) != config_hash(larger)
    assert config_hash(short, exclude={"users"}) == config_hash(larger, exclude={"users"})


@given(st.text(max_size=40), st.integers(1, 10**9), st.floats(allow_nan=False, allow_infinity=False))
def test_the_canonical_text_reads_back_as_the_same_model(name: str, users: int, rate: float) -> None:
    world = World(name=name, users=users, rate=rate)
    assert World.model_validate_json(canonical(world)) == world


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_text_at_all_escapes_as_anything_but_a_config_error(text: str, override: str) -> None:
    with contextlib.suppress(ConfigError):
        load_text(World, text, overrides=[override])
