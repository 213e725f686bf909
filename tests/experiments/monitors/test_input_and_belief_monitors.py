import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import norm

from experiments.monitors import Batch, MonitorState, monitor
from experiments.monitors.bayesian import Bayesian, posterior
from experiments.monitors.drift import change_evidence, psi
from experiments.monitors.ranking import e_bh, rank, shared_alpha
from rage_env.errors import ConfigError, LogError

DECILES = ndtri(np.arange(1, 10) / 10)


def test_a_posterior_is_the_integral_of_what_it_says() -> None:
    prior_sd, estimate, stderr, rope = 0.5, 0.3, 0.2, 0.1
    post = posterior(estimate, stderr, prior_sd, rope)

    def weight(theta: float) -> float:
        return float(norm.pdf(theta, 0, prior_sd) * norm.pdf(estimate, theta, stderr))

    total = quad(weight, -5, 5)[0]
    assert post.mean == pytest.approx(quad(lambda t: t * weight(t), -5, 5)[0] / total)
    assert post.beats_control == pytest.approx(quad(weight, 0, 5)[0] / total)
    assert post.expected_loss == pytest.approx(quad(lambda t: -t * weight(t), -5, 0)[0] / total)
    assert post.unimportant == pytest.approx(quad(weight, -rope, rope)[0] / total)
    assert post.interval(0.95)[1] == pytest.approx(post.mean + 1.959964 * post.sd, rel=1e-6)


def test_a_belief_stops_nothing_until_the_bayes_factor_does() -> None:
    rng, n = np.random.default_rng(0), 2_000
    made = monitor("bayesian", prior_sd=0.1, rope=0.01, mode="groups")
    assert isinstance(made, Bayesian)
    group = np.arange(n) % 2
    for week in range(20):
        state = made.update(Batch(week, np.arange(n), group, rng.normal(0.08 * group, 1.0)))
        assert state.validity == ("asymptotic" if state.verdict == "lift" else "descriptive")
        assert (state.verdict == "lift") == (state.p_value <= 0.05 * (1 + 1e-9))
    assert state.verdict == "lift"
    assert "P(beats control) 1.000" in state.reason
    assert made.posterior is not None
    with pytest.raises(ConfigError, match="parameter 'prior_sd' is needed"):
        monitor("bayesian")
    with pytest.raises(ConfigError, match="prior_sd: must be a finite number above 0"):
        monitor("bayesian", prior_sd=math.inf)


def test_a_drift_is_found_and_a_steady_feature_left_alone() -> None:
    rng, steady, moved = np.random.default_rng(1), monitor("drift", edges=DECILES), monitor("drift", edges=DECILES)
    for week in range(12):
        unit = np.arange(1_000) + 1_000 * week
        value = rng.normal(size=1_000)
        steady.update(Batch(week, unit, 0, value))
        state = moved.update(Batch(week, unit, 0, value + 0.3 * (week >= 6)))
    assert steady.states[-1].verdict == "continue"
    assert state.verdict == "harm"
    assert moved.path().stop_week is not None
    assert 6 <= (moved.path().stop_week or 0) <= 10
    assert state.estimate > 0.08
    assert "PSI" in state.reason


def test_a_standing_cohort_speaks_once_a_unit() -> None:
    made = monitor("drift", edges=[0.0], turns=4)
    unit = np.arange(400)
    for week in range(6):
        state = made.update(Batch(week, unit, 0, np.zeros(400)))
    assert state.n_units == 400
    assert "every unit has had its turn" in state.reason
    once = monitor("drift", edges=[0.0])
    once.update(Batch(0, unit, 0, np.zeros(400)))
    with pytest.raises(LogError, match=r"week 1, row 0: unit 7 comes a second time; each unit counts once"):
        once.update(Batch(1, np.array([7, 500]), 0, np.zeros(2)))
    for edges in ([], [1.0, 1.0], [math.nan]):
        with pytest.raises(ConfigError, match="edges: must"):
            monitor("drift", edges=edges)


def test_evidence_of_a_change_never_pays_on_average_at_the_edge_of_the_band() -> None:
    """Exact over all outcomes of two weeks with three units each; 1 of 2 below in the reference."""
    alpha, paid = 0.4, 0.0
    share = math.sqrt(1 - alpha / 2)  # at which 0 or 1 hit of 2 has probability alpha / 2
    for first in range(4):
        for second in range(4):
            chance = math.prod(math.comb(3, k) * share**k * (1 - share) ** (3 - k) for k in (first, second))
            counts = np.array([[1, 1], [first, 3 - first], [second, 3 - second]], np.float64)
            paid += chance * math.exp(float(change_evidence(counts, alpha)[-1]))
    assert share < 1
    assert paid <= 1 + 1e-9


def test_psi_is_the_one_worked_by_hand() -> None:
    p, q = np.array([10.5, 30.5]) / 41, np.array([20.5, 20.5]) / 41
    assert psi(np.array([10.0, 30.0]), np.array([20.0, 20.0])) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))


