"""Quality apart from variety: precision and recall, density and coverage, from neighbours.

All four put a closed ball on each row of a set, as wide as the distance to the row's k-th nearest
neighbour in the same set, and count which balls hold which rows of the other set. A collapsed or a
memorising generator has copies among its samples, whose balls may have radius 0: they hold their
own copies and nothing else, and every figure stays a number.

Compare figures of equal features, k and numbers of rows only.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kgan.metrics import checks
from kgan.metrics.neighbours import nearest

__all__ = ["DensityCoverage", "PrecisionRecall", "density_coverage", "precision_recall"]

_BLOCK = 1 << 21  # distances of one block: 16 MiB in float64
_SLACK = 1e-12  # of the squared norms: the rounding of a float64 product of some 1,000 features


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """Both in [0, 1].

    Attributes:
        precision: share of the samples that lie where data are: quality.
        recall: share of the data that lie where samples are: variety.
    """

    precision: float
    recall: float


@dataclasses.dataclass(frozen=True)
class DensityCoverage:
    """About (1, 1 - 2^-k) for equal distributions and as many samples as data.

    Attributes:
        density: from 0, without bound: how densely data surround a sample, over the data's own
            density; above 1 where samples keep to the dense regions.
        coverage: in [0, 1]: share of the data that have a sample within their k-th neighbour.
    """

    density: float
    coverage: float


def precision_recall(real: Any, samples: Any, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eqs. 1 and 2).

    Equal distributions do not get 1: the floor, two halves of the real data, says what they get.
    One outlier has a wide ball, which makes samples near it count (Naeem et al. 2020, section 2):
    a recall that is high because the generator is wild looks no different.

    Samples that are one constant have recall 0, unless the data hold it too, and precision 1 or
    0, as they lie within some ball of the data or not. A memorising generator has precision 1.

    Args:
        real: `[n, d]` features, more than k rows.
        samples: `[m, d]` features, more than k rows.
        k: which neighbour is the radius.

    Returns:
        A `PrecisionRecall`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or has k rows or fewer.
    """
    real = checks.samples("real", real, checks.count("k", k) + 1)
    samples = checks.samples("samples", samples, k + 1)
    checks.same_width("real", real, "samples", samples)
    around_real, _ = _inside(samples, real, _radii(real, k))
    around_samples, _ = _inside(real, samples, _radii(samples, k))
    return PrecisionRecall(float((around_real > 0).mean()), float((around_samples > 0).mean()))


def density_coverage(real: Any, samples: Any, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, section 3), with balls around the data alone.

    Equal distributions have expected density 1 and, with as many samples as data, expected
    coverage 1 - 2^-k nearly: both are known without a floor, unlike those of `precision_recall`.

    Samples that are one constant have a coverage near 0, and any density. The training data
    themselves as samples have density (k + 1)/k and coverage 1: neither shows memorisation.

    Args:
        real: `[n, d]` features, more than k rows.
        samples: `[m, d]` features, any number of rows.
        k: which neighbour is the radius.

    Returns:
        A `DensityCoverage`.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or `real` has k rows or fewer.
    """
    real = checks.samples("real", real, checks.count("k", k) + 1)
    samples = checks.samples("samples", samples)
    checks.same_width("real", real, "samples", samples)
    balls, rows = _inside(samples, real, _radii(real, k))
    return DensityCoverage(float(balls.sum() / (k * len(samples))), float((rows > 0).mean()))


def _radii(rows: np.ndarray, k: int) -> np.ndarray:
    distances, _ = nearest(rows, rows, k, exclude_self=True)
    return distances[:, -1]


def _inside(
    points: np.ndarray, centres: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many balls hold each point, and how many points each ball holds.

    Distances come from products, which round. The slack decides for "inside" where a point is on
    the rim, as a copy of the k-th neighbour is, and a copy of the centre of a ball of radius 0.
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
