"""From log to policy: better than what was logged by the truth, never praised by those it learned from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import agents
from experiments import estimators
from experiments.acting import arms_of, problem_of, record
from experiments.cli import main
from experiments.cohorts import live
from experiments.config import Floor
from experiments.estimators._base import Floats
from experiments.learning import LearnedPolicy, Limit, learn
from experiments.learning.learn import METHODS, scored
from experiments.learning.scores import How, arm_scores
from experiments.learning.softmax import fit_softmax, softmax
from experiments.log_source import LogSource
from rage_env.cohort import CohortEnv
from rage_env.errors import GuardrailError, InputError, LogError
from rage_env.interface import observe
from rage_env.log import CohortLog, LogMeta, Reports
from rage_env.outcomes import value

ARMS = ("nothing", "nudge", "coupon")


def made(seed: int, users: int = 4_000, noise: float = 1.0, clutter: int = 0) -> tuple[LogSource, Floats]:
    """A log of chance alone, and the true mean rewards (n, k): a nudge is worth x, a coupon .5 - x; it costs 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=users)
    mean = np.column_stack([np.zeros(users), x, 0.5 - x])
    arm = rng.integers(0, 3, users)
    held = {
        "user_id": np.arange(users) + 10**6 * seed,
        "week": np.zeros(users, np.int32),
        "arm": arm,
        "propensity": np.full(users, 1 / 3),
        "reward": mean[np.arange(users), arm] + noise * rng.normal(size=users),
        "cost": (arm == 2).astype(np.float64),
        "x_one": x,
        **{f"x_clutter_{j}": rng.normal(size=users) for j in range(clutter)},
        **{f"prob_{a}": np.full(users, 1 / 3) for a in ARMS},
    }
    return LogSource("made", "invented", pa.table(held), ARMS, ("reward",), "user_id", one_decision=True), mean


def worth(policy: LearnedPolicy, source: LogSource, mean: Floats) -> float:
    return float((policy.probs(source.table) * mean).sum(axis=1).mean())


def test_scores_by_hand() -> None:
    features, arm = np.zeros((2, 0)), np.array([0, 1])
    args = (features, arm, np.array([0.5, 0.25]), np.array([3.0, 1.0]), np.array([0, 1]), 2)
    base = (2 * 3 + 4 * 1) / 6
    found = arm_scores("ips", *args)
    np.testing.assert_allclose(found, [[base + 2 * (3 - base), base], [base, base + 4 * (1 - base)]])


@pytest.mark.parametrize("how", ["ips", "dr"])
def test_scores_are_right_on_average_under_any_policy(how: How) -> None:
    """One log of 60,000: within 4.5 standard errors; scores that forget the propensity are not."""
    source, mean = made(1, users=60_000)
    t = source.table
    arm, y = t["arm"].to_numpy(), t["reward"].to_numpy()
    x, folds = t["x_one"].to_numpy()[:, None], np.arange(60_000) % 2
    target = np.random.default_rng(0).dirichlet(np.ones(3), 60_000)
    off = (target * (arm_scores(how, x, arm, np.full(60_000, 1 / 3), y, folds, 3) - mean)).sum(axis=1)
    assert abs(off.mean()) < 4.5 * off.std() / np.sqrt(60_000)
    if how == "ips":
        forgetful = arm_scores(how, x, arm, np.ones(60_000), y, folds, 3) - mean
        bent = (np.eye(3)[np.where(x[:, 0] > 0, 1, 2)] * forgetful).sum(axis=1)
        assert abs(bent.mean()) > 10 * bent.std() / np.sqrt(60_000)


def test_the_fitted_softmax_is_a_stationary_point_and_masks_hold() -> None:
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(500), rng.normal(size=500)])
    scores, allowed = rng.normal(size=(500, 3)), rng.random((500, 3)) < 0.7
    allowed[:, 0] = True
    lines = fit_softmax(design, scores, allowed)
    probs = softmax(design @ lines, allowed)
    assert (probs[~allowed] == 0).all()

    def objective(at: Floats) -> float:
        held = softmax(design @ at, allowed)
        scaled = (scores - scores.mean(axis=1, keepdims=True)) / scores.std()
        return float((held * scaled).sum(axis=1).mean() - (at**2).sum() / np.sqrt(500) / 2)

    for step in np.eye(6).reshape(6, 2, 3):
        slope = (objective(lines + 1e-4 * step) - objective(lines - 1e-4 * step)) / 2e-4
        assert abs(slope) < 1e-4


