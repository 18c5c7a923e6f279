"""Change of variables: the density of x = f(z), implicit in every generator.

    p_X(x) = p_Z(f^-1(x)) |d f^-1 / dx|                 one dimension, f monotone
    p_X(x) = p_Z(f^-1(x)) |det J_{f^-1}(x)|             more dimensions, f invertible
    p_X(x) = sum over z with f(z) = x of p_Z(z) / |f'(z)|   one dimension, any f

A trained generator has no known inverse and need not be monotone. The last form needs neither: f is
given by its values on a fine grid. The probability of each piece between two grid points is exact,
by the latent's distribution function, and moves to the interval onto which f maps the piece.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kgan.theory import checks
from kgan.theory.checks import Function
from kgan.theory.quadrature import LogDensity

__all__ = [
    "invertible_log_density",
    "monotone_log_density",
    "pushforward_cdf",
    "pushforward_density",
]


def monotone_log_density(
    x: npt.ArrayLike,
    log_p_z: LogDensity,
    inverse: Function,
    inverse_derivative: Function | None = None,
) -> np.ndarray:
    """Return the log density of x = f(z) on the line, for a monotone f.

    Args:
        x: `[n]`, in the range of f.
        log_p_z: log density of z: `[n]` to `[n]` nats.
        inverse: f^-1: `[n]` to `[n]`.
        inverse_derivative: d f^-1 / dx: `[n]` to `[n]`. None takes differences of `inverse` over
            0.001 max(|x|, 0.001). Their error is about 1e-10 where f^-1 varies on a scale of |x|.

    Returns:
        float64 `[n]`, in nats.

    Raises:
        ValueError: functions of other shapes, NaN, or a derivative that is infinite or changes its
            sign.

    Example:
        ```python
        # The log-normal density at 1, as x = exp(z).
        kgan.theory.monotone_log_density([1.0], scipy.stats.norm.logpdf, np.log)  # [-0.9189]
        ```
    """
    x = checks.finite("x", x, 1)
    z = checks.nats("inverse", inverse, x)
    if inverse_derivative is None:
        name, derivative = "inverse", _derivative(inverse, x)
    else:
        name = "inverse_derivative"
        derivative = checks.nats(name, inverse_derivative, x)
    if np.isinf(derivative).any() or ((derivative > 0).any() and (derivative < 0).any()):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected finite derivatives of one sign at "
            f"every `x`, received derivatives from {derivative.min()} to {derivative.max()}. For "
            "a map that is not monotone use `pushforward_density`."
        )
    with np.errstate(divide="ignore"):
        return checks.nats("log_p_z", log_p_z, z) + np.log(np.abs(derivative))


def invertible_log_density(
    x: npt.ArrayLike,
    log_p_z: LogDensity,
    inverse: Callable[[np.ndarray], npt.ArrayLike],
    inverse_jacobian: Callable[[np.ndarray], npt.ArrayLike],
) -> np.ndarray:
    """Return the log density of x = f(z) in d dimensions, for an invertible f.

    Args:
        x: `[n, d]`, in the range of f.
        log_p_z: log density of z: `[n, d]` to `[n]` nats.
        inverse: f^-1: `[n, d]` to `[n, d]`.
        inverse_jacobian: d f^-1_i / dx_j: `[n, d]` to `[n, d, d]`, or to `[d, d]` where it is
            constant.

    Returns:
        float64 `[n]`, in nats.

    Raises:
        ValueError: other shapes, or numbers that are not finite.

    Example:
        ```python
        def log_normal(z):
            return scipy.stats.norm.logpdf(z).sum(-1)


        kgan.theory.invertible_log_density(
            [[0.0, 0.0]], log_normal, lambda x: x / 2, lambda x: np.eye(2) / 2
        )  # [-3.2242]
        ```
    """
    x = checks.finite("x", x, 2)
    z = checks.finite("inverse", inverse(x), 2)
    checks.same_shape("x", x, "inverse", z)
    jacobian = checks.finite("inverse_jacobian", inverse_jacobian(x))
    square = (x.shape[1], x.shape[1])
    if jacobian.shape not in {square, (len(x), *square)}:
        raise ValueError(
            f"Invalid value for argument `inverse_jacobian`: expected shape {(len(x), *square)} or "
            f"{square}, received shape {jacobian.shape}."
        )
    return checks.nats("log_p_z", log_p_z, z) + np.linalg.slogdet(jacobian).logabsdet


def pushforward_density(
    latents: npt.ArrayLike, latent_cdf: Function, images: npt.ArrayLike, x: npt.ArrayLike
) -> np.ndarray:
    """Return the density of x = f(z) on the line, for any f given by its values on a grid.

    Between grid points f is taken as linear in the latent's distribution function F(z). Then the
    density of a piece is constant, (F(z_i+1) - F(z_i)) / |f(z_i+1) - f(z_i)|, and its mass exact.
    The result is the sum over all pieces that cover x, and integrates to F(last) - F(first). The
    work and the memory are n m numbers.

    Args:
        latents: `[n]`, increasing, n at least 2; fine enough for f, wide enough for the prior.
        latent_cdf: F, such as `scipy.stats.norm.cdf`: `[n]` to `[n]`.
        images: `[n]`, f at the latents.
        x: `[m]`, where to return the density.

    Returns:
        float64 `[m]`. A piece that f maps to one point has no density: it is inf at that point,
        zero beside it, and its mass is a jump of `pushforward_cdf`.

    Raises:
        ValueError: other shapes, numbers that are not finite, latents that do not increase, or
            an F that decreases or leaves [0, 1].

    Example:
        ```python
        z = np.linspace(-8, 8, 10_001)
        kgan.theory.pushforward_density(z, scipy.stats.norm.cdf, 2 * z, [0.0])  # [0.1995]
        ```
    """
    mass, low, high = _pieces(latents, latent_cdf, images)
    x = checks.finite("x", x, 1)[:, None]
    covered = ((low <= x) & (x < high)) | ((low == x) & (high == x))
    with np.errstate(divide="ignore"):
        height = np.divide(mass, high - low, out=np.zeros_like(mass), where=mass > 0)
    return np.where(covered, height, 0.0).sum(axis=1)


def pushforward_cdf(
    latents: npt.ArrayLike, latent_cdf: Function, images: npt.ArrayLike, x: npt.ArrayLike
) -> np.ndarray:
    """Return the distribution function of x = f(z) on the line: the grid's mass at or below x.

    Its differences are the exact masses of bins, so a histogram of them conserves mass on any bins.
    See `pushforward_density` for arguments and errors.

    Returns:
        float64 `[m]`, increasing from 0 to F(last) - F(first).

    Example:
        ```python
        z = np.linspace(-8, 8, 10_001)
        kgan.theory.pushforward_cdf(z, scipy.stats.norm.cdf, z**2, [1.0])  # [0.6827]
        ```
    """
    mass, low, high = _pieces(latents, latent_cdf, images)
    x = checks.finite("x", x, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (x[:, None] - low) / (high - low)
    share = np.where(low == high, x[:, None] >= low, np.clip(share, 0, 1))
    return share @ mass


def _pieces(
    latents: npt.ArrayLike, latent_cdf: Function, images: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each piece's mass and the ends of its image under f, all `[n - 1]`."""
    latents = checks.finite("latents", latents, 1)
    images = checks.finite("images", images, 1)
    checks.same_shape("latents", latents, "images", images)
    if len(latents) < 2 or not (np.diff(latents) > 0).all():
        raise ValueError(
            "Invalid value for argument `latents`: expected two or more rising numbers, received "
            f"{latents}. Sort them, and `images` with them."
        )
    cdf = checks.at_points("latent_cdf", latent_cdf, latents)
    mass = np.diff(cdf)
    if not ((mass >= 0).all() and cdf[0] >= 0 and cdf[-1] <= 1):
        raise ValueError(
            "Invalid value for argument `latent_cdf`: expected a distribution function, rising "
            f"within [0, 1], received {cdf}."
        )
    low, high = np.minimum(images[:-1], images[1:]), np.maximum(images[:-1], images[1:])
    return mass, low, high


def _derivative(function: Function, x: np.ndarray) -> np.ndarray:
    """Return central differences of fourth order."""
    h = 1e-3 * np.maximum(np.abs(x), 1e-3)
    near, far = (
        checks.nats("inverse", function, x + k * h) - checks.nats("inverse", function, x - k * h)
        for k in (1, 2)
    )
    return (8 * near - far) / (12 * h)
