"""Toy densities whose exact log-likelihood is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp


class Mixture:
    """Mixture of Gaussians of equal weight and one isotropic standard deviation.

    Args:
        means: [modes, dim] array-like, the centres.
        std: standard deviation of every mode along every axis, positive.

    Attributes:
        means: float64 [modes, dim].
        std: float.
        dim: dimension of a point.

    Raises:
        ValueError: `std` is not positive or `means` is not a non-empty matrix.
    """

    def __init__(self, means: ArrayLike, std: float):
        self.means = np.array(means, dtype=np.float64)
        self.std = float(std)
        if self.means.ndim != 2 or not self.means.size:
            raise ValueError(
                "Invalid value for argument `means`: expected a non-empty [modes, dim] array, "
                f"received shape {self.means.shape}."
            )
        if not self.std > 0:
            raise ValueError(
                f"Invalid value for argument `std`: expected a positive number, received {std!r}."
            )
        self.dim = self.means.shape[1]

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw points; the same `n` and `seed` give the same points.

        Args:
            n: number of points.
            seed: non-negative seed.

        Returns:
            float32 [n, dim].
        """
        rng = np.random.default_rng(seed)
        modes = rng.integers(len(self.means), size=n)
        points = self.means[modes] + self.std * rng.standard_normal((n, self.dim))
        return points.astype(np.float32)

    def log_prob(self, x: ArrayLike) -> np.ndarray:
        """Return the log-density at each point.

        Args:
            x: [n, dim] array-like.

        Returns:
            float64 [n], in nats; finite at any distance from the modes.

        Raises:
            ValueError: `x` is not of shape [n, dim].
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(
                f"Invalid value for argument `x`: expected shape [n, {self.dim}], "
                f"received {list(x.shape)}."
            )
        distances = np.linalg.norm(x[:, None, :] - self.means, axis=-1) / self.std
        normaliser = self.dim * np.log(self.std * np.sqrt(2 * np.pi)) + np.log(len(self.means))
        return logsumexp(-0.5 * distances**2, axis=1) - normaliser


class Gaussian(Mixture):
    """The normal distribution on the line.

    Args:
        mean: mean.
        std: standard deviation, positive.

    Example:
        ```python
        kgan.data.Gaussian(mean=1.0).log_prob(np.array([[1.0]]))  # [-0.9189]
        ```
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0):
        super().__init__([[mean]], std)
        self.mean = mean


class Ring(Mixture):
    """Gaussians evenly spaced on a circle, the first at angle 0.

    The defaults are the 2D-ring of PacGAN (arXiv 1712.04086, section 4): 8 modes on the unit
    circle with variance 1e-4.

    Args:
        modes: number of Gaussians, at least 1.
        radius: radius of the circle.
        std: standard deviation of each Gaussian, positive.

    Example:
        ```python
        kgan.data.Ring(modes=4).means  # [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
        ```
    """

    def __init__(self, modes: int = 8, radius: float = 1.0, std: float = 0.01):
        angles = 2 * np.pi * np.arange(modes) / max(modes, 1)
        super().__init__(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), std)
        self.modes = modes
        self.radius = radius


class Grid(Mixture):
    """Gaussians on a square lattice centred at the origin.

    The defaults are the 2D-grid of PacGAN (arXiv 1712.04086, section 4): 25 modes at
    (-4 + 2i, -4 + 2j), i and j from 0 to 4, with variance 0.0025.

    Args:
        side: Gaussians along each side, at least 1.
        spacing: distance between neighbours.
        std: standard deviation of each Gaussian, positive.

    Example:
        ```python
        len(kgan.data.Grid(side=3).means)  # 9
        ```
    """

    def __init__(self, side: int = 5, spacing: float = 2.0, std: float = 0.05):
        ticks = spacing * (np.arange(side) - (side - 1) / 2)
        super().__init__(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2), std)
        self.side = side
        self.spacing = spacing


DENSITIES: dict[str, Mixture] = {"gaussian": Gaussian(), "ring": Ring(), "grid": Grid()}
