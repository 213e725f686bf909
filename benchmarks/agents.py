"""How fast agents decide and learn, beside mabwiser's batched LinUCB in the same process on one core: JSON on stdout.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    pip install mabwiser              # the reference; without it only our figures are shown
    python benchmarks/agents.py       # n = 100,000, d = 30, k = 6, six outcomes

`linear` is one week of linear beliefs: six outcomes of all users taken in, posteriors solved, then expectation and sd
of every arm for every user. `bandit` asks of ours just what LinUCB does: one outcome, the best of the arms. `week` is
a whole week of lagrangian_linucb in the fintech world, under its five guardrails and under four of them: beliefs,
allocation, decision, learning. CPU seconds, medians.

Where a week goes, under four guardrails, by profile: a half to two allocations, the second around margins of the first;
a quarter to cautious rows at three plans; a sixth to learning; the rest to beliefs. In November 2026, on two cores that
fifteen other processes shared, a median week took 1.3 to 1.6 s (4 to 6 passes an allocation; the first three weeks, in
which hardly anybody may be offered anything, up to 2.1 s) where it had taken 3.2 s (20 to 43 passes, up to 7.8 s).
Beliefs came to 1.4 million user-weeks a CPU second with six outcomes and 1.8 million with one, mabwiser to .41 million
with one, so 4.3 times fewer; both took the same arm for 99.9 % of users.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.remove(str(Path(__file__).resolve().parent))  # a script's own folder comes first, and this file is agents.py
import agents
from agents.beliefs.basis import with_one
from agents.beliefs.linear import Ridges, Structure
from rage_env.cohort import CohortEnv
from rage_env.scenario import load

Rows = NDArray[np.float32]
OUTCOMES, LAMBDA, ALPHA = 6, 1.0, 1.0


def timed(work: Callable[[], object], times: int) -> float:
    """Median CPU seconds, after one call that is left out."""
    work()
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def data(n: int, d: int, k: int, seed: int = 0) -> tuple[Rows, NDArray[np.int64], NDArray[np.float64]]:
    """Features (n, d), arms (n,), outcomes (n, 6) that move with both."""
    rng = np.random.default_rng(seed)
    x, arm = rng.normal(size=(n, d)).astype(np.float32), rng.integers(k, size=n)
    effect = rng.normal(size=(k, d, OUTCOMES))
    y = np.einsum("nd,ndo->no", x, effect[arm]) + rng.normal(size=(n, OUTCOMES))
    return x, arm, y


def linear_week(x: Rows, arm: NDArray[np.int64], y: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """(outcomes, n, k) upper bounds after learning the week: one Gram matrix an arm serves all outcomes."""
    design = with_one(x)
    ridges = Ridges(Structure.separate(k, np.full(design.shape[1], LAMBDA)), y.shape[1])
    ridges.update(design, arm, y)
    posterior = ridges.posteriors()
    bound = np.empty((len(posterior), len(x), k))
    sd = ALPHA * posterior[0].sd(design)
    for held, belief in zip(bound, posterior, strict=True):
        np.add(belief.expected(design), sd, out=held)
    return bound


def mabwiser_week(x: Rows, arm: NDArray[np.int64], y: NDArray[np.float64], k: int) -> Any:  # it has no types
    """The arm that LinUCB picks for every user after learning the week: one outcome, which is all it takes."""
    mab: Any = importlib.import_module("mabwiser.mab")
    learner = mab.MAB(list(range(k)), mab.LearningPolicy.LinUCB(alpha=ALPHA, l2_lambda=LAMBDA), n_jobs=1)
    learner.fit(arm, y[:, 0], contexts=x)
    return learner.predict(x)


def linear(n: int, d: int, k: int, times: int) -> dict[str, object]:
    """Ours with six outcomes and with one, and mabwiser with one."""
    x, arm, y = data(n, d, k)
    six = timed(lambda: linear_week(x, arm, y, k), times)
    one = timed(lambda: linear_week(x, arm, y[:, :1], k)[0].argmax(axis=1), times)
    result: dict[str, object] = {
        "six_outcomes_s": six,
        "user_weeks_per_cpu_s": n / six,
        "one_outcome_s": one,
        "bandit_user_weeks_per_cpu_s": n / one,
        "mabwiser_s": None,
    }
    if importlib.util.find_spec("mabwiser") is None:
        result["mabwiser_s"] = "not installed: pip install mabwiser"
        return result
    theirs = timed(lambda: mabwiser_week(x, arm, y, k), 1)
    same = np.mean(np.asarray(mabwiser_week(x, arm, y, k)) == linear_week(x, arm, y[:, :1], k)[0].argmax(axis=1))
    result |= {"mabwiser_s": theirs, "mabwiser_user_weeks_per_cpu_s": n / theirs}
    result |= {"ratio_one_outcome": theirs / one, "ratio_six_outcomes": theirs / six, "same_arm_share": float(same)}
    return result


def week(name: str, n: int, weeks: int, left_out: str | None) -> dict[str, object]:
    """CPU seconds of an agent's weeks in the fintech world, under its five guardrails or all but one."""
    from experiments.acting import arms_of, problem_of, record
    from experiments.cohorts import live
    from experiments.config import Floor
    from rage_env.interface import Feedback, observe

    guardrails = [g.model_dump(mode="json") for g in load("fintech").guardrails if g.name != left_out]
    env = CohortEnv(n, "fintech", scenario={"guardrails": guardrails})
    observation = observe(*env.reset(seed=5))
    agent, held = agents.load(name), np.arange(n) % 5 == 0
    agent.start(problem_of(env, env.scenario.weeks, Floor(), held))
    for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
        agent.learn(Feedback(log, reports))
    decide, learn, passes = [], [], []
    for _ in range(weeks + 1):
        start = time.process_time()
        decision = agent.decide(observation)
        decide.append(time.process_time() - start)
        passes.append(0 if decision.allocation is None else decision.allocation.passes)
        arm = arms_of(env, agent, 5, observation, decision.probs)
        after = live(env, arm)
        feedback = Feedback(record(observation, decision.probs, arm, env), env.reports())
        start = time.process_time()
        agent.learn(feedback)
        learn.append(time.process_time() - start)
        observation = after
    both = np.array(decide[1:]) + np.array(learn[1:])  # the first week compiles programs
    return {
        "guardrails": [g.name for g in env.scenario.guardrails],
        "features": len(env.features),
        "week_s_median": float(np.median(both)),
        "week_s_worst": float(both.max()),
        "decide_s_median": float(np.median(decide[1:])),
        "learn_s_median": float(np.median(learn[1:])),
        "allocator_passes": passes[1:],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--arms", type=int, default=6)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--agent", action="append", help="whose week is timed; lagrangian_linucb if none is named")
    ask = parser.parse_args()
    size = (ask.n, ask.features, ask.arms)
    result: dict[str, object] = {"n": ask.n, "d": ask.features, "k": ask.arms}
    result["linear"] = linear(*size, ask.times)
    kinds, sets = ask.agent or ["lagrangian_linucb"], (None, "chargeback_rate")
    result["week"] = [{"agent": kind, **week(kind, ask.n, ask.weeks, left)} for kind in kinds for left in sets]
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
