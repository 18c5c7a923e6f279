"""Nearest neighbours among rows: scikit-learn finds them, an exact difference measures them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from kgan.metrics import checks

__all__ = ["nearest"]

_BLOCK = 1 << 23  # numbers of one block of differences: 64 MiB in float64


def nearest(
    queries: Any, references: Any, k: int = 1, exclude_self: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest references of each query by Euclidean distance, the nearest first.

    The search works on ||x||^2 - 2 x.y + ||y||^2 in float64, whose rounding is up to some 1e-8 of
    the rows' norms; the distances returned are those of the differences, so that a copy is at
    distance 0 and no other row is. References as near as each other come in no certain order.

    Args:
        queries: `[n, d]`.
        references: `[m, d]`.
        k: how many neighbours.
        exclude_self: query i is reference i, and no neighbour of itself; a copy of it is.

    Returns:
        float64 distances `[n, k]` in the unit of the rows, and int64 indices `[n, k]`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or there are fewer than k references.
    """
    queries = checks.samples("queries", queries)
    references = checks.samples("references", references)
    checks.same_width("queries", queries, "references", references)
    k = checks.count("k", k, len(references) - exclude_self)
    if exclude_self and len(queries) != len(references):
        raise ValueError(
            "Invalid value for argument `references`: expected the queries themselves with "
            f"`exclude_self`, {queries.shape}, received shape {references.shape}."
        )
    search = NearestNeighbors(n_neighbors=k + exclude_self, algorithm="brute").fit(references)
    indices = search.kneighbors(queries, return_distance=False)
    if exclude_self:
        indices = _without_self(indices)
    distances = _distances(queries, references, indices)
    order = distances.argsort(axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1)


def _without_self(indices: np.ndarray) -> np.ndarray:
    """Drops i from row i or, where k copies came before it, the last of them."""
    drop = indices == np.arange(len(indices))[:, None]
    drop[~drop.any(axis=1), -1] = True
    return indices[~drop].reshape(len(indices), -1)


def _distances(queries: np.ndarray, references: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """float64 distances `[n, k]` of each query to the references of its row."""
    rows = max(1, _BLOCK // (indices.shape[1] * queries.shape[1]))
    distances = np.empty(indices.shape)
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        differences = queries[block, None].astype(np.float64) - references[indices[block]]
        distances[block] = np.linalg.norm(differences, axis=2)
    return distances
