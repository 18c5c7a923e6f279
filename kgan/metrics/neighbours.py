"""Nearest neighbours among rows, found by scikit-learn, with distances from exact differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from kgan.metrics import checks
from kgan.utils.checks import integer

__all__ = ["nearest"]

_BLOCK = 1 << 23  # numbers of one block of differences: 64 MiB in float64


def nearest(
    queries: npt.ArrayLike, references: npt.ArrayLike, k: int = 1, exclude_self: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest references of each query by Euclidean distance, the nearest first.

    The search uses ||x||^2 - 2 x.y + ||y||^2 in float64, with rounding errors up to about 1e-8 of
    the norms. The returned distances are norms of differences: 0 for copies and only for copies.
    The order of equally near references is not defined.

    Args:
        queries: `[n, d]`.
        references: `[m, d]`.
        k: number of neighbours.
        exclude_self: query i is reference i and not its own neighbour; copies of it still are.

    Returns:
        float64 distances `[n, k]` in the unit of the rows, and int64 indices `[n, k]`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or there are fewer than k references.

    Example:
        ```python
        distances, places = kgan.metrics.nearest([[0.0, 0.0]], [[3.0, 4.0], [6.0, 8.0]])
        distances  # [[5.0]]
        ```
    """
    queries = checks.samples("queries", queries)
    references = checks.samples("references", references)
    checks.same_width("queries", queries, "references", references)
    k = integer("k", k, 1, len(references) - exclude_self)
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
    """Drop i from row i or, where k copies precede it, the last of them."""
    drop = indices == np.arange(len(indices))[:, None]
    drop[~drop.any(axis=1), -1] = True
    return indices[~drop].reshape(len(indices), -1)


def _distances(queries: np.ndarray, references: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return float64 distances `[n, k]` of each query to the references of its row."""
    rows = max(1, _BLOCK // (indices.shape[1] * queries.shape[1]))
    distances = np.empty(indices.shape)
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        differences = queries[block, None].astype(np.float64) - references[indices[block]]
        distances[block] = np.linalg.norm(differences, axis=2)
    return distances
