"""The value function and its optima.

    V(D, G) = E_data[log D(x)] + E_g[log(1 - D(x))]       (Goodfellow et al. 2014, eq. 1 and 3)

with x = G(z) in the second term distributed as p_g. A discriminator is given by its logit o(x),
D = sigmoid(o), so that log D = log sigmoid(o) and log(1 - D) = log sigmoid(-o) never underflow;
the logits -inf and inf are D = 0 and D = 1. Everything is in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_expit, xlog1py, xlogy

from . import checks
from .quadrature import LINE, LogDensity, integral, weigh

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


def pointwise_value(y: Any, a: Any, b: Any) -> np.ndarray:
    """`a log y + b log(1 - y)`, greatest over y at a/(a + b) (2014, proof of Proposition 1).

    Args:
        y: what D says, in [0, 1].
        a: weight of the data, not negative.
        b: weight of the samples, not negative. The three shapes broadcast.

    Returns:
        float64, of their shape; 0 log 0 is 0.

    Raises:
        ValueError: a number outside its range.
    """
    y = checks.within("y", y, 0, 1)
    a, b = checks.within("a", a, 0, HIGHEST), checks.within("b", b, 0, HIGHEST)
    return xlogy(a, y) + xlog1py(b, -y)


def optimal_logit(log_p_data: Any, log_p_g: Any) -> np.ndarray:
    """The logit of D*: `log p_data - log p_g` (2014, Proposition 1).

    Args:
        log_p_data: log density or log probability at some points, -inf where there is none.
        log_p_g: the same of the generator; the shapes are equal.

    Returns:
        float64 of their shape; NaN where both are -inf, as no D is better than another there.

    Raises:
        ValueError: NaN, inf, or shapes that differ.
    """
    log_p_data = checks.within("log_p_data", log_p_data, -math.inf, HIGHEST)
    log_p_g = checks.within("log_p_g", log_p_g, -math.inf, HIGHEST)
    checks.same_shape("log_p_data", log_p_data, "log_p_g", log_p_g)
    with np.errstate(invalid="ignore"):
        return log_p_data - log_p_g


def optimal_discriminator(p_data: Any, p_g: Any) -> np.ndarray:
    """D* = `p_data / (p_data + p_g)` (2014, eq. 2).

    Args:
        p_data: densities or probabilities at some points, not negative.
        p_g: the same of the generator; the shapes are equal.

    Returns:
        float64 of their shape, in [0, 1]; NaN where both are 0. Where both underflow, take
        `optimal_logit`.

    Raises:
        ValueError: a negative or infinite number, or shapes that differ.
    """
    p_data = checks.within("p_data", p_data, 0, HIGHEST)
    p_g = checks.within("p_g", p_g, 0, HIGHEST)
    checks.same_shape("p_data", p_data, "p_g", p_g)
    with np.errstate(invalid="ignore"):
        return p_data / (p_data + p_g)


def game_value(logits: Any, p_data: Any, p_g: Any) -> np.ndarray:
    """V(D, G) on discrete outcomes (2014, eq. 1).

    Args:
        logits: `[..., outcomes]`, D's logit for each outcome, infinite ones allowed; NaN where no
            probability is.
        p_data: probabilities, `[..., outcomes]`.
        p_g: the same of the generator.

    Returns:
        float64 `[...]` in [-inf, 0].

    Raises:
        ValueError: no probabilities, shapes that differ, or NaN where there is probability.
    """
    p_data, p_g = checks.probabilities("p_data", p_data), checks.probabilities("p_g", p_g)
    checks.same_shape("p_data", p_data, "p_g", p_g)
    logits = checks.numbers("logits", logits)
    checks.same_shape("p_data", p_data, "logits", logits)
    with np.errstate(divide="ignore"):
        return _value_terms(logits, np.log(p_data), np.log(p_g)).sum(axis=-1)


def game_value_density(
    logits: LogDensity,
    log_p_data: LogDensity,
    log_p_g: LogDensity,
    bounds: tuple[float, float] = LINE,
    points: Sequence[float] = (),
) -> float:
    """V(D, G) for densities on the line, by adaptive quadrature (2014, eq. 3).

    Args:
        logits: D's logit: takes `[n]` points, returns `[n]`.
        log_p_data: log density of the data: the same, in nats, -inf where there is no mass.
        log_p_g: log density of the generator.
        bounds: `(low, high)`, finite or not; all mass of both must lie between them.
        points: as for `kl_density`, and where D jumps.

    Returns:
        In [-inf, 0], right to 1e-8.

    Raises:
        ValueError: a density does not integrate to one, so that a part of it was missed.
    """
    densities = {"log_p_data": log_p_data, "log_p_g": log_p_g}

    def terms(x: np.ndarray, log_p_data: np.ndarray, log_p_g: np.ndarray) -> np.ndarray:
        return _value_terms(checks.at_points("logits", logits, x), log_p_data, log_p_g)

    return integral(terms, densities, bounds, points)


def criterion(p_data: Any, p_g: Any) -> np.ndarray:
    """C(G) = max over D of V(D, G) on discrete outcomes: V at D* (2014, eq. 4).

    By Theorem 1 this is `-log 4 + 2 JSD(p_data || p_g)`; it is not computed that way.

    Args:
        p_data: probabilities, `[..., outcomes]`.
        p_g: the same of the generator.

    Returns:
        float64 `[...]` in [-log 4, 0], up to rounding.

    Raises:
        ValueError: no probabilities, or shapes that differ.
    """
    p_data, p_g = checks.probabilities("p_data", p_data), checks.probabilities("p_g", p_g)
    checks.same_shape("p_data", p_data, "p_g", p_g)
    with np.errstate(divide="ignore"):
        return game_value(optimal_logit(np.log(p_data), np.log(p_g)), p_data, p_g)


def criterion_density(
    log_p_data: LogDensity,
    log_p_g: LogDensity,
    bounds: tuple[float, float] = LINE,
    points: Sequence[float] = (),
) -> float:
    """C(G) = max over D of V(D, G) for densities: V at D* (2014, eq. 4).

    Args:
        log_p_data: as for `game_value_density`.
        log_p_g: the same.
        bounds: the same.
        points: the same.

    Returns:
        In [-log 4, 0], right to 1e-8.

    Raises:
        ValueError: a density does not integrate to one, so that a part of it was missed.
    """

    def best(x: np.ndarray) -> np.ndarray:
        return optimal_logit(log_p_data(x), log_p_g(x))

    return game_value_density(best, log_p_data, log_p_g, bounds, points)


def _value_terms(logits: np.ndarray, log_p_data: np.ndarray, log_p_g: np.ndarray) -> np.ndarray:
    """The terms p_data log D + p_g log(1 - D), of outcomes or at points."""
    if np.isnan(logits[np.maximum(log_p_data, log_p_g) > -math.inf]).any():
        raise ValueError(
            "Invalid value for argument `logits`: expected numbers wherever the data or the "
            "generator has mass, received NaN there."
        )
    return weigh(log_p_data, log_expit(logits)) + weigh(log_p_g, log_expit(-logits))
