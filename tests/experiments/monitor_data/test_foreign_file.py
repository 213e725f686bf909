"""A foreign file under our monitors: verdicts that hold by hand, refusals with reasons, mistakes named and placed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.monitor_data.account import Account
from experiments.monitor_data.command import judge
from experiments.monitor_data.declaration import declared
from experiments.monitors import Batch, monitor
from rage_env.errors import InputError

ROLES = {"unit": "user", "time": "week", "group": "arm", "metric": "net"}
FLAGS = [f"--{k}={v}" for k, v in ROLES.items()]
WEEKS = 6


def table(lift: float = 0.0, n: int = 400, treated: float = 0.5, seed: int = 0) -> pd.DataFrame:
    """Weeks of users named by words; a standing level each, and a covariate that knows it."""
    rng = np.random.default_rng(seed)
    arm, level = np.where(rng.random(n) < treated, "treated", "control"), rng.normal(5, 1, n)
    weeks = []
    for week in range(WEEKS):
        net = level + rng.normal(0, 1, n) + lift * (arm == "treated")
        gmv, loss = rng.gamma(2, 20, n), np.where(rng.random(n) < 0.05, 1.0, 0.0)
        columns = {"net": net, "gmv": gmv, "loss": loss, "pre": level}
        weeks.append(pd.DataFrame({"user": [f"u{i:03}" for i in range(n)], "week": week, "arm": arm, **columns}))
    return pd.concat(weeks, ignore_index=True)


def judged(data: pd.DataFrame, tmp_path: Path, **options: object) -> Account:
    path = tmp_path / "data.csv"
    data.to_csv(path, index=False)
    return judge(path, declared(None, {**ROLES, **options}))


def verdict(account: Account, kind: str) -> dict[str, object]:
    verdicts = account.to_json()["verdicts"]
    assert isinstance(verdicts, list)
    found = next(v for v in verdicts if v["monitor"] == kind)
    assert isinstance(found, dict)
    return found


def test_a_file_is_judged_as_the_same_batches_fed_by_hand(tmp_path: Path) -> None:
    data = table(lift=0.6)
    account = judged(data, tmp_path, covariate="pre", monitors=["group_sequential"], weeks=WEEKS)
    by_hand = monitor("group_sequential", weeks=WEEKS, mode="groups", adjust=True)
    for week, rows in data.groupby("week"):
        group = (rows["arm"] == "treated").to_numpy().astype(np.int64)
        value, pre = rows["net"].to_numpy(np.float64), rows["pre"].to_numpy(np.float64)
        state = by_hand.update(Batch(int(str(week)), np.arange(len(rows)), group, value, covariate=pre))
    mine = account.looks[-1].state
    assert (mine.estimate, mine.z, mine.boundary) == pytest.approx((state.estimate, state.z, state.boundary))
    assert mine.verdict == "lift"
    assert mine.null == "H0: 'treated' minus 'control' in mean value per assigned user-week is 0"


def test_no_lift_is_found_where_there_is_none(tmp_path: Path) -> None:
    account = judged(table(), tmp_path, monitors=["group_sequential", "asymptotic_cs"], weeks=WEEKS)
    assert [v.state.verdict for v in account.looks if v.state.week == WEEKS - 1] == ["continue", "futile", "continue"]


def test_a_broken_sample_ratio_refuses_every_comparison(tmp_path: Path) -> None:
    options = {"monitors": ["group_sequential"], "weeks": WEEKS}
    broken = judged(table(lift=2.0, n=600, treated=0.8), tmp_path, **options)
    assert not broken.panel.sample_ratio_holds
    assert "head-counts" in str(verdict(broken, "group_sequential")["reason"])
    assert verdict(broken, "group_sequential")["verdict"] == "refused"
    planned = judged(table(lift=2.0, n=600, treated=0.8), tmp_path, shares={"control": 2, "treated": 8}, **options)
    assert verdict(planned, "group_sequential")["verdict"] == "lift"


def test_every_monitor_has_its_say_or_its_reason(tmp_path: Path) -> None:
    from experiments import monitors

    account = judged(table(), tmp_path)
    kinds = {path[0].monitor: path[-1].state for path in account.paths()}
    assert set(kinds) == set(monitors.names())
    assert all(state.reason for state in kinds.values() if state.verdict == "refused")
    assert "--denominator" in kinds["ratio_betting"].reason
    assert "--prior-sd" in kinds["bayesian"].reason


def test_a_ratio_is_watched_against_its_limit(tmp_path: Path) -> None:
    ratio = {"metric": "loss", "denominator": "gmv", "denominator_cap": 500.0, "max_loss": 1.0, "metric_is": "loss"}
    broken = judged(table(), tmp_path, limit=0.0005, **ratio)
    assert verdict(broken, "ratio_betting")["verdict"] == "harm"
    kept = judged(table(), tmp_path, limit=0.05, **ratio)
    assert verdict(kept, "ratio_betting")["verdict"] == "continue"
    assert verdict(kept, "ratio_certificate")["verdict"] == "certified"


def test_several_groups_share_alpha(tmp_path: Path) -> None:
    data = table(n=600)
    third = data["user"].str[1:].astype(int) % 3 == 0
    data.loc[third, "arm"] = "other"
    shares = {"control": 1.0, "treated": 1.0, "other": 1.0}
    account = judged(data, tmp_path, monitors=["naive_z", "group_sequential"], shares=shares)
    assert account.panel.roster.groups == ("control", "other", "treated")
    made = [s.monitor for s in account.panel.seats[1:]]
    assert [getattr(m, "alpha", None) for m in made] == [0.025] * 4


def test_dates_are_weeks_of_seven_days_since_the_first(tmp_path: Path) -> None:
    data = table()
    data["week"] = (pd.Timestamp("2026-03-02") + pd.to_timedelta(7 * data["week"] + 3, unit="D")).dt.strftime(
        "%Y-%m-%d"
    )
    by_date = judged(data, tmp_path, monitors=["group_sequential"], weeks=WEEKS)
    by_week = judged(table(), tmp_path, monitors=["group_sequential"], weeks=WEEKS)
    assert [v.state.z for v in by_date.looks] == pytest.approx([v.state.z for v in by_week.looks], nan_ok=True)


def test_a_unit_without_a_row_counts_as_nothing_only_where_that_was_said(tmp_path: Path) -> None:
    data = table()
    gone = data[(data["user"] != "u007") | (data["week"] < 4)]
    with pytest.raises(InputError, match=r"week 4.*unit u007 has no row.*--absent zero"):
        judged(gone, tmp_path)
    zero = data.copy()
    zero.loc[(zero["user"] == "u007") & (zero["week"] >= 4), "net"] = 0.0
    told = {"monitors": ["naive_z"]}
    left, filled = judged(gone, tmp_path, absent="zero", **told), judged(zero, tmp_path, **told)
    assert left.looks[-1].state.estimate == pytest.approx(filled.looks[-1].state.estimate)


def test_newcomers_stay_out_of_comparisons_but_are_counted(tmp_path: Path) -> None:
    data = table()
    late = data[(data["user"] != "u007") | (data["week"] > 2)]
    with pytest.raises(InputError, match=r"row \d+ \(unit u007, week 3\): was not there in the first week.*leave_out"):
        judged(late, tmp_path)
    account = judged(late, tmp_path, newcomers="leave_out", monitors=["naive_z"])
    assert [v.state.n_units for v in account.looks][-2:] == [400, 399]
    assert "1 newcomers" in " ".join(account.notes())


def test_rows_of_a_unit_in_one_week_add_up_where_that_was_said(tmp_path: Path) -> None:
    data = table()
    halves = pd.concat([data.assign(net=data["net"] / 2)] * 2).sort_values("week", kind="stable")
    with pytest.raises(InputError, match=r"row 400 \(unit u000, week 0\): has a second row, the first is row 0"):
        judged(halves, tmp_path)
    told = {"monitors": ["naive_z"]}
    whole, added = judged(data, tmp_path, **told), judged(halves, tmp_path, repeats="add", **told)
    assert added.looks[-1].state.z == pytest.approx(whole.looks[-1].state.z)


def test_an_unplanned_look_is_treated_by_the_spending_rule_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = judged(table(lift=1.0), tmp_path, monitors=["group_sequential"], weeks=12, looks=[3, 12], looked=[2])
    reasons = [v.state.reason for v in account.looks if v.monitor == "group_sequential"]
    assert reasons[0] == "between looks"
    assert "unplanned look after 2 weeks, error spent by calendar time, rule obf" in reasons[1]
    assert reasons[2] == ""
    assert "unplanned look after 6 weeks" in reasons[-1]
    account.show()
    shown = " ".join(capsys.readouterr().out.split())
    for weeks in (2, 6):  # one in the middle, which no later state repeats, and one at the end
        assert shown.count(f"unplanned look after {weeks} weeks, error spent by calendar time, rule obf") == 1


Change = Callable[[pd.DataFrame], pd.DataFrame]


def put(column: str, row: int, value: object) -> Change:
    def change(data: pd.DataFrame) -> pd.DataFrame:
        data = data.astype({column: object})
        data.loc[row, column] = value
        return data

    return change


MISTAKES: list[tuple[Change, list[str], str]] = [
    (put("arm", 803, "control2"), [], r"row 803 \(unit u003, week 2\): group 'control2' is none of control, treated"),
    (lambda d: put("arm", 803, {"control": "treated", "treated": "control"}[d["arm"][803]])(d), [],
     r"row 803 \(unit u003, week 2\): is in two groups, now '(control|treated)', before"),
    (put("week", 1203, 0), [], r"row 1203 \(unit u003\): week 0 comes after week 2 of row 803; time runs backwards"),
    (put("gmv", 5, None), ["--metric=loss", "--denominator=gmv"],
     r"row 5 \(unit u005, week 0\): column gmv \(denominator\) is missing"),
    (put("gmv", 5, -1), ["--metric=loss", "--denominator=gmv"], r"row 5 \(unit u005.*a finite number >= 0, got -1"),
    (put("loss", 5, -2), ["--metric=loss", "--metric-is=count"], r"row 5 \(unit u005.*a whole number >= 0, got -2"),
    (put("loss", 5, 2), ["--metric=loss", "--metric-is=event"], r"row 5 \(unit u005.*must be 0 or 1, got 2"),
    (put("net", 5, None), [], r"column net \(metric\), row 5 \(unit u005\): must not be empty \(1 such rows\)"),
    (put("net", 5, "much"), [], r"column net \(metric\): must hold numbers, got string"),
    (put("net", 5, "inf"), [], r"row 5 \(unit u005, week 0\): column net \(metric\) must be a finite number, got inf"),
    (put("pre", 405, 9.0), ["--covariate=pre"], r"row 405 \(unit u005.*the covariate has changed since the first week"),
    (lambda d: d.rename(columns={"net": "nett"}), [], r"metric: the file has no column 'net': did you mean 'nett'\?"),
    (lambda d: d.drop(columns="gmv"), ["--denominator=gmv"], r"has the columns user, week, arm, net, loss, pre"),
    (lambda d: d[d["arm"] == "control"], [], r"week 0 holds one group only, 'control'"),
    (lambda d: d[d["arm"] == "treated"], [], r"week 0 has no group 'control'"),
    (lambda d: d.iloc[:0], [], r"holds no rows below its header"),
    (lambda d: d[d["week"] != 2], [], r"week 3 follows week 1"),
    (lambda d: d, ["--cap=99%"], r"--cap: '99%' would be a quantile of the data that it cuts"),
    (lambda d: d, ["--cap=9", "--cap-week=3"], r"cap_week: the cap draws on 3, the data begin in week 0"),
    (lambda d: d, ["--covariate=pre", "--covariate-week=0"], r"covariate_week: the covariate draws on 0"),
    (lambda d: d, ["--monitor=group_sequental"], r"did you mean 'group_sequential'"),
    (lambda d: d, ["--control=contrl"], r"no group 'contrl': did you mean 'control'"),
    (lambda d: d, ["--looks=two"], r"--looks: must be a number of looks"),
    (lambda d: d, ["--looks=9"], r"9 looks do not fit into 6 weeks"),
    (lambda d: d, ["--metric-is=money"], r"metric_is: .*got \"money\""),
    (lambda d: d, ["--shares=control"], r"--shares: 'control' must be GROUP=WEIGHT"),
    (lambda d: d, ["--denominator=net"], r"column net plays two roles"),
    (lambda d: d, ["--param=edges=[1]"], r"edges belongs to no monitor"),
    (lambda d: d, ["--param=drift.egdes=[1]"], r"drift: no parameter 'egdes'"),
    (lambda d: d, ["--plot=x.pdf"], r"drawn as PNG"),
    (lambda d: d, ["--state=x.zip"], r"--state: goes with a stream"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "flags", "told"), MISTAKES, ids=[told[:40] for _, _, told in MISTAKES])
def test_a_mistake_is_named_with_unit_and_row_and_leaves_with_2(
    change: Change, flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.csv"
    change(table()).to_csv(path, index=False)
    assert main(["monitor", str(path), *FLAGS, *flags]) == 2
    shown = capsys.readouterr()
    assert re.search(told, shown.err), shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe,", b"user,week,arm,net\n", b"user,user\n1,2\n", b"PAR1"])
def test_a_file_that_is_no_table_leaves_with_2(content: bytes, tmp_path: Path) -> None:
    for name in ("data.csv", "data.parquet"):
        (tmp_path / name).write_bytes(content)
        assert main(["monitor", str(tmp_path / name), *FLAGS]) == 2


def test_a_mapping_file_says_what_options_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(lift=1.0).to_parquet(tmp_path / "data.parquet")
    lines = [*(f"{k}: {v}" for k, v in ROLES.items()), "weeks: 6", "looks: [2, 6]", "monitors: [group_sequential]"]
    (tmp_path / "m.yaml").write_text("\n".join([*lines, "params: {group_sequential: {spending: pocock}}"]))
    assert main(["monitor", str(tmp_path / "data.parquet"), "--mapping", str(tmp_path / "m.yaml"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [v["verdict"] for v in shown["verdicts"]] == ["continue", "lift"]
    assert len(shown["path"]) == 2 * WEEKS
    (tmp_path / "m.yaml").write_text("\n".join([*lines, "metrik: net"]))
    assert main(["monitor", str(tmp_path / "data.parquet"), "--mapping", str(tmp_path / "m.yaml")]) == 2
    assert "did you mean 'metric'" in capsys.readouterr().err


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    table(lift=1.0).to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "plot.png"
    flags = ["--metric=loss", "--denominator=gmv", "--denominator-cap=500", "--limit=0.001", f"--plot={out}"]
    assert main(["monitor", str(tmp_path / "data.csv"), *FLAGS[:3], *flags]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_the_command_works_as_a_program_of_its_own(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "data.csv", index=False)
    command = [sys.executable, "-m", "experiments.cli", "monitor", str(tmp_path / "data.csv"), *FLAGS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "H0: 'treated' minus 'control'" in " ".join(done.stdout.split())


def once(rate: float, n: int = 3_000) -> pd.DataFrame:
    """Each unit has one row in all: an event or none, in the week of its treatment."""
    rng = np.random.default_rng(5)
    arm = np.where(rng.random(n) < 0.5, "treated", "control")
    chance = np.where(arm == "treated", rate, 0.01)
    columns = {"week": np.sort(rng.integers(0, WEEKS, n)), "arm": arm, "net": (rng.random(n) < chance).astype(int)}
    return pd.DataFrame({"user": np.arange(n), **columns})


@pytest.mark.parametrize(("rate", "expected"), [(0.04, "harm"), (0.01, "continue")])
def test_units_with_one_row_in_all_are_watched_for_events(rate: float, expected: str, tmp_path: Path) -> None:
    told = {"rows": "once", "metric_is": "event", "limit": 0.015}
    account = judged(once(rate), tmp_path, **told)
    kinds = ("rare_events", "planned_binomial")
    assert {verdict(account, kind)["verdict"] for kind in kinds} == {expected}
    assert verdict(account, "group_sequential")["verdict"] == "refused"
    again = pd.concat([once(rate), once(rate).iloc[:1].assign(week=WEEKS)])
    with pytest.raises(InputError, match=r"row 3000 \(unit 0, week 6\): comes a second time"):
        judged(again, tmp_path, **told)
