"""The generator's problem for a fixed discriminator: its losses, their derivatives and optima."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

from kgan.theory import checks
from kgan.theory.divergences import LOG_2, kl, kl_density, kl_terms
from kgan.theory.quadrature import LINE, Bounds, LogDensity, Points, integral
from kgan.theory.value import game_value, game_value_density, optimal_logit

__all__ = [
    "EarlierOptimum",
    "GeneratorLosses",
    "generator_losses",
    "value_at_earlier_optimum",
    "value_at_earlier_optimum_density",
]


class GeneratorLosses(NamedTuple):
    """Both losses of a sample and their derivatives by D's logit o, float64 of one shape.

    Attributes:
        d: D = sigmoid(o).
        saturating: log(1 - D).
        saturating_derivative: -D, which tends to 0 where D rejects the sample.
        non_saturating: -log D.
        non_saturating_derivative: -(1 - D), which tends to -1 there.
    """

    d: np.ndarray
    saturating: np.ndarray
    saturating_derivative: np.ndarray
    non_saturating: np.ndarray
    non_saturating_derivative: np.ndarray


def generator_losses(logits: npt.ArrayLike) -> GeneratorLosses:
    """Return the saturating and the non-saturating loss of the generator (2014, section 3).

    Both losses decrease with D and have their infimum at D = 1. They differ in their gradients.
    Use `generator_losses(scipy.special.logit(d))` for the losses as functions of D.

    Args:
        logits: D's logits on samples, of any shape; infinite logits are allowed.

    Returns:
        The losses, in nats, and their derivatives, exact at any logit.

    Raises:
        ValueError: NaN among the logits.

    Example:
        ```python
        kgan.theory.generator_losses([-4.0]).saturating_derivative  # [-0.018]
        ```
    """
    o = checks.within("logits", logits, -np.inf, np.inf)
    d = expit(o)
    return GeneratorLosses(d, log_expit(-o), -d, -log_expit(o), -expit(-o))


class EarlierOptimum(NamedTuple):
    """V of a generator for the discriminator that is optimal for an earlier generator.

    Attributes:
        value: V(G, D*_earlier), from the value function alone.
        kl_to_mixture: KL(p_g || (p_data + p_earlier)/2).
        kl_to_earlier: KL(p_g || p_earlier).
        constant: KL(p_data || (p_data + p_earlier)/2) - log 4, independent of p_g.
    """

    value: np.ndarray | float
    kl_to_mixture: np.ndarray | float
    kl_to_earlier: np.ndarray | float
    constant: np.ndarray | float

    @property
    def decomposition(self) -> np.ndarray | float:
        """`kl_to_mixture - kl_to_earlier + constant`, which equals `value`."""
        return self.kl_to_mixture - self.kl_to_earlier + self.constant


def value_at_earlier_optimum(
    p_data: npt.ArrayLike, p_earlier: npt.ArrayLike, p_g: npt.ArrayLike
) -> EarlierOptimum:
    """Return V(G, D*) with D* = p_data/(p_data + p_earlier), on discrete outcomes, in two ways.

    With m = (p_data + p_earlier)/2 this D* has log(1 - D*) = log p_earlier - log m - log 2, so

        E_g[log(1 - D*)] = KL(p_g || m) - KL(p_g || p_earlier) - log 2
        E_data[log D*]   = KL(p_data || m) - log 2

    and V is their sum. Descent of V moves G away from the earlier generator, towards the mixture.
    V is linear in p_g, so its minimum puts every sample where D* is largest. At equilibrium
    p_earlier = p_data = m: V = -log 4 for every p_g, and a new generator learns nothing.

    Args:
        p_data: probabilities, `[..., outcomes]`.
        p_earlier: probabilities of the earlier generator.
        p_g: probabilities of the current generator.

    Returns:
        The value and its parts, float64 `[...]`. Where p_g has mass that p_earlier lacks, D* = 1:
        the value is -inf and `kl_to_earlier` inf.

    Raises:
        ValueError: no probabilities, shapes that differ, or p_g with mass where neither p_data
            nor p_earlier has any, so that D* is not defined.

    Example:
        ```python
        found = kgan.theory.value_at_earlier_optimum([0.5, 0.5], [0.5, 0.5], [0.9, 0.1])
        found.value  # -1.3863
        ```
    """
    p_data, p_earlier, p_g = checks.distributions(p_data=p_data, p_earlier=p_earlier, p_g=p_g)
    mixture = p_data / 2 + p_earlier / 2
    to_mixture = kl(p_g, mixture)
    _check_defined(to_mixture)
    with np.errstate(divide="ignore"):
        logits = optimal_logit(np.log(p_data), np.log(p_earlier))
    return EarlierOptimum(
        game_value(logits, p_data, p_g),
        to_mixture,
        kl(p_g, p_earlier),
        kl(p_data, mixture) - 2 * LOG_2,
    )


def value_at_earlier_optimum_density(
    log_p_data: LogDensity,
    log_p_earlier: LogDensity,
    log_p_g: LogDensity,
    bounds: Bounds = LINE,
    points: Points = (),
) -> EarlierOptimum:
    """Return `value_at_earlier_optimum` for densities on the line, by adaptive quadrature.

    Args:
        log_p_data: log density of the data: `[n]` points to `[n]` nats.
        log_p_earlier: log density of the earlier generator.
        log_p_g: log density of the current generator.
        bounds: `(low, high)`, finite or not; all mass must lie between them.
        points: as for `kl_density`.

    Returns:
        Floats, with errors below 1e-8.

    Raises:
        ValueError: a density does not integrate to one, or D* is not defined where p_g has mass.

    Example:
        ```python
        p, q = scipy.stats.norm(0, 1).logpdf, scipy.stats.norm(1, 1).logpdf
        kgan.theory.value_at_earlier_optimum_density(p, p, q).value  # -1.3863
        ```
    """

    def logits(x: np.ndarray) -> np.ndarray:
        return optimal_logit(log_p_data(x), log_p_earlier(x))

    def log_mixture(x: np.ndarray) -> np.ndarray:
        return np.logaddexp(log_p_data(x), log_p_earlier(x)) - LOG_2

    def divergence(**pair: LogDensity) -> float:
        return max(integral(lambda _, p, q: kl_terms(p, q), pair, bounds, points), 0.0)

    to_earlier = divergence(log_p_g=log_p_g, log_p_earlier=log_p_earlier)
    to_mixture = divergence(log_p_g=log_p_g, log_p_data=log_mixture)
    _check_defined(to_mixture)
    value = game_value_density(logits, log_p_data, log_p_g, bounds, points)
    constant = kl_density(log_p_data, log_mixture, bounds, points) - 2 * LOG_2
    return EarlierOptimum(value, to_mixture, to_earlier, constant)


def _check_defined(to_mixture: np.ndarray | float) -> None:
    if np.isinf(to_mixture).any():
        raise ValueError(
            "Invalid value for argument `p_g`: expected no mass where neither the data nor the "
            "earlier generator has any, received some there. D* is not defined for it."
        )
