"""Features learned by a small network: the only door to torch, which is needed to train and for nothing else.

Two hidden layers learn to predict what came of past user-weeks, one linear head an arm; the second layer is then a
basis in which a Bayesian regression is linear (Riquelme, Tucker and Snoek 2018, neural linear). Trained weights are
plain arrays, and NumPy evaluates them: a saved agent decides without torch.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.basis import Basis, with_one
from rage_env.errors import ConfigError, LogError

__all__ = ["NeuralFeatures", "Training", "require_torch", "train"]

Rows = NDArray[np.float32]
_WEIGHTS = ("w1", "b1", "w2", "b2")


@dataclass(frozen=True)
class Training:
    """hidden, features: widths of the two layers. device: cpu, or cuda when asked."""

    hidden: int = 32
    features: int = 16
    epochs: int = 12
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-3
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class NeuralFeatures:
    """x (n, d) -> phi (n, features). w1: (d, hidden), w2: (hidden, features); ReLU after the first, tanh after both."""

    basis: Basis
    w1: Rows
    b1: Rows
    w2: Rows
    b2: Rows

    def phi(self, x: Rows) -> Rows:
        """(n, features), each within (-1, 1)."""
        hidden = np.maximum(self.basis.z(x) @ self.w1 + self.b1, np.float32(0))
        return np.asarray(np.tanh(hidden @ self.w2 + self.b2), dtype=np.float32)

    def rows(self, x: Rows) -> Rows:
        """(n, 1 + features) with a leading one."""
        return with_one(self.phi(x))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"centre": self.basis.centre, "scale": self.basis.scale, **{f: getattr(self, f) for f in _WEIGHTS}}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Self:
        """Inverse of arrays, from names under `prefix`."""
        basis = Basis(*(np.array(arrays[prefix + f], dtype=np.float64) for f in ("centre", "scale")))
        return cls(basis, *(np.array(arrays[prefix + f], dtype=np.float32) for f in _WEIGHTS))


def require_torch(agent: str, device: str = "cpu") -> None:
    """Nothing, if torch is installed and has the device. Raises ConfigError saying which agent lacks it, and why."""
    if importlib.util.find_spec("torch") is None:
        raise ConfigError(
            f"agent {agent}: learns features with PyTorch, which is not installed here. Install rage-env[neural], or "
            "leave this agent out"
        )
    torch = importlib.import_module("torch")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without the device
        reason = str(error).splitlines()[0]
        raise ConfigError(f"agent {agent}: device: {device!r} cannot be used ({reason}). Use cpu") from error


def train(x: Rows, arm: NDArray[np.int64], targets: Rows, k: int, how: Training) -> NeuralFeatures:
    """Features that predict targets (n, m) of user-weeks x (n, d) under `arm` (n,) best, by squared error.

    Targets are put on a common scale. The same bits for the same rows and seed on one machine's cpu. Raises LogError
    for NaN or infinity.
    """
    if not (np.isfinite(x).all() and np.isfinite(targets).all()):
        raise LogError("network: features and targets must be finite; drop or mend rows with NaN before training")
    torch = importlib.import_module("torch")
    basis, scaled = Basis.fit(x), targets
    if len(x):
        spread = targets.std(axis=0)
        scaled = (targets - targets.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        weights = _descend(torch, (basis.z(x), arm, scaled.astype(np.float32)), k, how)
    finally:
        torch.set_num_threads(threads)
    return NeuralFeatures(basis, *weights)


def _descend(torch: Any, data: tuple[Rows, NDArray[np.int64], Rows], k: int, how: Training) -> list[Rows]:
    """Weights after `epochs` of Adam. Any: torch has no types here."""
    luck = torch.Generator().manual_seed(how.seed)
    x, arm, y = (torch.from_numpy(np.ascontiguousarray(a)).to(how.device) for a in data)
    widths = ((x.shape[1], how.hidden), (how.hidden, how.features), (how.features, k * y.shape[1]))
    weights = [_drawn(torch, rows, columns, luck).to(how.device) for rows, columns in widths]
    offsets = [torch.zeros(shape[1], device=how.device) for shape in widths]
    for parameter in (*weights, *offsets):
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW([*weights, *offsets], lr=how.rate, weight_decay=how.decay)
    for _ in range(how.epochs if len(x) else 0):
        order = torch.randperm(len(x), generator=luck).to(how.device)
        for rows in order.split(how.batch):
            hidden = torch.relu(x[rows] @ weights[0] + offsets[0])
            phi = torch.tanh(hidden @ weights[1] + offsets[1])
            heads = (phi @ weights[2] + offsets[2]).reshape(len(rows), k, -1)
            told = heads[torch.arange(len(rows), device=how.device), arm[rows]]
            optimiser.zero_grad()
            torch.mean((told - y[rows]) ** 2).backward()
            optimiser.step()
    pairs = zip(weights[:2], offsets[:2], strict=True)
    return [part.detach().cpu().numpy().astype(np.float32) for pair in pairs for part in pair]


def _drawn(torch: Any, rows: int, columns: int, luck: Any) -> Any:
    """Weights drawn with variance 2 / rows (He et al. 2015)."""
    return torch.randn(rows, columns, generator=luck) * (2.0 / max(rows, 1)) ** 0.5
