"""Whatever is done to a file or a line, the command answers or says what is wrong: never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cli import main

HEADER = "user,week,arm,net,gmv,pre"
FLAGS = [
    *("--unit=user", "--time=week", "--group=arm", "--metric=net", "--denominator=gmv", "--covariate=pre"),
    *("--monitor=group_sequential", "--monitor=ratio_betting", "--limit=.1", "--denominator-cap=50", "--weeks=3"),
]


def lines() -> list[str]:
    rng = np.random.default_rng(0)
    found = [HEADER]
    for week in range(3):
        for user in range(12):
            net, gmv = rng.gamma(2, 1), rng.gamma(2, 20)
            found.append(f"u{user},{week},{'treated' if user % 2 else 'control'},{net:.3f},{gmv:.3f},{user}.5")
    return found


WORDS = st.sampled_from(
    [
        "",
        "-1",
        "0",
        "nan",
        "inf",
        "1e400",
        "99999999999999999999",
        "2026-01-01",
        "x",
        '"',
        "true",
        "\x00",
        "é",
        " ",
        "1,2",
    ]
)
CELL = st.tuples(st.just("cell"), st.integers(0, 36), st.integers(0, 5), WORDS)
LINE = st.tuples(st.sampled_from(["drop", "twice", "cut"]), st.integers(0, 36), st.integers(0, 36), st.just(""))
MUTATIONS = st.lists(st.one_of(CELL, LINE), min_size=1, max_size=4)


def mutated(changes: list[tuple[str, int, int, str]]) -> str:
    rows = lines()
    for what, at, other, word in changes:
        at, other = at % max(1, len(rows)), other % max(1, len(rows))
        if not rows:
            break
        if what == "cell":
            cells = rows[at].split(",")
            cells[other % len(cells)] = word
            rows[at] = ",".join(cells)
        elif what == "drop":
            del rows[at]
        elif what == "twice":
            rows.insert(other, rows[at])
        else:
            rows[at] = rows[at][: other // 2]
    return "\n".join(rows)


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        yield err


@settings(max_examples=150, deadline=None)
@given(MUTATIONS)
def test_no_mutated_file_brings_a_traceback(changes: list[tuple[str, int, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, quiet() as err:
        path = Path(folder) / "data.csv"
        path.write_text(mutated(changes), encoding="utf-8")
        code = main(["monitor", str(path), *FLAGS])
    assert code in (0, 2)
    assert bool(err.getvalue()) == (code == 2)


KEYS = st.sampled_from(["user", "week", "arm", "net", "gmv", "pre"])
SOUND = '{"user":"a","week":0,"arm":"control","net":1,"gmv":2,"pre":1}'
TREES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=6),
)
SENT = st.lists(st.sampled_from([SOUND, "[]", "{}"]) | st.text(max_size=20) | TREES.map(json.dumps), max_size=4)


@settings(max_examples=60, deadline=None)
@given(SENT)
def test_no_line_brings_a_traceback(sent: list[str]) -> None:
    before = sys.stdin
    with quiet() as err:
        sys.stdin = io.TextIOWrapper(io.BytesIO("\n".join(sent).encode("utf-8", "replace")))
        try:
            code = main(["monitor", "-", "--stream", *FLAGS])
        finally:
            sys.stdin = before
    assert code in (0, 2)
    assert bool(err.getvalue()) == (code == 2)
