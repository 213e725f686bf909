"""A policy learned from a log: lines over features, and whom it learned from. State: npz arrays and JSON."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.learning.softmax import softmax
from experiments.storage import read_json, write_json
from rage_env.errors import LogError, did_you_mean
from rage_env.log import FEATURE_PREFIX, PROB_PREFIX
from rage_env.whole_file import whole_file

__all__ = ["LearnedPolicy", "label_keys"]

Floats = NDArray[np.float64]
FORM = 1
"""Raised whenever the meaning of the files changes."""


def label_keys(labels: pa.ChunkedArray) -> NDArray[np.uint64]:
    """(n,) a key per label, the same in every log: what tells whom a policy learned from."""
    import hashlib

    coded = labels.combine_chunks().dictionary_encode()
    words = [hashlib.blake2b(str(v).encode(), digest_size=8).digest() for v in coded.dictionary.to_pylist()]
    keys = np.frombuffer(b"".join(words), dtype="<u8").astype(np.uint64)
    found: NDArray[np.uint64] = keys[coded.indices.to_numpy(zero_copy_only=False)]
    return found


@dataclass(frozen=True, eq=False)
class LearnedPolicy:
    """Softmax of one line per arm, or the highest line alone where `greedy`."""

    arms: tuple[str, ...]
    features: tuple[str, ...]
    centre: Floats  # (d,)
    spread: Floats  # (d,)
    lines: Floats  # (1 + d, k)
    greedy: bool
    method: str
    metric: str
    limits: tuple[str, ...]
    cluster: str  # column that tells who is who
    learned_from: NDArray[np.uint64]  # (users,) sorted keys of the clusters that it learned from

    def check(self) -> None:
        """Raise ValueError for fields of another type, shape or size than a policy has, and numbers that are none."""
        names = (self.arms, self.features, self.limits)
        if not all(isinstance(n, tuple) and all(isinstance(word, str) for word in n) for n in names):
            raise ValueError("arms, features and limits must be lists of names")
        texts = (self.method, self.metric, self.cluster)
        if not (isinstance(self.greedy, bool) and all(isinstance(t, str) for t in texts)):
            raise ValueError("greedy must be true or false; method, metric and cluster must be names")
        d, k = len(self.features), len(self.arms)
        for name, shape in (("centre", (d,)), ("spread", (d,)), ("lines", (1 + d, k))):
            held: Floats = getattr(self, name)
            if held.shape != shape or held.dtype != np.float64 or not np.isfinite(held).all():
                raise ValueError(f"{name} must be {shape} finite numbers, is {held.dtype} of shape {held.shape}")
        if self.learned_from.ndim != 1 or self.learned_from.dtype != np.uint64:
            raise ValueError("learned_from must be a row of keys")

    def probs(self, table: pa.Table) -> Floats:
        """(n, k) for each row; arms that the log could not have drawn get none. Raises LogError for missing columns."""
        missing = [f for f in self.features if f not in table.column_names]
        if missing:
            raise LogError(
                f"policy: the log lacks its features {', '.join(missing)}"
                f"{did_you_mean(missing[0], table.column_names)}; score it on a log that has them, or learn it again"
            )
        held = [np.asarray(table[f].to_numpy(), dtype=np.float64) for f in self.features]
        x = np.stack(held, axis=1) if held else np.empty((table.num_rows, 0))
        logits = np.column_stack([np.ones(len(x)), (x - self.centre) / self.spread]) @ self.lines
        allowed = allowed_arms(table, self.arms)
        if not self.greedy:
            return softmax(logits, allowed)
        best = (logits if allowed is None else np.where(allowed, logits, -np.inf)).argmax(axis=1)
        chosen: Floats = np.eye(len(self.arms))[best]
        return chosen

    def refuse_own(self, table: pa.Table) -> None:
        """Raise LogError where the table has rows of those whom the policy learned from: it would praise itself."""
        if self.cluster not in table.column_names:
            raise LogError(f"policy: the log has no column {self.cluster!r}, so nobody can tell whom it learned from")
        own = np.isin(label_keys(table[self.cluster]), self.learned_from)
        if own.any():
            row = int(np.argmax(own))
            raise LogError(
                f"policy: {int(own.sum()):,} of {len(own):,} rows are of those it learned from (row {row}, "
                f"{self.cluster} {table[self.cluster][row].as_py()}); score it on the held-out ones or a new log"
            )

    def save(self, folder: str | Path) -> Path:
        """Write policy.npz and policy.json; returns the folder."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        with whole_file(place / "policy.npz") as beside, beside.open("wb") as file:
            np.savez_compressed(
                file, centre=self.centre, spread=self.spread, lines=self.lines, learned_from=self.learned_from
            )
        facts = ("arms", "features", "greedy", "method", "metric", "limits", "cluster")
        write_json(place / "policy.json", {"form": FORM, **{name: getattr(self, name) for name in facts}})
        return place

    @classmethod
    def load(cls, folder: str | Path) -> LearnedPolicy:
        """Inverse of save; nothing is unpickled. Raises LogError naming the file that is missing or damaged."""
        place = Path(folder)
        if not (place / "policy.json").is_file():
            raise LogError(f"{place}: holds no learned policy; `rage learn LOG --out {place}` writes one")
        facts = read_json(place / "policy.json")
        if facts.pop("form", None) != FORM:
            raise LogError(f"{place / 'policy.json'}: is no policy of form {FORM}; learn it again")
        try:
            with (place / "policy.npz").open("rb") as file, np.load(file, allow_pickle=False) as held:
                arrays = {name: held[name] for name in ("centre", "spread", "lines", "learned_from")}
            told = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
            found = cls(**told, **arrays)  # type: ignore[arg-type]  # checked below
            found.check()
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise LogError(f"{place}: damaged, or not written by rage learn ({error}); learn it again") from error
        return found


def allowed_arms(table: pa.Table, arms: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """(n, k) arms that could have been drawn, where the log tells."""
    names = [PROB_PREFIX + a for a in arms]
    if not set(names) <= set(table.column_names):
        return None
    return np.stack([np.asarray(table[c].to_numpy()) > 0 for c in names], axis=1)


def feature_columns(table: pa.Table) -> tuple[str, ...]:
    """Names of the `x_*` columns."""
    return tuple(c for c in table.column_names if c.startswith(FEATURE_PREFIX))
