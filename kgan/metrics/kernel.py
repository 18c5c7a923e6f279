"""Kernel distance between two sets of features: the squared MMD of a cubic kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kgan.metrics import checks
from kgan.utils.checks import integer

__all__ = ["KernelDistance", "kernel_distance"]

_LEAST_BLOCKS = 10  # the standard error is then itself known to a quarter


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """An unbiased estimate and its standard error.

    Attributes:
        mean: the estimate. Its expectation is 0 for equal distributions, so it may be negative.
        standard_error: standard error of the mean, over the blocks.
        blocks: number of blocks.
        block_size: rows of each set in a block.
    """

    mean: float
    standard_error: float
    blocks: int
    block_size: int


def kernel_distance(
    real: npt.ArrayLike, samples: npt.ArrayLike, block_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Return the squared maximum mean discrepancy under the kernel (x.y / d + 1)^3.

    With Inception features it is the KID (Binkowski et al. 2018, section 4; the estimator is
    Gretton et al. 2012, eq. 3). The cubic kernel compares means, covariances and skewness. Unlike
    the Frechet distance it is unbiased, so values from different numbers of rows are comparable;
    the features must be the same.

    The rows are shuffled and cut into disjoint blocks, which makes the standard error valid; the
    paper draws overlapping blocks. Rows beyond the last whole block, and surplus rows of the larger
    set, are ignored. A mean within 2 standard errors of 0 means that this number of rows detects no
    difference.

    Args:
        real: `[n, d]` features, at least 20 rows.
        samples: `[m, d]` features, at least 20 rows.
        block_size: rows of each set in a block, at least 2. It is reduced so that there are at
            least 10 blocks.
        seed: seed of the shuffle.

    Returns:
        A `KernelDistance`. It has no unit, but depends on the scale of the features.

    Raises:
        ValueError: an array is not finite or not `[n, d]`, has fewer than 20 rows, or
            `block_size` is less than 2.

    Example:
        ```python
        real, samples = np.random.default_rng(0).normal(size=(2, 1000, 2))
        kgan.metrics.kernel_distance(real, samples)  # mean near 0, beside its standard error
        ```
    """
    real = checks.samples("real", real, 2 * _LEAST_BLOCKS)
    samples = checks.samples("samples", samples, 2 * _LEAST_BLOCKS)
    checks.same_width("real", real, "samples", samples)
    rows = min(len(real), len(samples))
    size = min(integer("block_size", block_size, 2), rows // _LEAST_BLOCKS)
    blocks = rows // size
    rng = np.random.default_rng(seed)
    ours, theirs = (_shuffled_blocks(x, blocks, size, rng) for x in (real, samples))
    values = [_mmd(x, y) for x, y in zip(ours, theirs, strict=True)]
    error = np.std(values, ddof=1) / np.sqrt(blocks)
    return KernelDistance(float(np.mean(values)), float(error), blocks, size)


def _shuffled_blocks(
    rows: np.ndarray, blocks: int, size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    for indices in rng.permutation(len(rows))[: blocks * size].reshape(blocks, size):
        yield rows[indices].astype(np.float64)


def _mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Return the U-statistic, which compares no row with itself."""
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * _kernel(x, y).mean()


def _mean_of_pairs(x: np.ndarray) -> float:
    values = _kernel(x, x)
    np.fill_diagonal(values, 0)
    return values.sum() / (len(x) * (len(x) - 1))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3
