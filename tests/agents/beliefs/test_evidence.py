from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from agents.beliefs.evidence import by_evidence, log_evidence
from agents.beliefs.linear import Ridge, Structure

Rows = NDArray[np.float32]
P = 6


def _trial(slope_sd: float, seed: int, n: int = 2_000) -> tuple[Rows, NDArray[np.int64], NDArray[np.float64]]:
    """Two arms; the effect of arm 1 is .5 and slopes drawn with this sd; noise of sd 3."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, P - 1))], axis=1).astype(np.float32)
    arm = rng.integers(2, size=n)
    slopes = np.append(0.5, slope_sd * rng.normal(size=P - 1))
    return x, arm, arm * (x @ slopes) + 3.0 * rng.normal(size=n)


def _ridge(adapt: bool, slope_sd: float, seed: int) -> Ridge:
    declared = np.append(1.0, np.full(P - 1, 1.0 / 0.5**2))
    ridge = Ridge(Structure.against_control(2, np.full(P, 1.0), declared, declared), adapt=adapt)
    x, arm, y = _trial(slope_sd, seed)
    ridge.update(x, arm, y, np.full(len(y), 1 / 9.0, np.float32))
    return ridge


def test_evidence_differs_between_structures_as_the_normal_density_of_the_data_does() -> None:
    x, arm, y = _trial(0.3, 0, n=60)
    narrow, wide = (Structure.separate(2, np.full(P, 1 / sd**2)) for sd in (0.2, 2.0))
    ridge = Ridge(narrow)
    ridge.update(x, arm, y, np.full(60, 1 / 9.0, np.float32))
    design = np.concatenate([x * (arm == a)[:, None] for a in (0, 1)], axis=1).astype(np.float64)
    density = [multivariate_normal(cov=9.0 * np.eye(60) + sd**2 * design @ design.T).logpdf(y) for sd in (0.2, 2.0)]
    found = [log_evidence(s, ridge.gram, ridge.moment) for s in (narrow, wide)]
    assert found[1] - found[0] == pytest.approx(density[1] - density[0], abs=1e-3)


def test_slopes_that_are_noise_are_shrunk_and_real_ones_are_kept() -> None:
    errors = {}
    for truth in (0.0, 0.5):
        for adapt in (False, True):
            spreads = [np.abs(_ridge(adapt, truth, seed).posterior().mean[0, 1:]).mean() for seed in range(10)]
            errors[truth, adapt] = float(np.mean(spreads))
    assert errors[0.0, True] < 0.7 * errors[0.0, False]  # slopes of noise lose at least three tenths
    assert errors[0.5, True] > 0.8 * errors[0.5, False]


def test_a_posterior_by_evidence_is_narrower_where_nothing_is_found_and_never_wider_than_declared() -> None:
    x = np.ones((1, P), np.float32)
    plain, adapted = (_ridge(a, 0.0, 3).posterior().sd(x)[0, 0] for a in (False, True))
    assert adapted < 0.9 * plain
    plain, adapted = (_ridge(a, 0.5, 3).posterior().sd(x)[0, 0] for a in (False, True))
    assert 0.5 * plain < adapted <= plain * (1 + 1e-9)


def test_without_data_the_declared_prior_stands() -> None:
    structure = Structure.against_control(3, np.ones(P), np.ones(P), np.ones(P))
    chosen = by_evidence(structure, np.zeros((3, P, P)), np.zeros((3, P)))
    assert np.array_equal(chosen.precision, structure.precision)