def test_betting_finds_a_mean_above_its_limit_before_empirical_bernstein_does() -> None:
    stops, widths = [], []
    for kind in ("betting_mean", "empirical_bernstein"):
        rng, made = np.random.default_rng(2), monitor(kind, limit=0.02, most=1.0)
        for week in range(30):
            unit = np.arange(200) + 200 * week
            state = made.update(Batch(week, unit, 0, (rng.random(200) < 0.05).astype(np.float64)))
        assert state.lower < 0.05 < state.upper
        stops.append(made.path().stop_week)
        widths.append(state.upper - state.lower)
    assert stops[0] is not None
    assert stops[1] is None or stops[0] <= stops[1]


def test_the_betting_interval_holds_the_mean_at_every_look() -> None:
    missed = 0
    for seed in range(60):
        rng, made = np.random.default_rng([3, seed]), monitor("betting_mean", limit=0.3, most=1.0, candidates=19)
        for week in range(6):
            made.update(Batch(week, np.arange(40) + 40 * week, 0, rng.beta(1, 4, 40)))
        missed += any(not s.lower <= 0.2 <= s.upper for s in made.states)
    assert missed <= 10  # at 5 % luck has more than 10 of 60 once in 6,000
    with pytest.raises(ConfigError, match="limit: must lie between least and most"):
        monitor("betting_mean", limit=1.0, most=1.0)


def test_losses_known_in_part_are_certified_under_the_declared_law_only() -> None:
    """Half of the losses are known at age 4: taken as they stand they would certify what is at the limit."""
    rng, gmv = np.random.default_rng(4), np.full(4_000, 100.0)
    common = {"limit": 0.05, "cap_usd": 100.0, "max_loss_usd": 50.0, "mature_age_weeks": 4}
    declared, naive = monitor("ratio_certificate", **common, reported_share=0.5), monitor("ratio_certificate", **common)
    for week in range(4, 16):
        known = np.where(rng.random(4_000) < 0.1 * 0.5, 50.0, 0.0)
        batch = Batch(week, np.arange(4_000), 0, known, gmv, age_weeks=4)
        state = declared.update(batch)
        naive.update(batch)
    assert state.verdict == "continue"
    assert naive.states[-1].verdict == "certified"
    assert state.estimate == pytest.approx(0.05, rel=0.1)
    assert "assumes the declared delay law" in state.null
    with pytest.raises(ConfigError, match=r"reported_share: must lie in \(0, 1\], got 1.5"):
        monitor("ratio_certificate", **common, reported_share=1.5)
    with pytest.raises(LogError, match="value must not exceed the declared bound on losses, 50"):
        declared.update(Batch(16, np.array([1]), 0, np.array([60.0]), np.array([10.0]), age_weeks=4))


def state_of(log_e: float, estimate: float, week: int = 3) -> MonitorState:
    return MonitorState(estimate, 0, 0, math.exp(log_e), 1, "continue", "asymptotic", "H0: ", week=week, log_e=log_e)


def test_e_bh_names_the_agents_worked_by_hand() -> None:
    """Four agents at .1: needed are 40, 20, 13.3 and 10; the third passes, so the first three are named."""
    log_e = {name: math.log(e) for name, e in {"a": 30.0, "b": 14.0, "c": 25.0, "d": 2.0}.items()}
    assert e_bh(log_e, 0.1) == ("a", "c", "b")
    assert e_bh({"a": math.log(9)}, 0.1) == ()
    assert shared_alpha(0.05, 5) == pytest.approx(0.01)
    with pytest.raises(LogError, match="x has no e-value"):
        e_bh({"x": math.nan})


def test_e_bh_keeps_the_share_of_false_names_where_picking_each_at_alpha_does_not() -> None:
    """Eight agents of ten do nothing; all share control's luck. e = exp(2 z - 2) for z about 0."""
    rng, reps, alpha = np.random.default_rng(5), 2_000, 0.2
    shared = rng.normal(size=(reps, 1))
    z = np.sqrt(0.5) * (shared + rng.normal(size=(reps, 10))) + np.where(np.arange(10) < 2, 4.0, 0.0)
    wrong, greedy = 0.0, 0.0
    for row in 2 * z - 2:
        found = e_bh({str(i): float(e) for i, e in enumerate(row)}, alpha)
        wrong += sum(int(f) >= 2 for f in found) / max(len(found), 1)
        picked = np.flatnonzero(row >= -math.log(2 * alpha * 5))
        greedy += (picked >= 2).sum() / max(len(picked), 1)
    assert wrong / reps <= alpha
    assert greedy / reps > alpha


def test_agents_are_ranked_at_one_week_and_a_loser_is_never_named_better() -> None:
    table = rank({"good": state_of(9.0, 0.2), "bad": state_of(9.0, -0.3), "none": state_of(0.1, 0.01)})
    assert [(r.place, r.agent, r.discovered) for r in table] == [
        (1, "good", True),
        (2, "none", False),
        (3, "bad", False),
    ]
    with pytest.raises(LogError, match="agents stand at weeks"):
        rank({"a": state_of(1.0, 0.1, 3), "b": state_of(1.0, 0.1, 4)})
