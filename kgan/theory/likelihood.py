"""Maximum likelihood is minimal KL divergence.

    E_p[log q_theta] = -H(p) - KL(p || q_theta)

and H(p) does not depend on theta: the theta that maximises the expected log-likelihood minimises
KL(p || q_theta). The mean log-likelihood of samples of p estimates the left side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from . import checks
from .divergences import kl_density
from .quadrature import LINE, LogDensity, integral, weigh

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

Family = Callable[[np.ndarray, np.ndarray], Any]


class Fit(NamedTuple):
    """The best parameters, float64 `[k]`, and what was reached with them, in nats."""

    theta: np.ndarray
    value: float


def gaussian(x: np.ndarray, theta: Any) -> np.ndarray:
    """Log density of a normal distribution at `x`; `theta` is (mean, log of the deviation)."""
    mean, log_std = theta
    return -0.5 * ((x - mean) * np.exp(-log_std)) ** 2 - log_std - 0.5 * math.log(2 * math.pi)


def exponential(x: np.ndarray, theta: Any) -> np.ndarray:
    """Log density at `x` of an exponential distribution; `theta` is (log of the mean,)."""
    (log_mean,) = theta
    return np.where(x < 0, -np.inf, -x * np.exp(-log_mean) - log_mean)


def entropy(
    log_p: LogDensity, bounds: tuple[float, float] = LINE, points: Sequence[float] = ()
) -> float:
    """The differential entropy H(p) = -E_p[log p].

    Args:
        log_p: log density on the line: takes `[n]` points, returns `[n]` nats, -inf where there
            is no mass.
        bounds: `(low, high)`, finite or not; all mass must lie between them.
        points: as for `kl_density`.

    Returns:
        In nats, of either sign, right to 1e-8.

    Raises:
        ValueError: the density does not integrate to one.
    """
    return -integral(lambda _, p: weigh(p, p), {"log_p": log_p}, bounds, points)


def expected_log_likelihood(
    log_p: LogDensity,
    log_q: LogDensity,
    bounds: tuple[float, float] = LINE,
    points: Sequence[float] = (),
) -> float:
    """E_p[log q], what the mean log-likelihood of a model q estimates on data from p.

    Args:
        log_p: log density of the data, as for `entropy`.
        log_q: log density of the model.
        bounds: `(low, high)`, finite or not; all mass of both must lie between them.
        points: as for `kl_density`.

    Returns:
        In nats, right to 1e-8; -inf where q lacks mass that p has.

    Raises:
        ValueError: a density does not integrate to one.
    """
    densities = {"log_p": log_p, "log_q": log_q}
    return integral(lambda _, p, q: weigh(p, q), densities, bounds, points)


def maximum_likelihood(family: Family, samples: Any, start: Any) -> Fit:
    """The parameters under which samples are likeliest.

    Args:
        family: log density: takes points `[n, ...]` and parameters `[k]`, returns `[n]` nats. Any
            parameters must be allowed, so that a deviation is given by its logarithm.
        samples: `[n, ...]`.
        start: `[k]`, where the search begins.

    Returns:
        The parameters, right to about 1e-6, and the mean log-likelihood.

    Raises:
        ValueError: samples or start that are not finite, or a search that does not end.
    """
    samples = np.atleast_1d(checks.finite("samples", samples))

    def loss(theta: np.ndarray) -> float:
        return -float(checks.nats("family", lambda x: family(x, theta), samples).mean())

    theta, lowest = _minimise(loss, start)
    return Fit(theta, -lowest)


def minimum_kl(
    log_p: LogDensity,
    family: Family,
    start: Any,
    bounds: tuple[float, float] = LINE,
    points: Sequence[float] = (),
) -> Fit:
    """The member of a family that is nearest to p in KL(p || q_theta).

    Args:
        log_p: log density of the data, as for `entropy`.
        family: as for `maximum_likelihood`, on points `[n]`.
        start: `[k]`, where the search begins.
        bounds: as for `entropy`.
        points: as for `entropy`.

    Returns:
        The parameters, right to about 1e-6, and the divergence that is left.

    Raises:
        ValueError: a density does not integrate to one, or a search that does not end.
    """

    def loss(theta: np.ndarray) -> float:
        return kl_density(log_p, lambda x: family(x, theta), bounds, points)

    return Fit(*_minimise(loss, start))


def _minimise(loss: Callable[[np.ndarray], float], start: Any) -> tuple[np.ndarray, float]:
    """Nelder and Mead's search, which takes an infinite loss as worse than any other."""
    start = checks.finite("start", start, 1)
    simplex = start + 0.5 * np.eye(len(start) + 1, len(start), -1)
    options = {"initial_simplex": simplex, "xatol": 1e-6, "fatol": 1e-12}
    with np.errstate(invalid="ignore"):  # inf - inf, between two impossible members
        found = optimize.minimize(loss, start, method="Nelder-Mead", options=options)
    if not found.success or not math.isfinite(found.fun):
        raise ValueError(
            "Invalid value for argument `start`: expected a place from which the search ends, "
            f"received {start.tolist()}: {found.message} Best: {found.fun}."
        )
    return found.x, float(found.fun)
