"""Kullback-Leibler and Jensen-Shannon divergences, in nats.

    KL(p || q)  = E_p[log p - log q]                    in [0, inf], infinite where p has mass
                                                        and q has none
    JSD(p || q) = KL(p || m)/2 + KL(q || m)/2           in [0, log 2], log 2 on disjoint supports
    m = (p + q)/2                                       (Goodfellow et al. 2014, section 4.1)

Each has a form for probabilities of outcomes, for densities on the line, and for samples in any
dimension. All work on logarithms, which do not underflow: with o = log p - log q,

    log p - log m = log 2 + log sigmoid(o),    log q - log m = log 2 + log sigmoid(-o).

Rounding and quadrature can move a result past the ends of its range, by at most 1e-8. Such results
are clipped to the range.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.special import log_expit

from kgan.theory import checks
from kgan.theory.quadrature import LINE, Bounds, LogDensity, Points, integral, weigh

__all__ = [
    "Estimate",
    "jsd",
    "jsd_density",
    "jsd_samples",
    "kl",
    "kl_density",
    "kl_gaussian",
    "kl_samples",
]

LOG_2 = math.log(2.0)


class Estimate(NamedTuple):
    """A mean over samples and its standard error."""

    value: float
    standard_error: float


def kl(p: npt.ArrayLike, q: npt.ArrayLike) -> np.ndarray:
    """Return KL(p || q) of probabilities.

    Args:
        p: `[..., outcomes]`, sums of one over the last axis.
        q: the same shape.

    Returns:
        float64 `[...]` in [0, inf]; 0 log 0 is 0.

    Raises:
        ValueError: negative numbers, other sums, or shapes that differ.

    Example:
        ```python
        kgan.theory.kl([0.5, 0.5], [0.9, 0.1])  # 0.5108
        ```
    """
    return np.maximum(kl_terms(*_log_probabilities(p, q)).sum(axis=-1), 0.0)


def jsd(p: npt.ArrayLike, q: npt.ArrayLike) -> np.ndarray:
    """Return JSD(p || q) of probabilities; see `kl` for arguments and errors.

    Returns:
        float64 `[...]` in [0, log 2].

    Example:
        ```python
        kgan.theory.jsd([1.0, 0.0], [0.0, 1.0])  # 0.6931
        ```
    """
    return np.clip(_jsd_terms(*_log_probabilities(p, q)).sum(axis=-1), 0.0, LOG_2)


def kl_density(
    log_p: LogDensity, log_q: LogDensity, bounds: Bounds = LINE, points: Points = ()
) -> float:
    """Return KL(p || q) of densities on the line, by adaptive quadrature.

    Args:
        log_p: log density of p, such as `scipy.stats.norm(0, 1).logpdf`: `[n]` points to `[n]`
            nats, -inf where there is no mass.
        log_q: log density of q.
        bounds: `(low, high)`, finite or not; all mass of both must lie between them.
        points: where p or q jumps, and where a bounded support is narrower than a hundredth of
            its distance from zero. Peaks and other supports are found without.

    Returns:
        In [0, inf], with an error below 1e-8, or below 1e-10 of its size where that is more.
        Neither density may be narrower than 1e-8 of its distance from zero. Points where both
        are below 1e-200 do not count.

    Raises:
        ValueError: a density does not integrate to one, so part of its mass was missed.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.kl_density(p, q)  # 0.5
        ```
    """
    densities = {"log_p": log_p, "log_q": log_q}
    return max(integral(lambda _, p, q: kl_terms(p, q), densities, bounds, points), 0.0)


def jsd_density(
    log_p: LogDensity, log_q: LogDensity, bounds: Bounds = LINE, points: Points = ()
) -> float:
    """Return JSD(p || q) of densities on the line; see `kl_density` for arguments and errors.

    Returns:
        In [0, log 2], with an error below 1e-8.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.jsd_density(p, q)  # 0.1114
        ```
    """
    densities = {"log_p": log_p, "log_q": log_q}
    total = integral(lambda _, p, q: _jsd_terms(p, q), densities, bounds, points)
    return min(max(total, 0.0), LOG_2)


def kl_samples(log_p: LogDensity, log_q: LogDensity, x_p: npt.ArrayLike) -> Estimate:
    """Return KL(p || q) as the mean of log p - log q over samples of p.

    Args:
        log_p: log density of p: points `[n, ...]` to `[n]` nats.
        log_q: log density of q.
        x_p: `[n, ...]`, n at least 2, independent samples of p.

    Returns:
        The mean and its standard error. The mean is unbiased and may be negative. If q has no
        mass at one of the samples, KL is infinite: (inf, 0).

    Raises:
        ValueError: fewer than two samples, or one where p has no mass.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1), scipy.stats.norm(1, 1)
        estimate = kgan.theory.kl_samples(p.logpdf, q.logpdf, p.rvs(1000, random_state=0))
        print(estimate.value, estimate.standard_error)  # 0.5 is the exact value
        ```
    """
    log_ratio = _log_ratio("x_p", x_p, log_p=log_p, log_q=log_q)
    if np.isinf(log_ratio).any():
        return Estimate(math.inf, 0.0)
    return Estimate(float(log_ratio.mean()), math.sqrt(_variance_of_mean(log_ratio)))


def jsd_samples(
    log_p: LogDensity, log_q: LogDensity, x_p: npt.ArrayLike, x_q: npt.ArrayLike
) -> Estimate:
    """Return JSD(p || q) from samples of both; see `kl_samples` for the functions and errors.

    Args:
        log_p: log density of p.
        log_q: log density of q.
        x_p: `[n, ...]`, n at least 2, independent samples of p.
        x_q: `[n', ...]`, n' at least 2, independent samples of q.

    Returns:
        Half the sum of both means, and its standard error. The estimate is unbiased and may leave
        [0, log 2].

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1), scipy.stats.norm(1, 1)
        draws = [each.rvs(1000, random_state=i) for i, each in enumerate((p, q))]
        estimate = kgan.theory.jsd_samples(p.logpdf, q.logpdf, *draws)  # 0.1114 is the exact value
        ```
    """
    terms = [
        LOG_2 + log_expit(_log_ratio("x_p", x_p, log_p=log_p, log_q=log_q)),
        LOG_2 + log_expit(_log_ratio("x_q", x_q, log_q=log_q, log_p=log_p)),
    ]
    variance = sum(_variance_of_mean(term) for term in terms)
    return Estimate(float(sum(term.mean() for term in terms)) / 2, math.sqrt(variance) / 2)


def kl_gaussian(
    mean_p: npt.ArrayLike,
    covariance_p: npt.ArrayLike,
    mean_q: npt.ArrayLike,
    covariance_q: npt.ArrayLike,
) -> float:
    """Return KL(p || q) of two normal distributions, in closed form.

        (tr(S_q^-1 S_p) + (m_q - m_p)^T S_q^-1 (m_q - m_p) - d + log det S_q - log det S_p) / 2

    Args:
        mean_p: m_p, `[d]`, or a number.
        covariance_p: S_p, `[d, d]`, symmetric and positive definite; or a variance.
        mean_q: m_q, as `mean_p`.
        covariance_q: S_q, as `covariance_p`.

    Returns:
        In [0, inf).

    Raises:
        ValueError: shapes that do not fit, or a covariance that is not one.

    Example:
        ```python
        kgan.theory.kl_gaussian([0.0], [[1.0]], [1.0], [[1.0]])  # 0.5
        ```
    """
    mean_p, root_p = _gaussian("mean_p", mean_p, "covariance_p", covariance_p)
    mean_q, root_q = _gaussian("mean_q", mean_q, "covariance_q", covariance_q)
    checks.same_shape("mean_p", mean_p, "mean_q", mean_q)
    spread = linalg.solve_triangular(root_q, root_p, lower=True)
    shift = linalg.solve_triangular(root_q, mean_q - mean_p, lower=True)
    log_determinants = 2 * np.log(np.diag(root_q) / np.diag(root_p)).sum()
    total = (spread**2).sum() + (shift**2).sum() - len(mean_p) + log_determinants
    return max(float(total) / 2, 0.0)


def _log_probabilities(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = checks.distributions(p=p, q=q)
    with np.errstate(divide="ignore"):
        return np.log(p), np.log(q)


def kl_terms(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Return the terms p (log p - log q), of outcomes or at points."""
    with np.errstate(invalid="ignore"):
        return weigh(log_p, log_p - log_q)


def _jsd_terms(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Return the terms (p (log p - log m) + q (log q - log m)) / 2."""
    with np.errstate(invalid="ignore"):
        o = log_p - log_q
    return (weigh(log_p, LOG_2 + log_expit(o)) + weigh(log_q, LOG_2 + log_expit(-o))) / 2


def _log_ratio(name: str, x: npt.ArrayLike, **densities: LogDensity) -> np.ndarray:
    """Return the log of the first density over the second, `[n]`, at samples of the first."""
    x = np.atleast_1d(checks.finite(name, x))
    own, other = (checks.nats(argument, log, x) for argument, log in densities.items())
    if len(x) < 2 or not np.isfinite(own).all():
        raise ValueError(
            f"Invalid value for argument `{name}`: expected two or more samples of the density "
            f"`{next(iter(densities))}`, received shape {x.shape} with "
            f"{(~np.isfinite(own)).sum()} where that density is zero or infinite."
        )
    return own - other


def _variance_of_mean(terms: np.ndarray) -> float:
    return float(terms.var(ddof=1)) / len(terms)


def _gaussian(
    mean_name: str, mean: npt.ArrayLike, covariance_name: str, covariance: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean `[d]` and the lower Cholesky factor `[d, d]` of the covariance."""
    mean = np.atleast_1d(checks.finite(mean_name, mean))
    covariance = np.atleast_2d(checks.finite(covariance_name, covariance))
    shape = (mean.size, mean.size)
    if mean.ndim != 1 or covariance.shape != shape:
        raise ValueError(
            f"Invalid value for argument `{covariance_name}`: expected shape {shape} beside a "
            f"`{mean_name}` of shape {mean.shape}, received shape {covariance.shape}."
        )
    try:
        if not np.allclose(covariance, covariance.T, rtol=1e-12, atol=0):
            raise linalg.LinAlgError
        return mean, linalg.cholesky(covariance, lower=True)
    except linalg.LinAlgError:
        raise ValueError(
            f"Invalid value for argument `{covariance_name}`: expected a symmetric, positive "
            f"definite matrix or a positive variance, received {covariance.tolist()}."
        ) from None
