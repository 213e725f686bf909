"""The one pass over a log: every estimator's terms, summed by cluster in chunks of rows.

Sums run over fixed chunks in row order, so the same log gives the same bits on any machine of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._base import Estimator, Floats, Rows

__all__ = ["CHUNK", "ClusterSums", "Clusters", "Parcel", "cluster_sums", "clusters_of", "parcel"]

CHUNK = 16_384
"""Rows per chunk: with ten arms everything a chunk needs stays in the second-level cache."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Who belongs together: rows of one cluster may depend on each other, clusters do not."""

    codes: NDArray[np.int64]  # (n,) in 0..count-1
    count: int

    def sizes(self) -> Floats:
        """(count,) rows in each."""
        return np.bincount(self.codes, minlength=self.count).astype(np.float64)


def clusters_of(labels: pa.ChunkedArray | None, n: int) -> Clusters:
    """Clusters of equal label; without labels every row is its own."""
    if labels is None:
        return Clusters(np.arange(n), n)
    if pa.types.is_integer(labels.type) and labels.null_count == 0:
        ids = np.asarray(labels.to_numpy())
        low, span = int(ids.min()), int(ids.max()) - int(ids.min()) + 1
        if span <= 2 * n:  # dense ids: a look-up table instead of a hash
            return _renumbered(ids.astype(np.int64, copy=False) - low, span)
    codes = labels.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return Clusters(np.asarray(codes, dtype=np.int64), int(codes.max()) + 1)


def _renumbered(ids: NDArray[np.int64], span: int) -> Clusters:
    seen = np.zeros(span, dtype=np.bool_)
    seen[ids] = True
    if seen.all():
        return Clusters(ids, span)
    place = np.cumsum(seen) - 1
    return Clusters(place[ids], int(place[-1]) + 1)


@dataclass(frozen=True, eq=False)
class Parcel:
    """A chunk's distinct terms, ready to be summed."""

    terms: Sequence[Floats]  # (n,) each
    heaviest: Mapping[int, float]  # {place of a term that is somebody's weights: its largest entry}
    plan: dict[str, list[int]]  # label -> places of its terms, its weights, its support


def parcel(estimators: Mapping[str, Estimator], rows: Rows) -> Parcel:
    """What the estimators make of one chunk; a term that several share is there once."""
    distinct: dict[int, Floats] = {}
    plan: dict[str, list[int]] = {}
    for name, estimator in estimators.items():
        weights = estimator.weights(rows)
        mine = (*estimator.terms(rows), weights, rows.weight if estimator.shrinks else weights)
        distinct.update({id(a): a for a in mine})
        places = list(distinct)
        plan[name] = [places.index(id(a)) for a in mine]
    terms = list(distinct.values())
    return Parcel(terms, {places[-2]: float(terms[places[-2]].max()) for places in plan.values()}, plan)


@dataclass(eq=False)
class ClusterSums:
    """Sums by cluster of every distinct term; remembers which term belongs to which estimator."""

    estimators: Mapping[str, Estimator]
    count: int
    sums: list[Floats] = field(default_factory=list)  # (count,) each, one per distinct term
    heaviest: list[float] = field(default_factory=list)  # largest entry of each term that is somebody's weights
    plan: dict[str, list[int]] = field(default_factory=dict)  # label -> its terms, its weights, its support

    def add(self, rows: Rows, codes: NDArray[np.int64]) -> None:
        """Take in one chunk."""
        self.take(parcel(self.estimators, rows), codes)

    def take(self, one: Parcel, codes: NDArray[np.int64]) -> None:
        """Take in a chunk whose terms are worked out."""
        if not self.sums:
            self.sums = [np.zeros(self.count) for _ in one.terms]
            self.heaviest = [-np.inf for _ in one.terms]
            self.plan = one.plan
        assert self.plan == one.plan, "estimators must share the same arrays in every chunk"
        add = _adder(codes)
        for slot, term in enumerate(one.terms):
            add(self.sums[slot], term)
        for slot, most in one.heaviest.items():
            self.heaviest[slot] = max(self.heaviest[slot], most)

    def keep(self, clusters: NDArray[np.bool_]) -> None:
        """Forget the clusters (count,) that turned out to have no rows."""
        self.sums = [s[clusters] for s in self.sums]
        self.count = int(clusters.sum())

    @property
    def finite(self) -> bool:
        """No term of any row was infinite or not a number."""
        with np.errstate(over="ignore", invalid="ignore"):
            return all(np.isfinite(float(s.sum())) for s in self.sums)

    def terms(self, name: str) -> list[Floats]:
        """The sums (count,) of one estimator's terms."""
        return [self.sums[s] for s in self.plan[name][:-2]]

    def weights(self, name: str) -> tuple[Floats, float]:
        """Weights per cluster (count,) and the largest weight of a row."""
        slot = self.plan[name][-2]
        return self.sums[slot], self.heaviest[slot]

    def support(self, name: str) -> Floats:
        """Sums (count,) of the weights whose mean is 1 wherever the log can answer."""
        return self.sums[self.plan[name][-1]]


def _adder(codes: NDArray[np.int64]) -> Callable[[Floats, Floats], None]:
    """Adds a chunk's terms to their clusters, in row order; the same bits whichever way is the fastest."""
    first, last = int(codes[0]), int(codes[-1]) + 1
    if last - first == len(codes) and (codes[1:] > codes[:-1]).all():  # users in their usual order, each once

        def one_each(sums: Floats, term: Floats) -> None:
            sums[first:last] += term

        return one_each
    return lambda sums, term: np.add.at(sums, codes, term)


def cluster_sums(
    estimators: Mapping[str, Estimator], chunks: Iterator[tuple[slice, Sequence[Rows]]], clusters: Clusters, cells: int
) -> list[ClusterSums]:
    """One ClusterSums per cell (a pair of policy and outcome); every chunk brings the Rows of all cells."""
    held = [ClusterSums(estimators, clusters.count) for _ in range(cells)]
    with np.errstate(invalid="ignore", over="ignore"):  # gaps are told by name afterwards
        for rows, parts in chunks:
            for sums, part in zip(held, parts, strict=True):
                sums.add(part, clusters.codes[rows])
    return held
