"""Logs in the forms of other libraries say there what they say here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from experiments import estimators
from experiments.cli import main
from experiments.exports import to_minari, to_obp, to_vw, write_obp
from rage_env.errors import LogError

USERS, WEEKS, K = 60, 4, 3


def log(**changes: object) -> pa.Table:
    """Week by week; users whose number divides by five leave after two weeks."""
    rng = np.random.default_rng(0)
    n = USERS * WEEKS
    user, week = np.tile(np.arange(USERS), WEEKS), np.repeat(np.arange(WEEKS), USERS)
    gone = (user % 5 == 0) & (week >= 2)
    probs = np.where(gone[:, None], np.eye(K)[0], 0.8 * rng.dirichlet(np.ones(K), n) + 0.2 / K)
    arm = (rng.random((n, 1)) > probs.cumsum(axis=1)).sum(axis=1).clip(max=K - 1)
    held: dict[str, object] = {
        "user_id": user,
        "week": week,
        "present": ~gone,
        "arm": arm,
        "propensity": probs[np.arange(n), arm],
        "reward": np.where(gone, 0.0, rng.normal(size=n) + arm),
        "x_age": rng.normal(size=n),
        "x_is new:yes": rng.integers(0, 2, n).astype(np.float64),
        **{f"prob_{a}": probs[:, a] for a in range(K)},
    }
    return pa.table({**held, **changes})


def test_obp_gets_its_arrays_of_those_who_are_present() -> None:
    table = log()
    found = to_obp(table, K)
    here = np.asarray(table["present"].to_numpy())
    assert found["n_rounds"] == here.sum() < len(here)
    assert found["n_actions"] == K
    assert found["position"] is None
    assert found["context"].shape == (here.sum(), 2)
    assert found["pi_b"].shape == (here.sum(), K, 1)
    np.testing.assert_array_equal(found["action"], table["arm"].to_numpy()[here])
    taken = found["pi_b"][np.arange(found["n_rounds"]), found["action"], 0]
    np.testing.assert_allclose(taken, found["pscore"])


def test_obps_formulas_on_the_exported_arrays_give_our_numbers() -> None:
    """obp's ips, snips, dm and dr as its documentation writes them, on `bandit_feedback` and an action_dist."""
    table = log().filter(log()["present"])
    found = to_obp(table, K)
    n = found["n_rounds"]
    action_dist = np.random.default_rng(1).dirichlet(np.ones(K), n)[:, :, None]
    q = np.random.default_rng(2).normal(size=(n, K, 1))
    iw = action_dist[np.arange(n), found["action"], 0] / found["pscore"]
    q_factual = q[np.arange(n), found["action"], 0]
    dm = (q * action_dist)[:, :, 0].sum(axis=1)
    theirs = {
        "ips": (iw * found["reward"]).mean(),
        "snips": (iw * found["reward"]).mean() / iw.mean(),
        "dm": dm.mean(),
        "dr": (dm + iw * (found["reward"] - q_factual)).mean(),
        "sndr": (dm + iw * (found["reward"] - q_factual) / iw.mean()).mean(),
    }
    ours = estimators.evaluate(table, action_dist[:, :, 0], list(theirs), q_hat=q[:, :, 0])
    np.testing.assert_allclose(ours["value"], list(theirs.values()), rtol=1e-12)


def test_vowpal_wabbit_reads_every_line_and_its_ips_is_ours(tmp_path: Path) -> None:
    """Its average loss of a policy that always takes arm 1 would need learning; what it counts and parses is compared:
    examples, and the cost that `--cb_type ips` reports for its own first, constant choice."""
    import vowpalwabbit

    table, file = log(), tmp_path / "log.vw"
    lines = to_vw(table, K, file)
    here = table.filter(table["present"])
    assert lines == here.num_rows == len(file.read_text().splitlines())
    first = file.read_text().splitlines()[0]
    arm, cost, chance = first.split(" ")[0].split(":")
    assert int(arm) == here["arm"][0].as_py() + 1
    assert float(cost) == -here["reward"][0].as_py()
    assert float(chance) == here["propensity"][0].as_py()
    assert "|x age:" in first
    assert "is_new_yes:1.0" in file.read_text()
    vw = vowpalwabbit.Workspace(f"--cb {K} --cb_type ips -t --quiet -d {file}")  # -t: never learns, always action 1
    weight = np.where(here["arm"].to_numpy() == 0, 1 / here["propensity"].to_numpy(), 0)
    assert vw.get_sum_loss() == pytest.approx(-float(weight @ here["reward"].to_numpy()), rel=1e-4)
    vw.finish()


