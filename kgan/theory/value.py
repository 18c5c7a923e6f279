"""The value function and its optima.

    V(D, G) = E_data[log D(x)] + E_g[log(1 - D(x))]       (Goodfellow et al. 2014, eq. 1 and 3)

with x = G(z) ~ p_g in the second term. A discriminator is given by its logit o(x), D = sigmoid(o):
log D = log sigmoid(o) and log(1 - D) = log sigmoid(-o) do not underflow. The logits -inf and inf
are D = 0 and D = 1. All values are in nats.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit, xlog1py, xlogy

from kgan.theory import checks
from kgan.theory.checks import Function
from kgan.theory.quadrature import LINE, Bounds, LogDensity, Points, integral, weigh

__all__ = [
    "criterion",
    "criterion_density",
    "game_value",
    "game_value_density",
    "optimal_discriminator",
    "optimal_logit",
    "pointwise_value",
]

HIGHEST = float(np.finfo(np.float64).max)


def pointwise_value(y: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> np.ndarray:
    """Return `a log y + b log(1 - y)`, maximal at y = a/(a + b) (2014, proof of Proposition 1).

    Args:
        y: D(x), in [0, 1].
        a: weight of the data, not negative.
        b: weight of the samples, not negative. The three shapes broadcast.

    Returns:
        float64, of their shape; 0 log 0 is 0.

    Raises:
        ValueError: a number outside its range.

    Example:
        ```python
        kgan.theory.pointwise_value(0.75, 3.0, 1.0)  # -2.2493
        ```
    """
    y = checks.within("y", y, 0, 1)
    a, b = checks.within("a", a, 0, HIGHEST), checks.within("b", b, 0, HIGHEST)
    return xlogy(a, y) + xlog1py(b, -y)


def optimal_logit(log_p_data: npt.ArrayLike, log_p_g: npt.ArrayLike) -> np.ndarray:
    """Return the logit of D*: `log p_data - log p_g` (2014, Proposition 1).

    Args:
        log_p_data: log density or log probability at some points, -inf where there is none.
        log_p_g: the same of the generator, of the same shape.

    Returns:
        float64 of their shape; NaN where both are -inf: every D is optimal there.

    Raises:
        ValueError: NaN, inf, or shapes that differ.

    Example:
        ```python
        kgan.theory.optimal_logit(np.log([0.5, 0.5]), np.log([0.25, 0.75]))  # [0.6931, -0.4055]
        ```
    """
    log_p_data = checks.within("log_p_data", log_p_data, -math.inf, HIGHEST)
    log_p_g = checks.within("log_p_g", log_p_g, -math.inf, HIGHEST)
    checks.same_shape("log_p_data", log_p_data, "log_p_g", log_p_g)
    with np.errstate(invalid="ignore"):
        return log_p_data - log_p_g


def optimal_discriminator(p_data: npt.ArrayLike, p_g: npt.ArrayLike) -> np.ndarray:
    """Return D* = `p_data / (p_data + p_g)` (2014, eq. 2).

    Args:
        p_data: densities or probabilities at some points, not negative.
        p_g: the same of the generator, of the same shape.

    Returns:
        float64 of their shape, in [0, 1]; NaN where both are 0. Where both underflow, use
        `optimal_logit`.

    Raises:
        ValueError: a negative or infinite number, or shapes that differ.

    Example:
        ```python
        kgan.theory.optimal_discriminator([0.5, 0.5], [0.25, 0.75])  # [0.6667, 0.4]
        ```
    """
    p_data = checks.within("p_data", p_data, 0, HIGHEST)
    p_g = checks.within("p_g", p_g, 0, HIGHEST)
    checks.same_shape("p_data", p_data, "p_g", p_g)
    with np.errstate(invalid="ignore"):
        return p_data / (p_data + p_g)


def game_value(logits: npt.ArrayLike, p_data: npt.ArrayLike, p_g: npt.ArrayLike) -> np.ndarray:
    """Return V(D, G) on discrete outcomes (2014, eq. 1).

    Args:
        logits: `[..., outcomes]`, D's logit for each outcome. Infinite logits are allowed, and NaN
            where both probabilities are 0.
        p_data: probabilities, `[..., outcomes]`.
        p_g: the same of the generator.

    Returns:
        float64 `[...]` in [-inf, 0].

    Raises:
        ValueError: no probabilities, shapes that differ, or NaN where there is probability.

    Example:
        ```python
        kgan.theory.game_value([0.0, 0.0], [0.5, 0.5], [0.25, 0.75])  # -1.3863
        ```
    """
    p_data, p_g = checks.distributions(p_data=p_data, p_g=p_g)
    logits = checks.numbers("logits", logits)
    checks.same_shape("p_data", p_data, "logits", logits)
    with np.errstate(divide="ignore"):
        return _value_terms(logits, np.log(p_data), np.log(p_g)).sum(axis=-1)


def game_value_density(
    logits: Function,
    log_p_data: LogDensity,
    log_p_g: LogDensity,
    bounds: Bounds = LINE,
    points: Points = (),
) -> float:
    """Return V(D, G) for densities on the line, by adaptive quadrature (2014, eq. 3).

    Args:
        logits: D's logit: `[n]` points to `[n]`.
        log_p_data: log density of the data: `[n]` points to `[n]` nats, -inf where there is no
            mass.
        log_p_g: log density of the generator.
        bounds: `(low, high)`, finite or not; all mass of both must lie between them.
        points: as for `kl_density`, and where D jumps.

    Returns:
        In [-inf, 0], with an error below 1e-8.

    Raises:
        ValueError: a density does not integrate to one, so part of its mass was missed.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.game_value_density(np.zeros_like, p, q)  # -1.3863
        ```
    """

    def terms(x: np.ndarray, log_p_data: np.ndarray, log_p_g: np.ndarray) -> np.ndarray:
        return _value_terms(checks.at_points("logits", logits, x), log_p_data, log_p_g)

    return integral(terms, {"log_p_data": log_p_data, "log_p_g": log_p_g}, bounds, points)


def criterion(p_data: npt.ArrayLike, p_g: npt.ArrayLike) -> np.ndarray:
    """Return C(G) = max over D of V(D, G) on discrete outcomes: V at D* (2014, eq. 4).

    Theorem 1 states that C(G) = `-log 4 + 2 JSD(p_data || p_g)`. The computation does not use it,
    so the two can be compared.

    Args:
        p_data: probabilities, `[..., outcomes]`.
        p_g: the same of the generator.

    Returns:
        float64 `[...]` in [-log 4, 0], up to rounding.

    Raises:
        ValueError: no probabilities, or shapes that differ.

    Example:
        ```python
        kgan.theory.criterion([0.5, 0.5], [0.5, 0.5])  # -1.3863
        ```
    """
    p_data, p_g = checks.distributions(p_data=p_data, p_g=p_g)
    with np.errstate(divide="ignore"):
        return game_value(optimal_logit(np.log(p_data), np.log(p_g)), p_data, p_g)


def criterion_density(
    log_p_data: LogDensity, log_p_g: LogDensity, bounds: Bounds = LINE, points: Points = ()
) -> float:
    """Return C(G) = max over D of V(D, G) for densities: V at D* (2014, eq. 4).

    See `game_value_density` for arguments and errors.

    Returns:
        In [-log 4, 0], with an error below 1e-8.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.criterion_density(p, q)  # -1.1635
        ```
    """

    def best_logits(x: np.ndarray) -> np.ndarray:
        return optimal_logit(log_p_data(x), log_p_g(x))

    return game_value_density(best_logits, log_p_data, log_p_g, bounds, points)


def _value_terms(logits: np.ndarray, log_p_data: np.ndarray, log_p_g: np.ndarray) -> np.ndarray:
    """Return the terms p_data log D + p_g log(1 - D), of outcomes or at points."""
    if np.isnan(logits[np.maximum(log_p_data, log_p_g) > -math.inf]).any():
        raise ValueError(
            "Invalid value for argument `logits`: expected numbers wherever the data or the "
            "generator has mass, received NaN there."
        )
    return weigh(log_p_data, log_expit(logits)) + weigh(log_p_g, log_expit(-logits))
