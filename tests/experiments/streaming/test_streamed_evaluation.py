"""A log that is streamed says what it says in memory, with the same bits for any number of workers and cut in files."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments import estimators, reward_model
from experiments.cli import main
from experiments.estimators._discovery import Spec
from experiments.log_source import open_source
from experiments.streaming import LogStream, evaluate_stream, open_stream
from experiments.streaming.blocks import BLOCK
from experiments.streaming.command import plain_policies
from experiments.streaming.model import RidgeSums
from rage_env.errors import InputError, LogError
from rage_env.log import CohortLog, LogMeta, Reports, WeekLog
from rage_env.outcomes import IMMEDIATE

NAMES: list[Spec] = ["naive", "dm", "ips", "snips", "dr", "sndr", {"kind": "clipped_ips", "lambda": "mse"}]
USERS, WEEKS, K = 50_000, 3, 3
COLUMNS = ["value", "lower", "upper", "stderr", "ess", "max_weight", "mean_weight", "skew", "n_users", "n_rows"]


def week_of(week: int, users: int = USERS) -> pa.Table:
    rng = np.random.default_rng(week)
    x = rng.normal(size=(users, 2))
    probs = 0.8 * rng.dirichlet(np.ones(K), users) + 0.2 / K
    arm = (rng.random((users, 1)) > probs.cumsum(axis=1)).sum(axis=1).clip(max=K - 1)
    gone = np.arange(users) % 50 < week
    probs, arm = np.where(gone[:, None], np.eye(K)[0], probs), np.where(gone, 0, arm)
    return pa.table(
        {
            "user_id": 7 + 2 * np.arange(users),  # odd ids only: half of the span is nobody
            "week": np.full(users, week, np.int32),
            "present": ~gone,
            "arm": arm.astype(np.int16),
            "propensity": probs[np.arange(users), arm],
            "reward": np.where(gone, 0, x[:, 0] + arm * x[:, 1] + rng.normal(size=users)),
            "active": np.where(gone, 0, 1.0 + (arm > 0)),
            "x_one": x[:, 0],
            "x_two": 1e6 + x[:, 1],  # far from zero: squares would lose the digits
            **{f"prob_{a}": probs[:, a] for a in range(K)},
        }
    )


@pytest.fixture(scope="module")
def whole() -> pa.Table:
    return pa.concat_tables([week_of(w) for w in range(WEEKS)])


def written(folder: Path, table: pa.Table, files: int, group: int = 40_000) -> Path:
    folder.mkdir()
    bounds = np.linspace(0, table.num_rows, files + 1).astype(int)
    for i in range(files):
        part = table.slice(bounds[i], bounds[i + 1] - bounds[i])
        pq.write_table(part, folder / f"part-{i}.parquet", row_group_size=group)
    return folder


def asked(stream: LogStream, workers: int = 1, metric: str = "reward") -> pd.DataFrame:
    return evaluate_stream(stream, plain_policies(stream), NAMES, metric, workers=workers)


def test_any_number_of_workers_and_files_gives_the_same_bits(whole: pa.Table, tmp_path: Path) -> None:
    assert whole.num_rows > BLOCK
    found = [
        asked(open_stream(written(tmp_path / f"{files} {workers}", whole, files, group)), workers)
        for files, workers, group in ((1, 1, 300_000), (2, 2, 40_000), (4, 4, 7_001))
    ]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other, check_exact=True)


@pytest.mark.parametrize("metric", ["reward", "reward/active"])
def test_streamed_and_in_memory_answers_agree(whole: pa.Table, tmp_path: Path, metric: str) -> None:
    stream = open_stream(written(tmp_path / "log", whole, 2))
    streamed = asked(stream, 2, metric)
    for policy, target in plain_policies(stream)(whole).items():
        here = streamed[streamed["policy"] == policy].reset_index(drop=True)
        there = estimators.evaluate(whole, target, NAMES, metric=metric)
        assert here["estimator"].tolist() == there["estimator"].tolist()
        assert here["evaluable"].tolist() == there["evaluable"].tolist()
        np.testing.assert_allclose(here[COLUMNS].to_numpy(float), there[COLUMNS].to_numpy(float), rtol=2e-5, atol=1e-6)
        plain = [i for i, n in enumerate(here["estimator"]) if n in ("naive", "ips", "snips")]
        np.testing.assert_array_equal(  # no model between: to the last bit
            here.loc[plain, ["value", "stderr", "ess"]].to_numpy(),
            there.loc[plain, ["value", "stderr", "ess"]].to_numpy(),
        )


def test_a_model_from_sums_is_the_model_from_rows_and_never_saw_the_user(whole: pa.Table) -> None:
    features, arm = reward_model.features_of(whole), np.asarray(whole["arm"].to_numpy()).astype(np.int64)
    y = np.asarray(whole["reward"].to_numpy())
    folds = reward_model.folds_of(whole["user_id"])
    in_memory = reward_model.cross_fit(features, arm, y, folds, K, dtype=np.float64)
    sums = RidgeSums(2, K, 2, ("reward",))
    for rows in np.array_split(np.arange(len(arm)), 7):
        sums.add(features[rows], arm[rows], folds[rows], {"reward": y[rows]})
    np.testing.assert_allclose(sums.fit().predict("reward", features, folds), in_memory, atol=1e-7)
    bent = RidgeSums(2, K, 2, ("reward",))
    bent.add(features, arm, folds, {"reward": np.where(folds == 0, 1e3, y)})
    mine = folds == 0
    np.testing.assert_allclose(bent.fit().predict("reward", features, folds)[mine], in_memory[mine], atol=1e-6)
    assert np.abs(bent.fit().predict("reward", features, folds)[~mine] - in_memory[~mine]).min() > 1


def test_rows_do_not_add_to_the_memory(tmp_path: Path) -> None:
    peaks = []
    for weeks in (8, 24):
        table = pa.concat_tables([week_of(w, 40_000) for w in range(weeks)])
        stream = open_stream(written(tmp_path / str(weeks), table, 1))
        del table
        tracemalloc.start()
        evaluate_stream(stream, plain_policies(stream), ["ips", "snips"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0], peaks


@pytest.mark.parametrize("week", [0, 2])
def test_a_repeated_row_is_noticed_in_its_block_and_across_blocks(whole: pa.Table, tmp_path: Path, week: int) -> None:
    table = pa.concat_tables([whole, whole.slice(week * USERS + 11, 1)])
    stream = open_stream(written(tmp_path / "log", table, 1))
    says = rf"columns user_id, week, row 150000: user {7 + 22} stands twice in week {week}"
    with pytest.raises(LogError, match=says):
        evaluate_stream(stream, plain_policies(stream), ["ips"])


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("reward", np.inf, "column reward, row 140003: must be finite; got inf"),
        ("propensity", 0.123, r"column propensity, row 140003: must equal the prob_\* entry"),
        ("arm", 5, "column arm, row 140003: must be one of the 3 arms"),
    ],
)
def test_a_broken_row_is_named_by_its_place_in_the_whole_log(
    whole: pa.Table, tmp_path: Path, column: str, value: float, says: str
) -> None:
    held = np.asarray(whole[column].to_numpy()).copy()
    held[140_003] = value
    table = whole.set_column(whole.column_names.index(column), column, pa.array(held))
    stream = open_stream(written(tmp_path / "log", table, 2))
    with pytest.raises(LogError, match=says):
        evaluate_stream(stream, plain_policies(stream), ["ips"], workers=2)


def test_a_gap_in_a_metric_that_is_no_reward_is_named_by_its_place_in_the_whole_log(
    whole: pa.Table, tmp_path: Path
) -> None:
    held = np.ones(whole.num_rows)
    held[140_003] = np.nan
    stream = open_stream(written(tmp_path / "log", whole.append_column("visits", pa.array(held)), 2))
    with pytest.raises(LogError, match="column visits, row 140003: a metric must be finite; got nan"):
        evaluate_stream(stream, plain_policies(stream), ["ips"], "visits")


def test_what_cannot_be_streamed_says_why(whole: pa.Table, tmp_path: Path) -> None:
    stream = open_stream(written(tmp_path / "log", whole.slice(0, 1000), 1))
    with pytest.raises(InputError, match="estimators pdis: read the whole log before they answer"):
        evaluate_stream(stream, plain_policies(stream), ["ips", "pdis"])
    names = whole.slice(0, 10).set_column(0, "user_id", pa.array([f"u{i}" for i in range(10)]))
    with pytest.raises(LogError, match="column user_id must hold whole numbers to be streamed, holds string"):
        open_stream(written(tmp_path / "names", names, 1))
    bare = whole.slice(0, 10).drop_columns([f"prob_{a}" for a in range(K)])
    with pytest.raises(LogError, match="nothing names the arms; give them with --arms"):
        open_stream(written(tmp_path / "bare", bare, 1))
    with pytest.raises(LogError, match=r"lacks the columns \['arm'\]; it has \['user_id'"):
        open_stream(written(tmp_path / "less", bare.drop_columns("arm"), 1), ["a", "b", "c"])
    with pytest.raises(LogError, match="no Parquet files"):
        open_stream(tmp_path / "nowhere")
    hidden = bare.set_column(4, "propensity", pa.array(np.full(10, np.nan)))
    secret = open_stream(written(tmp_path / "hidden", hidden, 1), ["a", "b", "c"])
    with pytest.raises(LogError, match="propensities are withheld"):
        evaluate_stream(secret, plain_policies(secret), ["ips"])


def test_the_command_streams_a_log_of_ours_and_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """400 users of two-seat accounts, late losses joined in: the same as the report in memory."""
    rng = np.random.default_rng(0)
    weeks, users = [], np.arange(400)
    for week in range(3):
        unit = users // 2
        arm = rng.integers(0, 2, 200)[unit]
        columns = {c: np.zeros(400, np.float32) for c in IMMEDIATE}
        columns["revenue_gross"] = (rng.exponential(2, 400) + arm).astype(np.float32)
        half, x = np.full(400, 0.5, np.float32), rng.normal(size=(400, 1)).astype(np.float32)
        probs = np.stack([half, half], axis=1)
        weeks.append(WeekLog(week, users, unit, np.ones(400, np.bool_), arm, half, x, columns, probs))
    late = Reports(users[:9], np.zeros(9, np.int32), np.ones(9, np.int32), np.zeros(9, np.int8), np.ones(9, np.float32))
    CohortLog(LogMeta(("no_offer", "bonus"), ("x",)), tuple(weeks), late).write(tmp_path / "log")
    assert (
        main(["evaluate", str(tmp_path / "log"), "--stream", "--estimator", "ips", "--estimator", "dr", "--json"]) == 0
    )
    told = capsys.readouterr()
    assert "summing: 1,200 of 1,200 rows" in told.err
    values = {(v["policy"], v["estimator"]): v for v in json.loads(told.out)["values"]}
    source = open_source(tmp_path / "log")
    for policy, target in source.policies().items():
        found = estimators.evaluate(source.table, target, ["ips", "dr"], clusters="unit")
        for line in found.to_dict("records"):
            mine = values[policy, line["estimator"]]
            assert mine["n_users"] == 200
            assert mine["value"] == pytest.approx(line["value"], rel=1e-6)
            assert mine["stderr"] == pytest.approx(line["stderr"], rel=1e-5)
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "gone"), "--stream"]) == 2
    assert "no Parquet files" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "log"), "--stream", "--drop-invalid", "--limit", "1"]) == 2
    refused = capsys.readouterr().err
    assert "--drop-invalid, --limit: cannot stand beside --stream, which takes --address, --arms" in refused
    assert main(["evaluate", str(tmp_path / "log"), "--stream", "--arms", "bonus,no_offer"]) == 2
    assert "--arms bonus, no_offer, but the log's own are no_offer, bonus" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "log"), "--arms", "a,b"]) == 2
    assert "--arms: belongs to --stream" in capsys.readouterr().err