def test_minari_loads_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    table = log()
    to_minari(table, K, "rage/shop-v0", users=20)
    found = minari.load_dataset("rage/shop-v0")
    assert found.total_episodes == 20
    assert found.action_space.n == K
    rows = {(r["user_id"], r["week"]): r for r in table.to_pylist()}
    by_reward = {tuple(rows[u, w]["reward"] for w in range(2)): u for u in range(USERS)}
    ended = 0
    for episode in found.iterate_episodes():
        user = by_reward[tuple(episode.rewards[:2])]
        stays = user % 5 != 0
        assert len(episode.actions) == (WEEKS if stays else 2)
        assert [rows[user, w]["arm"] for w in range(len(episode.actions))] == episode.actions.tolist()
        np.testing.assert_allclose(episode.observations[0][0], rows[user, 0]["x_age"], rtol=1e-6)
        np.testing.assert_allclose(episode.infos["propensity"][0], rows[user, 0]["propensity"])
        assert bool(episode.terminations[-1]) == (not stays)
        assert bool(episode.truncations[-1]) == stays
        ended += not stays
    assert 0 < ended < 20
    with pytest.raises(LogError, match="a data set rage/shop-v0 is there already"):
        to_minari(table, K, "rage/shop-v0")


def test_logs_that_withhold_propensities_or_are_broken_are_not_exported(tmp_path: Path) -> None:
    hidden = log(propensity=np.full(USERS * WEEKS, np.nan)).drop_columns([f"prob_{a}" for a in range(K)])
    with pytest.raises(LogError, match="export to obp: the log withholds its propensities"):
        to_obp(hidden, K)
    with pytest.raises(LogError, match="export to vw: the log withholds its propensities"):
        to_vw(hidden, K, tmp_path / "x.vw")
    with pytest.raises(LogError, match="must be one of the 2 arms"):
        to_obp(log(), 2)


def test_weeks_that_are_words_reach_obps_file_without_a_pickle(tmp_path: Path) -> None:
    words = [f"w{w}" for w in np.repeat(np.arange(WEEKS), USERS)]
    write_obp(log(week=words), K, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as held:
        assert held["week"][0] == "w0"


MAPPING = """name: shop
source: invented
file: shop.csv
unit: customer
arm_column: offer
arms:
  - { name: nothing, value: none, propensity: 1/4 }
  - { name: coupon, value: coupon, propensity: 3/4 }
outcomes: [{ name: sales, unit: usd, column: sold }]
covariates: { numeric: [age] }
"""


def test_the_command_writes_files_counts_what_it_drops_and_replaces_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.yaml").write_text(MAPPING)
    lines = ["customer,offer,sold,age", "ann,none,1.5,30", "bob,coupon,,40", "eve,voucher,3,50", "joe,coupon,2,60"]
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")
    asked = ["export", str(tmp_path / "shop.yaml"), "--to", "obp", "--out", str(tmp_path / "a.npz"), "--json"]
    assert main(asked) == 2
    assert "column offer, row 2: 'voucher' is none of 'none', 'coupon'" in capsys.readouterr().err
    assert main([*asked, "--drop-invalid"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["count"] == 2
    assert told["notes"] == [
        "dropped 2 of 4 rows (offer: must be an arm of the mapping: 1; sold: must not be empty: 1)"
    ]
    with np.load(tmp_path / "a.npz", allow_pickle=False) as held:
        assert held["action"].tolist() == [0, 1]
        assert held["user_id"].tolist() == ["ann", "joe"]
    assert main([*asked, "--drop-invalid"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*asked[:5], str(tmp_path / "a.txt"), "--drop-invalid"]) == 2
    assert (
        main(["export", str(tmp_path / "shop.yaml"), "--to", "vw", "--out", str(tmp_path / "a.vw"), "--drop-invalid"])
        == 0
    )
    assert (tmp_path / "a.vw").read_text().splitlines()[1] == "2:-2.0:0.75 |x age:60.0"
