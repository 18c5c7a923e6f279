"""Mutual information on finite sets, and the bound that InfoGAN maximizes.

Chen et al. 2016 (arXiv 1606.03657, section 5) bound the mutual information of a code c and a sample
x from below by an auxiliary distribution Q(c | x).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from kgan.theory import checks

__all__ = ["information_bound", "mutual_information", "posterior"]


def mutual_information(joint: npt.ArrayLike) -> float:
    """Return I(c; x) = E log p(c, x) / (p(c) p(x)), in nats.

    Args:
        joint: p(c, x), `[codes, outcomes]`, which sums to 1.

    Raises:
        ValueError: negative numbers, or a sum that is not 1.

    Example:
        ```python
        kgan.theory.information.mutual_information([[0.5, 0.0], [0.0, 0.5]])  # 0.6931
        ```
    """
    p = _joint(joint)
    product = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    return float((xlogy(p, p) - xlogy(p, np.where(p > 0, product, 1.0))).sum())


def information_bound(joint: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Return L_I = E log Q(c | x) + H(c) (eq. 4), in nats.

    I(c; x) - L_I is the mean over x of KL(p(c | x), Q(c | x)), so that L_I is at most I(c; x), with
    equality where Q is the posterior. It is minus infinity where Q excludes a code that occurs.

    Args:
        joint: p(c, x), `[codes, outcomes]`, which sums to 1.
        q: Q(c | x), `[outcomes, codes]`, whose rows sum to 1.

    Raises:
        ValueError: negative numbers, other sums than 1, or shapes that do not fit.

    Example:
        ```python
        joint, q = [[0.5, 0.0], [0.0, 0.5]], [[0.5, 0.5], [0.5, 0.5]]
        kgan.theory.information.information_bound(joint, q)  # 0.0
        ```
    """
    p, q = _joint(joint), checks.probabilities("q", q)
    if q.shape != p.shape[::-1]:
        raise ValueError(
            f"Invalid value for argument `q`: expected shape {p.shape[::-1]} for a joint "
            f"distribution of shape {p.shape}, received {q.shape}."
        )
    of_codes = p.sum(1)
    return float(xlogy(p, q.T).sum() - xlogy(of_codes, of_codes).sum())


def posterior(joint: npt.ArrayLike) -> np.ndarray:
    """Return p(c | x), `[outcomes, codes]`: the best Q. It is even where p(x) is 0.

    Args:
        joint: p(c, x), `[codes, outcomes]`, which sums to 1.

    Raises:
        ValueError: negative numbers, or a sum that is not 1.

    Example:
        ```python
        kgan.theory.information.posterior([[0.5, 0.1], [0.0, 0.4]])  # [[1.0, 0.0], [0.2, 0.8]]
        ```
    """
    p = _joint(joint).T
    of_outcomes = p.sum(1, keepdims=True)
    even = np.full_like(p, 1.0 / p.shape[1])
    return np.divide(p, of_outcomes, out=even, where=of_outcomes > 0)


def _joint(joint: npt.ArrayLike) -> np.ndarray:
    array = checks.finite("joint", joint, ndim=2)
    return checks.probabilities("joint", array.ravel()).reshape(array.shape)
