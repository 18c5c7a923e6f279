"""Maximum likelihood is minimal KL divergence.

    E_p[log q_theta] = -H(p) - KL(p || q_theta)

H(p) does not depend on theta. So the theta that maximises the expected log-likelihood minimises
KL(p || q_theta). The mean log-likelihood of samples of p estimates the left side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize

from kgan.theory import checks
from kgan.theory.divergences import kl_density
from kgan.theory.quadrature import LINE, Bounds, LogDensity, Points, integral, weigh

__all__ = [
    "Family",
    "Fit",
    "entropy",
    "expected_log_likelihood",
    "exponential",
    "gaussian",
    "maximum_likelihood",
    "minimum_kl",
]

Family: TypeAlias = Callable[[np.ndarray, np.ndarray], npt.ArrayLike]


class Fit(NamedTuple):
    """The best parameters and the optimum that they reach.

    Attributes:
        theta: float64 `[k]`, the parameters.
        value: the mean log-likelihood or the divergence, in nats.
    """

    theta: np.ndarray
    value: float


def gaussian(x: np.ndarray, theta: npt.ArrayLike) -> np.ndarray:
    """Return a normal log density at `x`; `theta` is (mean, log of the standard deviation).

    Example:
        ```python
        kgan.theory.gaussian(np.array([0.0]), (0.0, 0.0))  # [-0.9189]
        ```
    """
    mean, log_std = np.asarray(theta)
    return -0.5 * ((x - mean) * np.exp(-log_std)) ** 2 - log_std - 0.5 * math.log(2 * math.pi)


def exponential(x: np.ndarray, theta: npt.ArrayLike) -> np.ndarray:
    """Return an exponential log density at `x`; `theta` is (log of the mean,).

    Example:
        ```python
        kgan.theory.exponential(np.array([2.0]), (0.0,))  # [-2.0]
        ```
    """
    (log_mean,) = np.asarray(theta)
    return np.where(x < 0, -np.inf, -x * np.exp(-log_mean) - log_mean)


def entropy(log_p: LogDensity, bounds: Bounds = LINE, points: Points = ()) -> float:
    """Return the differential entropy H(p) = -E_p[log p].

    Args:
        log_p: log density on the line: `[n]` points to `[n]` nats, -inf where there is no mass.
        bounds: `(low, high)`, finite or not; all mass must lie between them.
        points: as for `kl_density`.

    Returns:
        In nats, of either sign, with an error below 1e-8.

    Raises:
        ValueError: the density does not integrate to one.

    Example:
        ```python
        kgan.theory.entropy(scipy.stats.norm(0, 1).logpdf)  # 1.4189
        ```
    """
    return -integral(lambda _, p: weigh(p, p), {"log_p": log_p}, bounds, points)


def expected_log_likelihood(
    log_p: LogDensity, log_q: LogDensity, bounds: Bounds = LINE, points: Points = ()
) -> float:
    """Return E_p[log q], the expectation of a model's mean log-likelihood on data from p.

    Args:
        log_p: log density of the data, as for `entropy`.
        log_q: log density of the model.
        bounds: `(low, high)`, finite or not; all mass of both must lie between them.
        points: as for `kl_density`.

    Returns:
        In nats, with an error below 1e-8; -inf where q lacks mass that p has.

    Raises:
        ValueError: a density does not integrate to one.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.expected_log_likelihood(p, q)  # -1.9189
        ```
    """
    densities = {"log_p": log_p, "log_q": log_q}
    return integral(lambda _, p, q: weigh(p, q), densities, bounds, points)


def maximum_likelihood(family: Family, samples: npt.ArrayLike, start: npt.ArrayLike) -> Fit:
    """Return the parameters that maximise the likelihood of samples.

    Args:
        family: log density: points `[n, ...]` and parameters `[k]` to `[n]` nats. Every `theta`
            must be valid: parametrise a standard deviation by its logarithm.
        samples: `[n, ...]`.
        start: `[k]`, where the search begins.

    Returns:
        The parameters, with an error of about 1e-6, and the mean log-likelihood.

    Raises:
        ValueError: samples or start that are not finite, or a search that does not end.

    Example:
        ```python
        found = kgan.theory.maximum_likelihood(kgan.theory.gaussian, [1.0, 3.0], start=(0.0, 0.0))
        found.theta  # [2.0, 0.0]
        ```
    """
    x = np.atleast_1d(checks.finite("samples", samples))

    def loss(theta: np.ndarray) -> float:
        return -float(checks.nats("family", lambda x: family(x, theta), x).mean())

    theta, lowest = _minimise(loss, start)
    return Fit(theta, -lowest)


def minimum_kl(
    log_p: LogDensity,
    family: Family,
    start: npt.ArrayLike,
    bounds: Bounds = LINE,
    points: Points = (),
) -> Fit:
    """Return the member of a family that minimises KL(p || q_theta).

    Args:
        log_p: log density of the data, as for `entropy`.
        family: as for `maximum_likelihood`, on points `[n]`.
        start: `[k]`, where the search begins.
        bounds: as for `entropy`.
        points: as for `entropy`.

    Returns:
        The parameters, with an error of about 1e-6, and the divergence that is left.

    Raises:
        ValueError: a density does not integrate to one, or a search that does not end.

    Example:
        ```python
        p = scipy.stats.norm(2, 1).logpdf
        kgan.theory.minimum_kl(p, kgan.theory.gaussian, start=(0.0, 0.0)).theta  # [2.0, 0.0]
        ```
    """

    def loss(theta: np.ndarray) -> float:
        return kl_density(log_p, lambda x: family(x, theta), bounds, points)

    return Fit(*_minimise(loss, start))


def _minimise(
    loss: Callable[[np.ndarray], float], start: npt.ArrayLike
) -> tuple[np.ndarray, float]:
    """Minimise by the method of Nelder and Mead, which accepts infinite losses."""
    start = checks.finite("start", start, 1)
    simplex = start + 0.5 * np.eye(len(start) + 1, len(start), -1)
    options = {"initial_simplex": simplex, "xatol": 1e-6, "fatol": 1e-12}
    with np.errstate(invalid="ignore"):  # inf - inf, between two infinite losses
        found = optimize.minimize(loss, start, method="Nelder-Mead", options=options)
    if not found.success or not math.isfinite(found.fun):
        raise ValueError(
            "Invalid value for argument `start`: expected a place from which the search ends, "
            f"received {start.tolist()}: {found.message} Best: {found.fun}."
        )
    return found.x, float(found.fun)