@pytest.mark.parametrize("method", list(METHODS))
def test_a_learned_policy_beats_the_log_by_the_truth_and_its_held_out_score_is_honest(method: str) -> None:
    """Five logs. By the truth the log's policy is worth 1/6 and the best one about .85; each learned one must reach .6.
    Pooled z of held-out scores within 4.5."""
    z = []
    for seed in range(5):
        source, mean = made(seed)
        found = learn(source, method)
        fresh, true_mean = made(100 + seed, users=20_000)
        assert worth(found.policy, fresh, true_mean) > 0.6 > float(mean.mean()) + 0.3
        held = found.held_out
        truth = (found.policy.probs(source.table) * mean).sum(axis=1)[held].mean()
        line = found.scores[(found.scores["against"] == "") & (found.scores["estimator"] == "dr")].iloc[0]
        z.append((line["value"] - truth) / line["stderr"])
        better = found.scores[found.scores["against"] == "uniform"]
        assert (better["lower"] > 0).all()
    assert abs(np.sum(z) / np.sqrt(len(z))) < 4.5


def test_on_its_own_rows_a_policy_looks_better_than_it_is_and_is_not_let() -> None:
    """15 small logs, much noise, 25 columns of clutter: pooled z of own-row scores must exceed 4.5 (the control), that
    of held-out scores must not."""
    own: list[float] = []
    others: list[float] = []
    for seed in range(15):
        source, mean = made(seed, users=600, noise=3.0, clutter=25)
        found = learn(source, "dr")
        truth = (found.policy.probs(source.table) * mean).sum(axis=1)
        for mine, z in ((~found.held_out, own), (found.held_out, others)):
            table = source.table.filter(pa.array(mine))
            line = estimators.evaluate(table, found.policy.probs(table), ["dr"]).iloc[0]
            z.append((line["value"] - truth[mine].mean()) / line["stderr"])
        with pytest.raises(LogError, match=r"rows are of those it learned from \(row \d+, user_id \d+\)"):
            scored(found.policy, source, source.table)
    assert np.sum(own) / np.sqrt(15) > 4.5
    assert abs(np.sum(others) / np.sqrt(15)) < 4.5


def test_the_allocator_keeps_its_limit_on_users_it_never_saw_and_pays_for_it() -> None:
    source, _ = made(5, users=20_000)
    fresh, mean = made(6, users=20_000)
    free, bound = learn(source, "allocator").policy, learn(source, "allocator", limits=[Limit("cost", 0.1)]).policy
    assert free.probs(fresh.table)[:, 2].mean() > 0.3
    assert bound.probs(fresh.table)[:, 2].mean() == pytest.approx(0.1, abs=0.02)
    assert worth(free, fresh, mean) > worth(bound, fresh, mean) > 0.45
    used = learn(source, "allocator", limits=[Limit("cost", 0.1)]).scores
    assert used.loc[used["metric"] == "cost", "value"].to_numpy() == pytest.approx(0.1, abs=0.03)


def test_a_policy_survives_the_disk_and_damage_is_told(tmp_path: Path) -> None:
    source, _ = made(0)
    policy = learn(source, "dr").policy
    policy.save(tmp_path / "policy")
    back = LearnedPolicy.load(tmp_path / "policy")
    np.testing.assert_array_equal(back.probs(source.table), policy.probs(source.table))
    with pytest.raises(LogError, match="it learned from"):
        back.refuse_own(source.table)
    facts = json.loads((tmp_path / "policy" / "policy.json").read_text())
    (tmp_path / "policy" / "policy.json").write_text(json.dumps({**facts, "arms": ["a", "b"]}))
    with pytest.raises(LogError, match="damaged, or not written by rage learn"):
        LearnedPolicy.load(tmp_path / "policy")
    (tmp_path / "policy" / "policy.json").write_text(json.dumps({**facts, "form": 9}))
    with pytest.raises(LogError, match="is no policy of form 1"):
        LearnedPolicy.load(tmp_path / "policy")
    with pytest.raises(LogError, match="nowhere: holds no learned policy; `rage learn LOG --out"):
        LearnedPolicy.load(tmp_path / "nowhere")


