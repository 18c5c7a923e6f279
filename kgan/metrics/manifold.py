"""Precision and recall, density and coverage: quality and variety from nearest neighbours.

Each metric puts a closed ball on every row of a set, with the distance to the row's k-th nearest
neighbour in the same set as radius, and counts which balls contain which rows of the other set.
Balls of duplicate rows may have radius 0. They contain only their own copies, so every metric
stays finite for collapsed and memorising generators.

Compare only values with equal features, k and numbers of rows.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from kgan.metrics import checks
from kgan.metrics.neighbours import nearest
from kgan.utils.checks import integer

__all__ = ["DensityCoverage", "PrecisionRecall", "density_coverage", "precision_recall"]

_BLOCK = 1 << 21  # distances of one block: 16 MiB in float64
_SLACK = 1e-12  # of the squared norms: the rounding of a float64 product of some 1,000 features


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """Improved precision and recall, both in [0, 1].

    Attributes:
        precision: share of the samples inside the manifold of the data: quality.
        recall: share of the data inside the manifold of the samples: variety.
    """

    precision: float
    recall: float


@dataclasses.dataclass(frozen=True)
class DensityCoverage:
    """Density and coverage: about (1, 1 - 2^-k) for equal distributions and numbers of rows.

    Attributes:
        density: at least 0: density of the data around a sample, relative to that around the data;
            above 1 if samples concentrate in dense regions.
        coverage: in [0, 1]: share of the data with a sample within their k-th neighbour.
    """

    density: float
    coverage: float


def precision_recall(real: npt.ArrayLike, samples: npt.ArrayLike, k: int = 3) -> PrecisionRecall:
    """Return improved precision and recall (Kynkaanniemi et al. 2019, eqs. 1 and 2).

    Equal distributions do not reach 1; two halves of the real data show the values that they
    reach. An outlier has a large ball, so samples near it count (Naeem et al. 2020, section 2): a
    generator of outliers can have a high recall.

    Constant samples have recall 0, unless the data contain the constant. Their precision is 1 or 0:
    they lie within some ball of the data or not. A memorising generator has precision 1.

    Args:
        real: `[n, d]` features, more than k rows.
        samples: `[m, d]` features, more than k rows.
        k: the neighbour whose distance is the radius.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or has k rows or fewer.

    Example:
        ```python
        real = np.random.default_rng(0).normal(size=(100, 2))
        kgan.metrics.precision_recall(real, real[:50]).precision  # 1.0
        ```
    """
    k = integer("k", k, 1)
    real, samples = _pair(real, k + 1, samples, k + 1)
    around_real, _ = _inside(samples, real, _radii(real, k))
    around_samples, _ = _inside(real, samples, _radii(samples, k))
    return PrecisionRecall(float((around_real > 0).mean()), float((around_samples > 0).mean()))


def density_coverage(real: npt.ArrayLike, samples: npt.ArrayLike, k: int = 5) -> DensityCoverage:
    """Return density and coverage (Naeem et al. 2020, section 3), from balls around the data alone.

    Equal distributions have expected density 1 and, with equal numbers of rows, expected coverage
    about 1 - 2^-k. Both are known without real data, unlike those of `precision_recall`.

    Constant samples have a coverage near 0, and any density. The training data as samples have
    density (k + 1)/k and coverage 1: neither detects memorisation.

    Args:
        real: `[n, d]` features, more than k rows.
        samples: `[m, d]` features, any number of rows.
        k: the neighbour whose distance is the radius.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or `real` has k rows or fewer.

    Example:
        ```python
        real = np.random.default_rng(0).normal(size=(100, 2))
        kgan.metrics.density_coverage(real, real).coverage  # 1.0
        ```
    """
    k = integer("k", k, 1)
    real, samples = _pair(real, k + 1, samples, 1)
    balls, rows = _inside(samples, real, _radii(real, k))
    return DensityCoverage(float(balls.sum() / (k * len(samples))), float((rows > 0).mean()))


def _pair(
    real: npt.ArrayLike, least_real: int, samples: npt.ArrayLike, least_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets as checked rows of equal size."""
    real = checks.samples("real", real, least_real)
    samples = checks.samples("samples", samples, least_samples)
    checks.same_width("real", real, "samples", samples)
    return real, samples


def _radii(rows: np.ndarray, k: int) -> np.ndarray:
    distances, _ = nearest(rows, rows, k, exclude_self=True)
    return distances[:, -1]


def _inside(
    points: np.ndarray, centres: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many balls contain each point, and how many points each ball contains.

    Distances are computed from products, which round. The slack counts points on the boundary as
    inside: copies of the k-th neighbour, and of the centre of a ball of radius 0.
    """
    shift = centres.mean(axis=0, dtype=np.float64)
    centres = centres - shift
    reach = radii**2 - (1 - _SLACK) * np.einsum("ij,ij->i", centres, centres)
    balls, held = np.empty(len(points), np.int64), np.zeros(len(centres), np.int64)
    rows = max(1, _BLOCK // len(centres))
    for start in range(0, len(points), rows):
        block = points[start : start + rows] - shift
        norms = (1 - _SLACK) * np.einsum("ij,ij->i", block, block)
        inside = norms[:, None] - 2 * (block @ centres.T) <= reach
        balls[start : start + rows] = np.count_nonzero(inside, axis=1)
        held += np.count_nonzero(inside, axis=0)
    return balls, held
