"""Reading somebody else's log: what a mapping may say, and what a file may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.foreign_log import read_foreign_log
from experiments.mapping import LogMapping, locate, read_mapping
from rage_env.errors import ConfigError, InputError, LogError

MAPPING = """
name: shop
source: "made up"
file: shop.csv
unit: customer
arm_column: offer
arms:
  - {name: nothing, value: none, propensity: 1/4}
  - {name: coupon, value: coupon, propensity: 0.75}
outcomes:
  - {name: sales, unit: usd, column: sold}
covariates:
  numeric: [age]
  categorical: [city]
"""
ROWS = "customer,offer,sold,age,city\nann,none,0,31,Rome\nbob,coupon,12.5,44,Oslo\ncat,coupon,3,20,Bonn\n"


def written(folder: Path, mapping: str = MAPPING, rows: str = ROWS) -> LogMapping:
    (folder / "shop.yaml").write_text(mapping)
    (folder / "shop.csv").write_text(rows)
    return read_mapping(folder / "shop.yaml")


def test_every_role_finds_its_column(tmp_path: Path) -> None:
    mapping = written(tmp_path)
    table = read_foreign_log(mapping, locate(mapping, tmp_path))
    assert table["user_id"].to_pylist() == ["ann", "bob", "cat"]
    assert table["arm"].to_pylist() == [0, 1, 1]
    assert table["propensity"].to_pylist() == [0.25, 0.75, 0.75]
    assert table["reward"].to_pylist() == table["sales"].to_pylist() == [0.0, 12.5, 3.0]
    assert table["x_age"].to_pylist() == [31.0, 44.0, 20.0]
    assert table["x_city=Oslo"].to_pylist() == [0.0, 1.0, 0.0]
    assert table["x_city=Rome"].to_pylist() == [1.0, 0.0, 0.0]
    assert table["prob_coupon"].to_pylist() == [0.75] * 3


def test_a_third_is_a_third(tmp_path: Path) -> None:
    thirds = MAPPING.replace("1/4", "1/3").replace("0.75", "2/3")
    assert [a.propensity for a in written(tmp_path, thirds).arms] == [1 / 3, 2 / 3]


def test_logged_propensities_are_read_from_their_column(tmp_path: Path) -> None:
    text = MAPPING.replace(", propensity: 1/4", "").replace(", propensity: 0.75", "") + "propensity_column: p\n"
    rows = "\n".join(f"{r},{p}" for r, p in zip(ROWS.splitlines(), ["p", "0.2", "0.9", "0.5"], strict=True))
    table = read_foreign_log(written(tmp_path, text, rows), tmp_path / "shop.csv")
    assert table["propensity"].to_pylist() == [0.2, 0.9, 0.5]
    with pytest.raises(LogError, match=r"column propensity, row 1: must lie in \(0, 1\]; got 0.0"):
        read_foreign_log(written(tmp_path, text, rows.replace("0.9", "0")), tmp_path / "shop.csv")


def test_a_log_without_propensities_says_so_and_is_not_taken_for_a_trial(tmp_path: Path) -> None:
    text = MAPPING.replace(", propensity: 1/4", "").replace(", propensity: 0.75", "") + "propensities: withheld\n"
    table = read_foreign_log(written(tmp_path, text), tmp_path / "shop.csv")
    assert np.isnan(table["propensity"].to_numpy()).all()
    assert not [c for c in table.column_names if c.startswith("prob_")]
    with pytest.raises(ConfigError, match="withheld, yet some are given"):
        written(tmp_path, MAPPING + "propensities: withheld\n")


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("propensity: 1/4", "propensity: 0", "greater than 0"),
        ("propensity: 1/4", "propensity: 1/0", "must be a number or a fraction"),
        ("propensity: 1/4", "propensity: 1/2", "must sum to 1, they sum to 1.25"),
        (", propensity: 1/4", "", "every arm needs its propensity by design"),
        ("outcomes:", "outcome:", "did you mean 'outcomes'"),
        ("arm_column: offer", "arm_column: 3", "arm_column"),
        ("name: coupon,", "name: nothing,", "arm name nothing stands there twice"),
        ("unit: customer", "unit: customer\npropensity_column: p", "not both"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    assert was in MAPPING
    with pytest.raises(ConfigError, match=says) as caught:
        written(tmp_path, MAPPING.replace(was, becomes, 1))
    assert "shop.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("bob,coupon", "bob,voucher", "column offer, row 1: 'voucher' is none of 'none', 'coupon'"),
        ("12.5", "", "column sold, row 1: must not be empty"),
        ("12.5", "lots", r"column sold \(outcome sales\): must hold numbers"),
        ("sold,", "sales,", "outcome sales: the file has no column 'sold'"),
        ("bob", "ann", "user ann has 2 rows in week 0"),
        ("44", "old", r"column age \(covariate\): must hold numbers"),
        ("44", "nan", "column age, row 1: must not be empty"),
    ],
)
def test_a_file_that_breaks_its_mapping_is_refused(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    mapping = written(tmp_path, rows=ROWS.replace(was, becomes, 1))
    with pytest.raises(LogError, match=says):
        read_foreign_log(mapping, locate(mapping, tmp_path))


def test_an_absent_file_is_looked_for_in_the_data_folder_and_the_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = written(tmp_path)
    monkeypatch.setenv("RAGE_DATA", str(tmp_path))
    assert locate(mapping) == tmp_path / "shop.csv"
    monkeypatch.setenv("RAGE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"no file shop.csv; looked at .*Set RAGE_DATA to the folder of the data"):
        locate(mapping)


def test_another_file_than_the_one_described_is_refused(tmp_path: Path) -> None:
    mapping = written(tmp_path, MAPPING + "sha256: " + "a" * 64 + "\n")
    with pytest.raises(InputError, match="the mapping 'shop' was written for aaaa"):
        locate(mapping, tmp_path)


def test_a_design_means_every_row_could_have_got_every_arm(tmp_path: Path) -> None:
    mapping = written(tmp_path)
    table = read_foreign_log(mapping, locate(mapping, tmp_path))
    probs = np.stack([table[c].to_numpy() for c in ("prob_nothing", "prob_coupon")], axis=1)
    np.testing.assert_array_equal(probs, [[0.25, 0.75]] * 3)