def test_what_cannot_be_learned_says_why() -> None:
    source, _ = made(0)
    with pytest.raises(InputError, match="no method is called 'ipss': did you mean 'ips'"):
        learn(source, "ipss")
    with pytest.raises(InputError, match="dr keeps no limits; ask the method allocator"):
        learn(source, "dr", limits=[Limit("cost", 0.1)])
    with pytest.raises(InputError, match="a ratio has no arm that is best for one user"):
        learn(source, metric="reward/cost")
    with pytest.raises(LogError, match="are too small to learn on"):
        learn(made(0, users=120)[0])
    with pytest.raises(GuardrailError, match="learn:"):
        learn(source, "allocator", limits=[Limit("cost", -1.0)])
    hidden = source.table.set_column(3, "propensity", pa.array(np.full(4_000, np.nan)))
    bare = hidden.drop_columns([f"prob_{a}" for a in ARMS])
    with pytest.raises(LogError, match="withholds its propensities"):
        learn(LogSource("made", "", bare, ARMS, ("reward",), "user_id", one_decision=True))
    sure = bare.set_column(3, "propensity", pa.array(np.ones(4_000)))
    with pytest.raises(LogError, match="the log left nothing to chance"):
        learn(LogSource("made", "", sure, ARMS, ("reward",), "user_id", one_decision=True))
    other = LogSource("made", "", source.table, ("a", "b", "c"), (), "user_id", one_decision=True)
    with pytest.raises(LogError, match="knows the arms nothing, nudge, coupon, the log has a, b, c"):
        scored(learn(source).policy, other, source.table)
    with pytest.raises(LogError, match="the log lacks its features x_one"):
        learn(source).policy.probs(source.table.drop_columns("x_one"))


def test_in_a_whole_world_the_learned_policy_beats_the_logging_one_by_the_worlds_own_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fintech, 8,000 users, one week of chance. By `mean_outcomes` of the held-out users the learned policy is worth
    more; the command saves it, and scores it on a second log of other people but not on its own."""
    env = CohortEnv(8_000, "fintech", seed=11, weeks=4)
    folders = []
    for seed in (11, 12):
        seen = observe(*env.reset(seed=seed))
        agent = agents.load("random")
        agent.start(problem_of(env, 1, Floor(), None))
        worth_of = value(env.truth.mean_outcomes(), env.scenario.retention_value_usd)
        probs = agent.decide(seen).probs
        arm = arms_of(env, agent, seed, seen, probs)
        live(env, arm)
        meta = LogMeta(env.arm_names, env.features.names, env.scenario.retention_value_usd)
        rows = record(seen, probs, arm, env)
        log = CohortLog(meta, (rows,), Reports.concat([env.reports(), env.settle()]))
        folders.append(log.write(tmp_path / f"log {seed}"))
        if seed == 11:
            truth, logged = worth_of, probs
    out = tmp_path / "policy"
    assert main(["learn", str(folders[0]), "--out", str(out), "--method", "dr", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["held_out_rows"] + told["learned_from"] == 8_000
    source_table = CohortLog.read(folders[0]).as_of()
    policy = LearnedPolicy.load(out)
    gain = ((policy.probs(source_table) - logged) * truth).sum(axis=1)
    assert gain.mean() > 0.05
    assert main(["learn", str(folders[0]), "--out", str(out)]) == 2
    assert "holds a policy already" in capsys.readouterr().err
    assert main(["evaluate", str(folders[0]), "--policy", str(out)]) == 2
    assert "rows are of those it learned from" in capsys.readouterr().err


def test_the_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"customer": range(400), "offer": ["a", "b"] * 200, "sold": np.arange(400.0)}).to_csv(
        tmp_path / "shop.csv", index=False
    )
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nsource: invented\nfile: shop.csv\nunit: customer\narm_column: offer\n"
        "arms: [{name: a, value: a, propensity: 1/2}, {name: b, value: b, propensity: 1/2}]\n"
        "outcomes: [{name: sales, unit: usd, column: sold}]\n"
    )
    out = str(tmp_path / "policy")
    asked = ["learn", str(tmp_path / "shop.yaml"), "--out", out]
    assert main([*asked, "--method", "allocator", "--keep", "sales=3"]) == 2
    assert "write COLUMN<=NUMBER" in capsys.readouterr().err
    assert main([*asked, "--method", "allocator", "--keep", "sale<=3"]) == 2
    assert "no column 'sale': did you mean 'sales'" in capsys.readouterr().err
    assert main([*asked, "--method", "allocator", "--keep", "sales<=205"]) == 0
    assert "on users whom it never saw" in capsys.readouterr().out
