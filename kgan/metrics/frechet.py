"""Frechet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.linalg

from kgan.metrics import checks

__all__ = ["Moments", "frechet_distance"]


class Moments:
    """Mean and covariance of batches of features, accumulated in float64.

    Each batch is centred on its own mean, and batches are merged by the update of Chan, Golub &
    LeVeque 1983. So no digits are lost far from the origin, and the order and size of the batches
    do not matter.

    Attributes:
        count: number of rows.

    Example:
        ```python
        moments = kgan.metrics.Moments()
        for batch in np.random.default_rng(0).normal(size=(10, 100, 2)):
            moments.update(batch)
        moments.count  # 1000
        ```
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    def update(self, features: npt.ArrayLike) -> Moments:
        """Add a batch `[n, d]` and return itself."""
        rows = checks.samples("features", features).astype(np.float64)
        if self.count:
            checks.same_width("self", self._mean[None], "features", rows)
        batch = Moments()
        batch.count = len(rows)
        batch._mean = rows.mean(axis=0)
        rows -= batch._mean
        batch._scatter = rows.T @ rows
        return self.merge(batch)

    def merge(self, other: Moments) -> Moments:
        """Add the rows of `other` and return itself."""
        if not self.count:
            self.count, self._mean, self._scatter = other.count, other._mean, other._scatter
        elif other.count:
            checks.same_width("self", self._mean[None], "other", other._mean[None])
            total = self.count + other.count
            step = other._mean - self._mean
            self._mean = self._mean + step * (other.count / total)
            between = np.outer(step, step) * (self.count * other.count / total)
            self._scatter = self._scatter + other._scatter + between
            self.count = total
        return self

    @property
    def mean(self) -> np.ndarray:
        """float64 `[d]`."""
        return self._mean

    @property
    def covariance(self) -> np.ndarray:
        """float64 `[d, d]`, unbiased (divided by `count - 1`)."""
        if self.count < 2:
            raise ValueError(
                "Invalid value for argument `features`: expected at least 2 rows before "
                f"a covariance, received {self.count}. Call `update` with more."
            )
        return self._scatter / (self.count - 1)


Features: TypeAlias = npt.ArrayLike | Moments


def frechet_distance(real: Features, samples: Features) -> float:
    """Return the Frechet distance between Gaussians fitted to real and generated features.

    With Inception features it is the FID (Heusel et al. 2017, eq. 6). It is 0 for equal means and
    covariances, whatever else differs.

    Compare only distances with equal features and equal numbers of rows. The estimate is biased
    upwards, by an amount that depends on the generator (Binkowski et al. 2018, section 4) and grows
    as the rows per feature decrease. Report beside it the distance between two halves of the real
    data, with as many rows each.

    Args:
        real: `[n, d]` features, at least 2 rows, or their `Moments`.
        samples: `[m, d]` features, or their `Moments`.

    Returns:
        The squared distance, at least 0, in the squared unit of the features. Its rounding error is
        about 1e-15 of the traces, or 1e-8 where a covariance is singular (too few rows).

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or has fewer than 2 rows.

    Example:
        ```python
        real = np.random.default_rng(0).normal(size=(1000, 2))
        kgan.metrics.frechet_distance(real, real + [3.0, 4.0])  # 25.0
        ```
    """
    first, second = _moments("real", real), _moments("samples", samples)
    checks.same_width("real", first.covariance, "samples", second.covariance)
    return _distance(first.mean, first.covariance, second.mean, second.covariance)


def _moments(name: str, value: Features) -> Moments:
    if isinstance(value, Moments):
        return value
    return Moments().update(checks.samples(name, value, 2))


def _distance(m: np.ndarray, C: np.ndarray, m2: np.ndarray, C2: np.ndarray) -> float:
    """Return |m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2) (Dowson & Landau 1982).

    The last trace is the sum of the singular values of C^1/2 C'^1/2, and of F^T F' for any factors
    F F^T = C. It is real and not negative, also for singular covariances. A matrix root of the
    product would square the singular values and lose half of the digits of small ones.
    """
    overlap = scipy.linalg.svdvals(_factor(C).T @ _factor(C2)).sum()
    distance = ((m - m2) ** 2).sum() + np.trace(C) + np.trace(C2) - 2 * overlap
    return max(float(distance), 0.0)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """Return F with F F^T = C; eigenvalues that are negative by rounding count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.clip(values, 0, None))
