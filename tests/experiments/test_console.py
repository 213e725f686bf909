"""Tables stay readable on a narrow terminal: headers fold before columns are cut into blocks, and no cell is lost."""

from __future__ import annotations

import pytest

from experiments.console import print_rows

ROWS = [{"agent": "random", "first_long_name": "0.10", "second_long_name": "0.25"}]


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    print_rows(ROWS)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (41, ["agent   first_long_name  second_long_name", "random  0.10             0.25"]),
        (40, ["        first_  second_", "agent   long_name  long_name", "random  0.10       0.25"]),
        (27, ["       first_ second_", "agent  long_name long_name", "random 0.10 0.25"]),
        (25, ["agent   first_long_name", "random  0.10", "agent   second_long_name", "random  0.25"]),
    ],
)
def test_columns_are_cut_into_blocks_only_where_folded_headers_do_not_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, lines: list[str]
) -> None:
    found = shown(capsys, monkeypatch, width)
    assert [line.split() for line in found] == [line.split() for line in lines]
    assert max(map(len, found)) <= width


def test_a_table_of_nothing_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([])
    assert capsys.readouterr().out == ""
