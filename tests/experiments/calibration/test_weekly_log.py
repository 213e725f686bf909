"""A weekly log is read as it is meant, and what is wrong with it is told by column, user and week."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.calibration.weekly_log import read_target
from experiments.cli import main
from rage_env.errors import ConfigError, LogError

USERS, WEEKS = 60, 12


def log() -> pd.DataFrame:
    """A dense log: every user in every week, active at random, spending when active."""
    rng = np.random.default_rng(1)
    user, week = np.divmod(np.arange(USERS * WEEKS), WEEKS)
    active = (rng.random(len(user)) < rng.beta(1, 1, USERS)[user]).astype(int)
    spend = np.where(active, rng.lognormal(3, 1, len(user)), 0.0).round(2)
    return pd.DataFrame({"user_id": user + 1_000, "week": week, "active": active, "gmv": spend})


def written(frame: pd.DataFrame, folder: Path, name: str = "log.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def at(frame: pd.DataFrame, user: int, week: int) -> pd.Series:
    return (frame["user_id"] == user) & (frame["week"] == week)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_a_dense_log_is_read_with_its_people_weeks_and_spend(tmp_path: Path, name: str) -> None:
    target = read_target(written(log(), tmp_path, name))
    assert (target.design.users, target.design.weeks, target.design.departures) == (USERS, WEEKS, "none")
    assert target.moments["activity_mean"] == pytest.approx(log()["active"].mean())
    spent = log().query("gmv > 0")["gmv"]
    assert target.moments["spend_per_active_week"] == pytest.approx(spent.mean())
    assert not any(m.startswith("survival") for m in target.moments)


def test_rows_in_any_order_under_any_names_tell_the_same(tmp_path: Path) -> None:
    plain = read_target(written(log(), tmp_path))
    foreign = log().sample(frac=1, random_state=3)
    foreign = foreign.rename(columns={"user_id": "kunde", "week": "kw", "gmv": "umsatz"})
    foreign["kunde"] = "K" + foreign["kunde"].astype(str)
    foreign["kw"] += 30
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("user_id: kunde\nweek: kw\ngmv: umsatz\n")
    found = read_target(written(foreign, tmp_path, "fremd.csv"), mapping=mapping)
    assert found.moments == pytest.approx(dict(plain.moments))


def test_those_whose_rows_end_have_left_with_or_without_a_column_that_says_so(tmp_path: Path) -> None:
    frame = log()
    leaves = {1_000 + u: 2 + u % 8 for u in range(30)}
    stays = frame["week"] <= frame["user_id"].map(leaves).fillna(WEEKS)
    ended = read_target(written(frame[stays], tmp_path))
    assert ended.design.departures == "seen"
    assert ended.moments["survival_100"] == pytest.approx(0.5)
    said = frame[stays].assign(churned=lambda f: (f["week"] == f["user_id"].map(leaves)).astype(int))
    assert read_target(written(said, tmp_path)).moments == pytest.approx(dict(ended.moments))


def test_a_sparse_log_counts_missing_weeks_as_idle_and_departures_as_unseen(tmp_path: Path) -> None:
    frame = log()
    first = frame[(frame["active"] == 1) | (frame["week"] == 0)]
    target = read_target(written(first.drop(columns="active"), tmp_path), sparse=True)
    assert target.design.departures == "unseen"
    assert target.design.active_within == WEEKS
    assert target.moments["activity_mean"] == pytest.approx(frame["active"].mean())


def test_who_joined_later_is_left_out_and_counted(tmp_path: Path) -> None:
    frame = log()
    late = (frame["user_id"] >= 1_050) & (frame["week"] < 3)
    target = read_target(written(frame[~late], tmp_path))
    assert target.design.users == 50
    assert any("10 users joined after the first week" in note for note in target.notes)


def test_contacts_are_counted_and_their_effects_said_to_be_assumed(tmp_path: Path) -> None:
    frame = log().assign(contacts=lambda f: (f["user_id"] % 4 == 0).astype(int))
    target = read_target(written(frame, tmp_path))
    assert target.design.contact_share == pytest.approx(0.25)
    assert any("status-quo arm and its assumed effects" in note for note in target.notes)


def negative(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[at(frame, 1_007, 3), ["active", "gmv"]] = [1, -5.0]
    return frame


def idle_spender(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[at(frame, 1_007, 3), ["active", "gmv"]] = [0, 5.0]
    return frame


def not_a_number(frame: pd.DataFrame) -> pd.DataFrame:
    frame["gmv"] = frame["gmv"].astype(object)
    frame.loc[at(frame, 1_007, 3), "gmv"] = "five"
    return frame


BROKEN: list[tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    ("columns", lambda f: f.drop(columns=["week", "gmv", "active"]), "columns: week, active or gmv missing"),
    ("a gap in the weeks", lambda f: f[~f["week"].isin([3, 7])], "no rows at all for weeks 3, 7 between 0 and 11"),
    ("one week", lambda f: f[f["week"] == 4], "holds week 4 alone; give at least 8 weeks"),
    ("dates", lambda f: f.assign(week=pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * f["week"], "D")), "got date32"),
    ("few weeks", lambda f: f[f["week"] < 5], "5 weeks are too few"),
    ("half a week", lambda f: f.assign(week=f["week"] + 0.5), "must be a whole number"),
    ("negative spend", negative, r"column gmv, user 1007, week 3: must not be negative, got -5 \(1 such rows\)"),
    ("idle spender", idle_spender, "user 1007, week 3: must be 0 in a week that is not active, got 5"),
    ("no number", not_a_number, r"column gmv \(gmv\): must hold numbers"),
    ("counts", lambda f: f.assign(active=3 * f["active"]), "column active, user .*: must be 0 or 1, got 3"),
    ("twice", lambda f: pd.concat([f, f[at(f, 1_007, 3)]]), "user 1007, week 3: stands there more than once"),
    ("nobody active", lambda f: f.assign(active=0, gmv=0.0), "no user is active in any week"),
    ("few users", lambda f: f[f["user_id"] < 1_020], "20 users say too little"),
    ("a user's gap", lambda f: f[~at(f, 1_007, 3)], "user 1007: no row for week 3, though there are rows before and"),
    ("life after churn", lambda f: f.assign(churned=at(f, 1_007, 3).astype(int)), "user 1007, week 4: there is a row"),
    ("no rows", lambda f: f[:0], "the log has no rows"),
    ("empty cell", lambda f: f.assign(gmv=f["gmv"].where(~at(f, 1_007, 3))), "column gmv, row 87: must not be empty"),
]


@pytest.mark.parametrize(("change", "said"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_log_is_refused_by_column_user_and_week(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(LogError, match=said):
        read_target(written(change(log()), tmp_path))


def test_a_mapping_that_names_what_is_not_there_is_refused(tmp_path: Path) -> None:
    path, mapping = written(log(), tmp_path), tmp_path / "mapping.yaml"
    mapping.write_text("gmv: gmvv\n")
    with pytest.raises(LogError, match=r"no column 'gmvv': did you mean 'gmv'\?"):
        read_target(path, mapping=mapping)
    mapping.write_text("gvm: gmv\n")
    with pytest.raises(ConfigError, match="unknown key: did you mean 'gmv'"):
        read_target(path, mapping=mapping)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either a log or --moments FILE"),
        (["log.csv", "--moments", "households"], "give either a log or --moments FILE"),
        (["--moments", "households", "--newborn"], "say how to read a log"),
        (["--moments", "househods"], "did you mean 'households'?"),
        (["nothing.csv"], "nothing.csv: no such log"),
        (["."], "is a folder without log.parquet"),
        (["log.csv", "--draws", "5"], "--draws"),
        (["log.csv", "--out", "mine.txt"], "a scenario file ends in .yaml"),
        (["log.csv", "--out", "nowhere/mine.yaml"], "there is no folder nowhere"),
        (["log.csv", "--scenario", "fintec"], "did you mean 'fintech'?"),
        (["log.csv", "--mapping", "no.yaml"], "no.yaml: no such file"),
        (["broken.csv"], "no rows at all for week 3 between"),
    ],
)
def test_wrong_input_leaves_with_two_and_without_a_traceback(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(log(), tmp_path)
    written(log().query("week != 3"), tmp_path, "broken.csv")
    assert main(["calibrate", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert "Traceback" not in told.err
