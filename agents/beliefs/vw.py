"""Contextual bandits by Vowpal Wabbit: the only door to it. A week is one text file for its C++ driver.

Two forms: `adf` names the allowed arms of every user in the example (--cb_explore_adf, explored by SquareCB), `plain`
has one line a user and every arm allowed (--cb_explore, explored by epsilon-greedy; about k times fewer lines). The
model between weeks is the driver's own file, kept as bytes.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Driver", "Form", "Labels"]

Floats = NDArray[np.float64]
Form = Literal["adf", "plain"]


@dataclass(frozen=True, eq=False)
class Labels:
    """What was learned of n users: the arm, its cost (larger is worse) and the chance with which it was drawn."""

    arm: NDArray[np.int64]  # (n,)
    cost: Floats  # (n,)
    propensity: Floats  # (n,)

    def __post_init__(self) -> None:
        bad = ~(np.isfinite(self.cost) & (self.propensity > 0) & (self.propensity <= 1))
        if bad.any():
            row = int(np.argmax(bad))
            raise LogError(
                f"vw: row {row}: cost must be finite and propensity in (0, 1], got {self.cost[row]} and "
                f"{self.propensity[row]}"
            )


@dataclass(frozen=True)
class Driver:
    """How the driver is called. gamma_scale: of SquareCB (adf); epsilon: share explored (plain)."""

    k: int
    form: Form = "adf"
    gamma_scale: float = 10.0
    epsilon: float = 0.05
    rate: float = 0.5
    bits: int = 18
    seed: int = 0

    def learn(self, model: bytes, z: NDArray[np.float32], mask: NDArray[np.integer], labels: Labels) -> bytes:
        """The model after one pass over users with features z (n, d) and allowed arms mask (n, k); b"" to begin."""
        told = [f"{c:.6g}:{p:.6g}" for c, p in zip(labels.cost, labels.propensity, strict=True)]
        with tempfile.TemporaryDirectory(prefix="rage-vw-") as folder:
            data, old, new = (Path(folder) / name for name in ("week.txt", "old.bin", "new.bin"))
            data.write_text("".join(self._examples(z, mask, labels.arm.tolist(), told)), encoding="ascii")
            begun = self._options() if not model else ["-i", str(_written(old, model)), "--save_resume"]
            _run([*begun, "-d", str(data), "-f", str(new)])
            return new.read_bytes()

    def predict(self, model: bytes, z: NDArray[np.float32], mask: NDArray[np.integer]) -> Floats:
        """(n, k) chances of the arms, 0 where masked; what masks take away from `plain` goes to arm 0."""
        if not len(z):
            return np.zeros(mask.shape)
        with tempfile.TemporaryDirectory(prefix="rage-vw-") as folder:
            data, old, out = (Path(folder) / name for name in ("week.txt", "old.bin", "chances.txt"))
            data.write_text("".join(self._examples(z, mask, [], [])), encoding="ascii")
            _run(["-i", str(_written(old, model)), "-t", "-d", str(data), "-p", str(out)])
            lines = [line for line in out.read_text(encoding="ascii").splitlines() if line]
        return self._read(lines, mask)

    def _options(self) -> list[str]:
        explorer = ["--cb_explore_adf", "--squarecb", "--gamma_scale", f"{self.gamma_scale:g}", "-q", "ua"]
        if self.form == "plain":
            explorer = ["--cb_explore", str(self.k), "--epsilon", f"{self.epsilon:g}", "--cb_type", "dr"]
        rest = ["-l", f"{self.rate:g}", "-b", str(self.bits), "--random_seed", str(self.seed + 1), "--save_resume"]
        return [*explorer, *rest]

    def _examples(
        self, z: NDArray[np.float32], mask: NDArray[np.integer], arm: list[int], told: list[str]
    ) -> Iterable[str]:
        """Text of one user after the other; unlabelled where `arm` is empty."""
        pattern = " ".join(f"f{j}:%.5g" for j in range(z.shape[1]))
        allowed = mask.tolist()
        for i, row in enumerate(z.tolist()):
            features = pattern % tuple(row)
            if self.form == "plain":
                label = f"{arm[i] + 1}:{told[i]} " if arm else ""
                yield f"{label}|u {features}\n"
                continue
            yield f"shared |u {features}\n"
            for a in (a for a in range(self.k) if allowed[i][a]):
                label = f"0:{told[i]} " if arm and arm[i] == a else ""
                yield f"{label}|a arm{a}\n"
            yield "\n"

    def _read(self, lines: list[str], mask: NDArray[np.integer]) -> Floats:
        """Chances from the driver's `action:chance,...`, actions counted among those of the example."""
        if len(lines) != len(mask):
            raise LogError(
                f"vw: the driver answered {len(lines)} of {len(mask)} users; give it more memory or fewer users"
            )
        probs = np.zeros(mask.shape)
        rows = np.repeat(np.arange(len(lines)), [line.count(":") for line in lines])
        pairs = np.array([pair.split(":") for line in lines for pair in line.split(",")], dtype=np.float64)
        action = pairs[:, 0].astype(np.int64)
        if self.form == "adf":
            order = np.argsort(mask == 0, axis=1, kind="stable")  # allowed arms first
            action = order[rows, action]
        probs[rows, action] = pairs[:, 1]
        probs *= mask
        probs[:, 0] += np.maximum(1.0 - probs.sum(axis=1), 0.0)
        return np.asarray(probs / probs.sum(axis=1, keepdims=True), dtype=np.float64)


def _written(file: Path, model: bytes) -> Path:
    file.write_bytes(model)
    return file


def _run(arguments: list[str]) -> None:
    """One run of the driver over a file. Any: vowpalwabbit has no types."""
    library: Any = importlib.import_module("vowpalwabbit")
    library.Workspace(arg_list=[*arguments, "--quiet", "--no_stdin"], enable_logging=False).finish()
