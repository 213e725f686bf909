from __future__ import annotations

import importlib
import importlib.util
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.beliefs.linear import Ridge, Structure
from agents.beliefs.neural import NeuralFeatures, Training, require_torch, train
from rage_env.errors import ConfigError, LogError
from tests.contracts.agent_toy import problem

Rows = NDArray[np.float32]
QUICK = Training(hidden=24, features=8, epochs=30, seed=1)


def _folded(rows: int, seed: int) -> tuple[Rows, NDArray[np.int64], Rows]:
    """The effect of arm 1 is |x0| - 0.8: no line in x finds it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    arm = rng.integers(2, size=rows)
    y = x[:, 1] + arm * (np.abs(x[:, 0]) - 0.8) + 0.3 * rng.normal(size=rows)
    return x, arm, y[:, None].astype(np.float32)


def _effect(design: Rows, x_new: Rows, arm: NDArray[np.int64], y: Rows) -> NDArray[np.float64]:
    width = design.shape[1]
    ridge = Ridge(Structure.against_control(2, *([np.full(width, 0.1)] * 3)))
    ridge.update(design, arm, y[:, 0], np.full(len(y), 10.0, np.float32))
    return ridge.posterior().expected(x_new)[:, 0]


def test_a_bayesian_layer_on_learned_features_finds_an_effect_that_a_linear_one_cannot() -> None:
    x, arm, y = _folded(4_000, 0)
    fresh, *_ = _folded(2_000, 1)
    network = train(x, arm, y, 2, QUICK)
    truth = np.abs(fresh[:, 0]) - 0.8
    one = np.ones((len(x), 1), np.float32)
    learned = _effect(network.rows(x), network.rows(fresh), arm, y)
    linear = _effect(np.concatenate([one, x], 1), np.concatenate([one[: len(fresh)], fresh], 1), arm, y)
    assert np.corrcoef(learned, truth)[0, 1] > 0.9
    assert abs(np.corrcoef(linear, truth)[0, 1]) < 0.3


def test_training_twice_gives_the_same_bits_and_another_seed_others() -> None:
    x, arm, y = _folded(600, 2)
    first, second = (train(x, arm, y, 2, QUICK) for _ in range(2))
    other = train(x, arm, y, 2, Training(hidden=24, features=8, epochs=30, seed=2))
    assert np.array_equal(first.phi(x), second.phi(x))
    assert not np.allclose(first.phi(x), other.phi(x))


def test_saved_features_need_no_torch_and_are_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, arm, y = _folded(600, 3)
    network = train(x, arm, y, 2, QUICK)
    arrays = {f"n/{k}": np.array(v, copy=True) for k, v in network.arrays().items()}
    monkeypatch.setattr(importlib, "import_module", _refuse)
    assert np.array_equal(NeuralFeatures.of(arrays, "n/").phi(x), network.phi(x))


def test_without_torch_the_agent_says_that_it_is_lacking_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "torch" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    agent = agents.load("neural_linear")  # naming and describing it needs no torch
    with pytest.raises(ConfigError, match=r"agent neural_linear: .*not installed here. Install rage-env\[neural\]"):
        agent.start(problem())


def test_a_device_that_is_not_there_is_refused_by_name() -> None:
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        require_torch("neural_linear", "cuda")
    else:
        with pytest.raises(ConfigError, match="agent neural_linear: device: 'cuda' cannot be used"):
            require_torch("neural_linear", "cuda")
    require_torch("neural_linear", "cpu")


def test_nothing_to_learn_from_and_constant_features_give_finite_features() -> None:
    x = np.ones((40, 3), np.float32)
    constant = train(x, np.zeros(40, np.int64), np.ones((40, 1), np.float32), 2, QUICK)
    nothing = train(x[:0], np.zeros(0, np.int64), np.ones((0, 1), np.float32), 2, QUICK)
    assert np.isfinite(constant.phi(x)).all()
    assert np.isfinite(nothing.phi(x)).all()
    with pytest.raises(LogError, match="must be finite"):
        train(x * np.nan, np.zeros(40, np.int64), np.ones((40, 1), np.float32), 2, QUICK)


def _refuse(name: str, package: str | None = None) -> object:
    raise ImportError(name)
