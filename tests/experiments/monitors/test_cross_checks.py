"""Figures of other packages, frozen: they need NumPy below 2, so they are no dependency and were run once, apart.

Each fixture names package, version and the lines that made it (NumPy 1.26.4, SciPy 1.13.1).
"""

import math

import numpy as np
import pytest
from scipy.special import betaincc

from experiments.monitors.betting import log_mean_exp
from experiments.monitors.betting_mean import wealth_growth
from experiments.monitors.mixture import mixture_bound, mixture_scale
from experiments.monitors.rare_events import log_evidence
from experiments.monitors.ssrm import log_bayes_factor

VILLE = {50: -0.1906303878848723, 200: -0.08643902603771281, 400: 0.39499930437372655}
"""ville 0.1.0: log evidence of a beta-binomial mixture after so many rows.

    i = np.arange(400); x = ((i * 31 + 7) % 53 == 0).astype(float)
    test = ville.proportions.BernoulliTest(0.01, prior=(1.0, 50.0)); test.fit(x); test.log_e_values_[[49, 199, 399]]
"""

SSRM_TEST = (-0.1671403804093643, -0.4017199154670834, -0.3591998423626137, 0.8490330646966413)
"""ssrm-test 0.1.5: log Bayes factors after each row of counts.

    sequential_posteriors([[130, 70, 50], [118, 81, 51], [140, 66, 44], [151, 60, 39]], [.5, .3, .2],
                          dirichlet_concentration=1000), key "log_bayes_factor"
"""

CONFSEQ_BETTING = {
    10: (-0.1577117608411561, -0.07717674138869612),
    30: (0.3427897603067619, -0.2587698162517762),
    60: (1.0251299894636938, -0.33838858423163026),
}
"""confseq 0.0.11 (its Python sources): log wealth of bets that the mean is above, and below, .25.

    j = np.arange(60); y = (((j * 29 + 7) % 60 + .5) / 60) ** 2; share = .9 * np.geomspace(1, 1e-4, 12)
    over = lambda scale: [lambda x, m, c=c: np.repeat(c / scale(m), len(x)) for c in share]
    diversified_betting_mart(y, .25, over(lambda m: m), theta=1, trunc_scale=1)
    diversified_betting_mart(y, .25, over(lambda m: m), over(lambda m: 1 - m), theta=0, trunc_scale=1)
"""

CONFSEQ_MIXTURE = {
    0.05: (3.85505463353031, 3.08356871436835, 3.03520899037625, 3.06147721886742, 3.21215782992424),
    0.01: (4.31601374771424, 3.6126233060027, 3.57162997087045, 3.59560479913287, 3.72757459099784),
}
"""confseq 0.0.11 (its C++ header, class TwoSidedNormalMixture(50, alpha)): bound(v, log(1 / alpha)) / sqrt(v)
at v = 5, 25, 50, 100, 400. Its rho is an approximation, v / (2 ln(1/alpha) + ln(1 + 2 ln(1/alpha))).
"""
INFORMATION = np.array([5.0, 25.0, 50.0, 100.0, 400.0])


def test_rare_event_evidence_is_villes_beta_binomial_but_for_the_truncation() -> None:
    rows, limit = np.arange(400), 0.01
    events = ((rows * 31 + 7) % 53 == 0).cumsum()
    for n, expected in VILLE.items():
        s = float(events[n - 1])
        truncated = math.log(betaincc(1 + s, 50 + n - s, limit)) - math.log(betaincc(1, 50, limit))
        ours = float(log_evidence(np.array(s), np.array(float(n)), limit))
        assert ours - truncated == pytest.approx(expected, abs=1e-10)


def test_the_sample_ratio_check_is_that_of_ssrm_test() -> None:
    counts = np.array([[130, 70, 50], [118, 81, 51], [140, 66, 44], [151, 60, 39]], np.float64).cumsum(axis=0)
    ours = log_bayes_factor(counts, np.array([0.5, 0.3, 0.2]), 1_000.0)
    assert ours == pytest.approx(np.array(SSRM_TEST), abs=1e-10)


def test_wealth_of_bets_on_a_mean_is_that_of_confseq() -> None:
    y = (((np.arange(60) * 29 + 7) % 60 + 0.5) / 60) ** 2
    for n, expected in CONFSEQ_BETTING.items():
        assert log_mean_exp(wealth_growth(y[:n], 0.25, 12)) == pytest.approx(np.array(expected), abs=1e-10)


@pytest.mark.parametrize("alpha", CONFSEQ_MIXTURE)
def test_the_asymptotic_bound_is_that_of_confseq(alpha: float) -> None:
    """Exactly so at its own rho; with the best rho within 3e-3 from half the planned information on, 1e-2 before."""
    theirs = np.array(CONFSEQ_MIXTURE[alpha])
    log_term = 2 * math.log(1 / alpha)
    their_scale = (log_term + math.log(1 + log_term)) / 50
    assert mixture_bound(INFORMATION, their_scale, alpha) == pytest.approx(theirs, rel=1e-12)
    ours = mixture_bound(INFORMATION, float(mixture_scale(np.array(50.0), alpha)), alpha)
    assert ours[1:] == pytest.approx(theirs[1:], rel=3e-3)
    assert ours == pytest.approx(theirs, rel=1e-2)
    assert ours[2] <= theirs[2]
