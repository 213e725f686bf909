"""Ways in which a file goes wrong between its author and us: slips of the hand, of editors, of disks.

A mutation is a tuple of plain data, so that a failing example can be read and typed again.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from experiments.cli import main

WORDS = (
    "", "-1", "0", "1", "nan", ".nan", ".inf", "inf", "1e400", "-1e-400", "99999999999999999999", "2026-01-01", "x",
    '"', "'", "true", "null", "[]", "{}", "[1, [2]]", "{a: 1}", "&a b", "*a", "!!python/object:os.system x", "\t", "é",
    "\x07", "a: b: c", "- - -", "%", "1/3", "1/0", "0x1F", "|", "../x", "..", "no_offer", "fintech",
)  # fmt: skip
FAR = 400

_at = st.integers(0, FAR)
_text = st.one_of(
    st.tuples(st.just("value"), _at, st.sampled_from(WORDS)),
    st.tuples(st.just("key"), _at, st.sampled_from(("kind", "name", "weeks", "a.b", "x", "", "ends"))),
    st.tuples(st.just("drop"), _at, st.just("")),
    st.tuples(st.just("twice"), _at, st.just("")),
    st.tuples(st.just("indent"), _at, st.sampled_from((" ", "   ", "\t", "- "))),
    st.tuples(st.just("insert"), _at, st.sampled_from(WORDS)),
    st.tuples(st.just("cut"), _at, st.just("")),
    st.tuples(st.just("byte"), _at, st.just("")),
)
_cells = st.one_of(
    st.tuples(st.just("cell"), _at, st.integers(0, 9), st.sampled_from(WORDS)),
    st.tuples(st.just("drop"), _at, st.just(0), st.just("")),
    st.tuples(st.just("twice"), _at, st.just(0), st.just("")),
    st.tuples(st.just("cut"), _at, st.integers(0, 30), st.just("")),
    st.tuples(st.just("byte"), _at, st.integers(0, 30), st.just("")),
)
_columns = st.one_of(
    st.tuples(st.just("lose"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("double"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("empty"), st.integers(0, 20), _at),
    st.tuples(st.just("text"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("number"), st.integers(0, 20), st.sampled_from((-1, 0, 7, 10**18))),
    st.tuples(st.just("nested"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("rows"), st.just(0), st.integers(0, 3)),
    st.tuples(st.just("flip"), _at, st.integers(0, 255)),
    st.tuples(st.just("end"), _at, st.just(0)),
)

TEXT = st.lists(_text, min_size=1, max_size=2)
CELLS = st.lists(_cells, min_size=1, max_size=3)
COLUMNS = st.lists(_columns, min_size=1, max_size=2)

T = TypeVar("T")


def throw(drawn: st.SearchStrategy[T], judge: Callable[[T], None], examples: int) -> None:
    """Judge that many mutations; the same ones in every run, and none made smaller, which would take minutes."""
    chosen = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    chosen(given(drawn)(lambda mutation: judge(mutation)))()


def wrong_text(text: str, changes: Sequence[tuple[str, int, str]]) -> bytes:
    """The lines of a YAML file after these slips."""
    rows = text.splitlines()
    broken = False
    for what, at, word in changes:
        if not rows:
            break
        at %= len(rows)
        head, colon, _ = rows[at].partition(":")
        if what == "value":
            rows[at] = f"{head}: {word}" if colon else f"{rows[at][: len(rows[at]) // 2]}{word}"
        elif what == "key":
            indent = len(head) - len(head.lstrip(" -{"))
            rows[at] = f"{head[:indent]}{word}{rows[at][len(head) :]}"
        elif what == "drop":
            del rows[at]
        elif what == "twice":
            rows.insert(at, rows[at])
        elif what == "indent":
            rows[at] = word + rows[at]
        elif what == "insert":
            rows.insert(at, word)
        elif what == "cut":
            rows = [*rows[:at], rows[at][: len(rows[at]) // 2]]
        else:
            broken = True
    data = "\n".join(rows).encode()
    return data[: len(data) // 2] + b"\xff\xfe" + data[len(data) // 2 :] if broken else data


def wrong_cells(table: pa.Table, changes: Sequence[tuple[str, int, int, str]]) -> bytes:
    """The table as CSV after these slips."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(quoting_style="none"))
    rows = sink.getvalue().decode().splitlines()
    broken = False
    for what, at, other, word in changes:
        if not rows:
            break
        at %= min(len(rows), 6) if at % 2 else len(rows)
        if what == "cell":
            cells = rows[at].split(",")
            cells[other % len(cells)] = word
            rows[at] = ",".join(cells)
        elif what == "drop":
            del rows[at]
        elif what == "twice":
            rows.insert(at, rows[at])
        elif what == "cut":
            rows[at] = rows[at][:other]
        else:
            broken = True
    data = "\n".join(rows).encode()
    return data[: len(data) // 2] + b"\xff\x00" + data[len(data) // 2 :] if broken else data


def wrong_parquet(table: pa.Table, changes: Sequence[tuple[str, int, int]], group: int | None = None) -> bytes:
    """The table as Parquet after these changes of columns, and of the file's bytes. group: rows of a row group."""
    for what, at, other in changes:
        if what in ("flip", "end") or not table.num_columns:
            continue
        at %= table.num_columns
        name, n = table.column_names[at], table.num_rows
        new = {
            "text": pa.array(["x"] * n),
            "number": pa.array([other] * n),
            "nested": pa.array([[1, 2]] * n),
            "empty": pa.array(
                [None if i == other % max(1, n) else v for i, v in enumerate(table.column(at).to_pylist())]
            ),
        }
        if what == "lose":
            table = table.remove_column(at)
        elif what == "double":
            table = table.append_column(name, table.column(at))
        elif what == "rows":
            table = table.slice(0, other)
        else:
            table = table.set_column(at, name, new[what])
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, row_group_size=group)
    data = bytearray(sink.getvalue())
    for what, at, other in changes:
        if what == "flip":
            data[(at * 7919) % len(data)] = other
        elif what == "end":
            del data[len(data) * (at % 10) // 10 :]
    return bytes(data)


@contextlib.contextmanager
def sent(lines: bytes) -> Iterator[None]:
    """Standard input holds these bytes."""
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(lines))
    try:
        yield
    finally:
        sys.stdin = before


def told(arguments: Sequence[str]) -> tuple[int, str]:
    """(exit code, what stood on standard error) of a command run in this process; a traceback is an exception."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return code, err.getvalue()
