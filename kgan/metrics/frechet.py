"""Frechet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from kgan.metrics import checks

__all__ = ["Moments", "frechet_distance"]


class Moments:
    """Mean and covariance of features that come in batches, in float64.

    Each batch is centred on its own mean before it is squared, and two sets of moments are joined
    by the update of Chan, Golub & LeVeque 1983: no digits are lost far from the origin, and
    neither the order nor the size of the batches matters.

    Attributes:
        count: rows so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    def update(self, features: Any) -> Moments:
        """Adds a batch `[n, d]`; returns itself."""
        features = checks.samples("features", features).astype(np.float64)
        if self.count:
            checks.same_width("self", self._mean[None], "features", features)
        batch = Moments()
        batch.count = len(features)
        batch._mean = features.mean(axis=0)
        features -= batch._mean
        batch._scatter = features.T @ features
        return self.merge(batch)

    def merge(self, other: Moments) -> Moments:
        """Adds all that `other` has seen; returns itself."""
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


def frechet_distance(real: Any, samples: Any) -> float:
    """Frechet distance between Gaussians fitted to real and generated features.

    This is the number that is called FID when the features are those of the Inception network
    (Heusel et al. 2017, eq. 6). It is 0 for equal means and covariances, whatever else differs.

    Do not compare it with a figure from other features, nor from another number of rows: it is
    biased upwards, by an amount that depends on the generator (Binkowski et al. 2018, section 4),
    and more so the fewer rows there are for each feature. Report its floor beside it: the distance
    between two halves of the real data, with as many rows each.

    Args:
        real: `[n, d]` features, at least 2 rows, or their `Moments`.
        samples: `[m, d]` features, or their `Moments`.

    Returns:
        The squared distance, from 0, in the squared unit of the features. Its rounding is some
        1e-15 of the traces, or 1e-8 where a covariance is singular (too few rows).

    Raises:
        ValueError: an array is not finite or not `[n, d]`, or has fewer than 2 rows.
    """
    first, second = _moments("real", real), _moments("samples", samples)
    checks.same_width("real", first.covariance, "samples", second.covariance)
    return _distance(first.mean, first.covariance, second.mean, second.covariance)


def _moments(name: str, value: Any) -> Moments:
    if isinstance(value, Moments):
        return value
    return Moments().update(checks.samples(name, value, 2))


def _distance(m: np.ndarray, C: np.ndarray, m2: np.ndarray, C2: np.ndarray) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2) (Dowson & Landau 1982).

    The last trace is the sum of the singular values of C^1/2 C'^1/2, and so of F^T F' for any
    factors F F^T = C: real and not negative, for singular covariances too. A root of the product
    itself would first square the singular values, and lose half of the digits of small ones.
    """
    overlap = scipy.linalg.svdvals(_factor(C).T @ _factor(C2)).sum()
    distance = ((m - m2) ** 2).sum() + np.trace(C) + np.trace(C2) - 2 * overlap
    return max(float(distance), 0.0)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F with F F^T = C; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.clip(values, 0, None))
