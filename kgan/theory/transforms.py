"""Change of variables: the density of x = f(z), which a generator has and never writes down.

    p_X(x) = p_Z(f^-1(x)) |d f^-1 / dx|                 one dimension, f monotone
    p_X(x) = p_Z(f^-1(x)) |det J_{f^-1}(x)|             more dimensions, f invertible
    p_X(x) = sum over z with f(z) = x of p_Z(z) / |f'(z)|   one dimension, any f

A trained generator has no inverse at hand and need not be monotone. The last form needs neither:
f is given by its values on a fine grid, and every piece between two neighbours sends its
probability, known exactly from the latent's distribution function, to where it lands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import checks
from .quadrature import LogDensity

__all__ = [
    "invertible_log_density",
    "monotone_log_density",
    "pushforward_cdf",
    "pushforward_density",
]


def monotone_log_density(
    x: Any,
    log_p_z: LogDensity,
    inverse: Callable[[np.ndarray], Any],
    inverse_slope: Callable[[np.ndarray], Any] | None = None,
) -> np.ndarray:
    """Log density of x = f(z) on the line, f rising or falling throughout.

    Args:
        x: `[n]`, in the range of f.
        log_p_z: log density of z: takes `[n]`, returns `[n]` nats.
        inverse: f^-1: takes `[n]`, returns `[n]`.
        inverse_slope: d f^-1 / dx, the same; None takes differences of `inverse` over
            0.001 max(|x|, 0.001), whose error is about 1e-10 where f^-1 varies on a scale of |x|.

    Returns:
        float64 `[n]`, in nats.

    Raises:
        ValueError: functions of other shapes, NaN, an infinite slope, or slopes of both signs.
    """
    x = checks.finite("x", x, 1)
    z = checks.nats("inverse", inverse, x)
    if inverse_slope is None:
        name, slope = "inverse", _slope(inverse, x)
    else:
        name, slope = "inverse_slope", checks.nats("inverse_slope", inverse_slope, x)
    if np.isinf(slope).any() or ((slope > 0).any() and (slope < 0).any()):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected finite slopes of one sign at every "
            f"`x`, received slopes from {slope.min()} to {slope.max()}. For a map that is not "
            "monotone use `pushforward_density`."
        )
    with np.errstate(divide="ignore"):
        return checks.nats("log_p_z", log_p_z, z) + np.log(np.abs(slope))


def invertible_log_density(
    x: Any,
    log_p_z: LogDensity,
    inverse: Callable[[np.ndarray], Any],
    inverse_jacobian: Callable[[np.ndarray], Any],
) -> np.ndarray:
    """Log density of x = f(z) in d dimensions, f invertible.

    Args:
        x: `[n, d]`, in the range of f.
        log_p_z: log density of z: takes `[n, d]`, returns `[n]` nats.
        inverse: f^-1: takes `[n, d]`, returns `[n, d]`.
        inverse_jacobian: d f^-1_i / dx_j: takes `[n, d]`, returns `[n, d, d]`, or `[d, d]` where
            it is the same everywhere.

    Returns:
        float64 `[n]`, in nats.

    Raises:
        ValueError: other shapes, or numbers that are not finite.
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


def pushforward_density(latents: Any, latent_cdf: LogDensity, images: Any, x: Any) -> np.ndarray:
    """Density of x = f(z) on the line, f given by its values on a grid, monotone or not.

    Between neighbours f is taken as linear in the latent's distribution function F(z), which is
    what makes a piece's density constant, (F(z_i+1) - F(z_i)) / |f(z_i+1) - f(z_i)|, and its mass
    exact. All pieces that cover x add up. The density integrates to F(last) - F(first). The work
    and the memory are n m numbers.

    Args:
        latents: `[n]`, rising, n at least 2; fine enough for f, wide enough for the prior.
        latent_cdf: F, such as `scipy.stats.norm.cdf`: takes `[n]`, returns `[n]`.
        images: `[n]`, f at the latents.
        x: `[m]`, where the density is wanted.

    Returns:
        float64 `[m]`. A piece that f maps to one point has no density: it is inf at that point,
        zero beside it, and its mass is a step of `pushforward_cdf`.

    Raises:
        ValueError: other shapes, numbers that are not finite, latents that do not rise, or
            an F that falls or leaves [0, 1].
    """
    mass, low, high, x = _pieces(latents, latent_cdf, images, x)
    x = x[:, None]
    covered = ((low <= x) & (x < high)) | ((low == x) & (high == x))
    with np.errstate(divide="ignore"):
        height = np.divide(mass, high - low, out=np.zeros_like(mass), where=mass > 0)
    return np.where(covered, height, 0.0).sum(axis=1)


def pushforward_cdf(latents: Any, latent_cdf: LogDensity, images: Any, x: Any) -> np.ndarray:
    """Distribution function of x = f(z): what of the grid's mass lies at or below each x.

    Differences of it are the exact masses of bins, steps included, so that a histogram drawn from
    them conserves mass on any bins.

    Args:
        latents: as for `pushforward_density`.
        latent_cdf: the same.
        images: the same.
        x: `[m]`.

    Returns:
        float64 `[m]`, rising from 0 to F(last) - F(first).

    Raises:
        ValueError: as for `pushforward_density`.
    """
    mass, low, high, x = _pieces(latents, latent_cdf, images, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (x[:, None] - low) / (high - low)
    share = np.where(low == high, x[:, None] >= low, np.clip(share, 0, 1))
    return share @ mass


def _pieces(
    latents: Any, latent_cdf: LogDensity, images: Any, x: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each piece's mass and the ends of where it lands, `[n - 1]`; and the checked x."""
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
    return mass, low, high, checks.finite("x", x, 1)


def _slope(function: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    """Central differences of fourth order."""
    h = 1e-3 * np.maximum(np.abs(x), 1e-3)
    near, far = (
        checks.nats("inverse", function, x + k * h) - checks.nats("inverse", function, x - k * h)
        for k in (1, 2)
    )
    return (8 * near - far) / (12 * h)
