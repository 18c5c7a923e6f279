"""Latent priors p_z: stateless, seeded sampling, and interpolation between two points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.utils.checks import integer, positive_integer, seed_pair
from kgan.utils.configurable import Configurable
from kgan.utils.random_bits import random_bits
from kgan.utils.types import JsonDict

__all__ = ["Codes", "NoLatents", "Normal", "Prior", "Seed", "Uniform"]

Seed: TypeAlias = int | Sequence[int] | tf.Tensor

# Added to the first word of a seed for the codes, so that they share no bits with the noise.
_CODES = 0x2545F4914F6CDD1D


def _random_integers(shape: Sequence[int | tf.Tensor], seed: Seed) -> tf.Tensor:
    """Return uniform float64 integers in [0, 2^32), the same in every mode."""
    return tf.cast(random_bits(shape, _seed_pair(seed)), tf.float64)


def _seed_pair(seed: Seed) -> tf.Tensor:
    """Return (seed, 0) for an integer, and a pair itself.

    Raises:
        ValueError: `seed` is neither.
    """
    if isinstance(seed, (list, tuple)) and any(map(tf.is_tensor, seed)):
        seed = tf.stack(seed)
    if not isinstance(seed, tf.Tensor):
        return tf.constant(seed_pair("seed", seed), tf.int64)
    if not seed.dtype.is_integer or seed.shape.rank not in (0, 1, None):
        raise ValueError(
            "Invalid value for argument `seed`: expected an integer or two integers, received "
            f"{seed.dtype.name} of shape {seed.shape}."
        )
    return tf.stack([seed, tf.zeros_like(seed)]) if seed.shape.rank == 0 else seed


def _count(batch: int | tf.Tensor) -> int | tf.Tensor:
    """Return the number of points: a tensor itself, or a checked int.

    Raises:
        ValueError: `batch` is no integer, or below 0.
    """
    return batch if tf.is_tensor(batch) else integer("batch", batch, 0)


class Prior(Configurable):
    """A distribution over latent points. Subclasses define `sample`.

    Args:
        dim: size of a latent point.

    Example:
        ```python
        @keras.saving.register_keras_serializable()
        class Sphere(kgan.priors.Prior):
            def sample(self, batch, seed):
                points = kgan.priors.Normal(self.dim).sample(batch, seed)
                return tf.math.l2_normalize(points, axis=1)

            def get_config(self):
                return {"dim": self.dim}


        latents = Sphere(8).sample(16, seed=0)
        ```
    """

    def __init__(self, dim: int):
        self.dim = positive_integer("dim", dim)

    def sample(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        """Return latent points, a pure function of `batch` and `seed`.

        Eager, compiled and XLA programs draw the same numbers. A smaller batch is the beginning of
        a larger one.

        Args:
            batch: number of points; an int or a scalar integer tensor.
            seed: an int, or two integers `[2]`.

        Returns:
            float32 `[batch, dim]`.

        Raises:
            ValueError: `batch` or `seed` is no integer.
        """
        raise NotImplementedError

    def interpolate(self, start: npt.ArrayLike, end: npt.ArrayLike, steps: int) -> tf.Tensor:
        """Return points on the straight line from `start` to `end`, both included.

        Args:
            start: `[dim]`.
            end: `[dim]`.
            steps: number of points, at least 2.

        Returns:
            float32 `[steps, dim]`.
        """
        t = _fractions(steps)
        start, end = (tf.cast(tf.convert_to_tensor(z), tf.float32) for z in (start, end))
        return (1 - t) * start + t * end

    def get_config(self) -> JsonDict:
        return {"dim": self.dim}


def _fractions(steps: int) -> tf.Tensor:
    return tf.linspace(0.0, 1.0, integer("steps", steps, 2))[:, tf.newaxis]


@keras.saving.register_keras_serializable(package="kgan")
class Uniform(Prior):
    """Independent coordinates, each uniform between `low` and `high`.

    The default is that of the authors' code of 2014: unit variance, U(-sqrt 3, sqrt 3).

    Args:
        dim: size of a latent point.
        low: lower end.
        high: upper end.

    Example:
        ```python
        latents = kgan.priors.Uniform(62, -1.0, 1.0).sample(16, seed=0)  # float32 [16, 62]
        ```
    """

    def __init__(self, dim: int, low: float = -math.sqrt(3.0), high: float = math.sqrt(3.0)):
        super().__init__(dim)
        if not low < high:
            raise ValueError(
                "Invalid value for arguments `low` and `high`: expected low < high, "
                f"received low={low!r} and high={high!r}."
            )
        self.low = low
        self.high = high

    def sample(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        # 24 bits times a width of 24 bits is exact in float64. With or without a fused
        # multiply-add, only the last cast rounds.
        unit = tf.floor(_random_integers([_count(batch), self.dim], seed) * 2.0**-8) * 2.0**-24
        low, width = (float(np.float32(x)) for x in (self.low, self.high - self.low))
        return tf.cast(low + width * unit, tf.float32)

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="kgan")
class Normal(Prior):
    """Independent standard normal coordinates.

    Args:
        dim: size of a latent point.

    Example:
        ```python
        latents = kgan.priors.Normal(32).sample(16, seed=0)  # float32 [16, 32]
        ```
    """

    def sample(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        # Box and Muller (1958), in float64: eager and XLA logarithms differ there by far less than
        # float32's last bit.
        pairs = (self.dim + 1) // 2
        u = (_random_integers([_count(batch), pairs, 2], seed) + 0.5) * 2.0**-32
        radius, angle = tf.sqrt(-2.0 * tf.math.log(u[..., 0])), 2.0 * math.pi * u[..., 1]
        z = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)
        return tf.cast(z[:, : self.dim], tf.float32)

    def interpolate(self, start: npt.ArrayLike, end: npt.ArrayLike, steps: int) -> tf.Tensor:
        """Return points on the great circle from `start` to `end`; lengths change linearly.

        In many dimensions a normal point lies near a sphere of radius sqrt(dim). The straight line
        leaves it for a region that the generator was not trained on (White 2016, arXiv 1609.04468).
        Opposite points have no unique great circle, so the line through zero is used.

        Args:
            start: `[dim]`, not zero.
            end: `[dim]`, not zero.
            steps: number of points, at least 2.

        Returns:
            float32 `[steps, dim]`.
        """
        t = _fractions(steps)
        start, end = (tf.cast(tf.convert_to_tensor(z), tf.float32) for z in (start, end))
        radius = super().interpolate(tf.norm(start)[None], tf.norm(end)[None], steps)
        a, b = start / tf.norm(start), end / tf.norm(end)
        angle = tf.acos(tf.clip_by_value(tf.reduce_sum(a * b), -1.0, 1.0))
        flat = tf.sin(angle) < 1e-3  # float32 resolves no smaller angle
        arc = tf.sin((1 - t) * angle) * a + tf.sin(t * angle) * b
        return radius * tf.where(
            flat, (1 - t) * a + t * b, arc / tf.where(flat, 1.0, tf.sin(angle))
        )


@keras.saving.register_keras_serializable(package="kgan")
class NoLatents(Prior):
    """Points of no coordinates, for a generator that makes one image of each condition.

    Example:
        ```python
        kgan.priors.NoLatents().dim  # 0
        ```
    """

    def __init__(self) -> None:
        self.dim = 0

    def sample(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        return tf.zeros([_count(batch), 0])

    def interpolate(self, start: npt.ArrayLike, end: npt.ArrayLike, steps: int) -> tf.Tensor:
        """Raise ValueError: there is one point alone."""
        raise ValueError(
            "NoLatents has one point alone, and no path between two: the generator was made with "
            "`latent_dim=0`. Train one with latents, or change the condition."
        )

    def get_config(self) -> JsonDict:
        return {}


@keras.saving.register_keras_serializable(package="kgan")
class Codes(Prior):
    """Noise, and beside it codes that the generator is to show in the samples (`InfoGAN`).

    A latent point is the noise, then each categorical code as one 1 among zeros, all values equally
    likely, then the continuous codes, each from U(-1, 1). All are independent.

    Args:
        noise: distribution of the noise, such as `Uniform(62, -1.0, 1.0)`.
        categorical: number of values of each categorical code, such as `(10,)`.
        continuous: number of continuous codes.

    Attributes:
        sizes: of each code in a latent point, in their order.
        code_dim: the sum of `sizes`; `dim` is that of the noise more.
        entropy: of all codes, in nats. That of a continuous code is differential, log 2.

    Raises:
        ValueError: there is no code, or an argument is unusable.

    Example:
        ```python
        prior = kgan.priors.Codes(kgan.priors.Uniform(62, -1.0, 1.0), (10,), continuous=2)
        prior.dim  # 74
        latents = prior.sample(100, seed=0)
        ```
    """

    def __init__(self, noise: Prior, categorical: Sequence[int] = (), continuous: int = 0):
        if not isinstance(noise, Prior) or isinstance(noise, Codes) or not noise.dim:
            raise ValueError(
                "Invalid value for argument `noise`: expected a prior with latents and without "
                f"codes, such as kgan.priors.Uniform(62), received {noise!r}."
            )
        self.noise = noise
        self.categorical = tuple(integer("categorical", n, 2, 2**20) for n in categorical)
        self.continuous = integer("continuous", continuous, 0)
        self.sizes = (*self.categorical, *[1] * self.continuous)
        if not self.sizes:
            raise ValueError(
                "Invalid value for arguments `categorical` and `continuous`: expected at least one "
                f"code, received none. Use {type(noise).__name__} without Codes."
            )
        self.code_dim = sum(self.sizes)
        super().__init__(noise.dim + self.code_dim)

    @property
    def entropy(self) -> float:
        """Entropy of all codes, in nats; that of U(-1, 1) is log 2."""
        return sum(map(math.log, self.categorical)) + self.continuous * math.log(2.0)

    def sample(self, batch: int | tf.Tensor, seed: Seed) -> tf.Tensor:
        seed, count = _seed_pair(seed), _count(batch)
        drawn = _random_integers(
            [count, len(self.sizes)], tf.cast(seed, tf.int64) + tf.constant([_CODES, 0], tf.int64)
        )
        parts = [self.noise.sample(count, seed)]
        for i, values in enumerate(self.categorical):
            # Below `values`, as 32 bits times an integer of 21 bits are exact in float64.
            chosen = tf.cast(tf.floor(drawn[:, i] * values * 2.0**-32), tf.int32)
            parts.append(tf.one_hot(chosen, values))
        unit = tf.floor(drawn[:, len(self.categorical) :] * 2.0**-8) * 2.0**-24
        return tf.concat([*parts, tf.cast(2.0 * unit - 1.0, tf.float32)], axis=1)

    def interpolate(self, start: npt.ArrayLike, end: npt.ArrayLike, steps: int) -> tf.Tensor:
        """Return points whose noise takes the path of its own prior, and whose codes straight ones.

        Between two values of a categorical code lie mixtures, on which no generator was trained.

        Args:
            start: `[dim]`.
            end: `[dim]`.
            steps: number of points, at least 2.

        Returns:
            float32 `[steps, dim]`.
        """
        size = self.noise.dim
        first, last = (tf.cast(tf.convert_to_tensor(z), tf.float32) for z in (start, end))
        noise = self.noise.interpolate(first[:size], last[:size], steps)
        return tf.concat([noise, super().interpolate(first[size:], last[size:], steps)], axis=1)

    def walks(self, count: int, seed: Seed) -> np.ndarray:
        """Return latents for a figure: in each row one code changes and all else stays.

        A categorical code takes its values in turn, a continuous one goes from -1 to 1. A row has
        10 points, or one for each value of the largest code. All codes have as many rows.

        Args:
            count: number of points; fewer where it does not divide, but a row for each code.
            seed: row i of each code begins at point i of `sample`.

        Returns:
            float32 `[rows, columns, dim]`.
        """
        columns = max(10, *self.categorical, 0)
        rows = max(1, integer("count", count, 1) // (columns * len(self.sizes)))
        points = np.asarray(self.sample(rows, seed))[None, :, None]
        walks = np.tile(points, (len(self.sizes), 1, columns, 1))
        begin = self.noise.dim
        for i, size in enumerate(self.sizes):
            values = np.linspace(-1.0, 1.0, columns)[:, None]
            if i < len(self.categorical):
                values = np.eye(size)[np.arange(columns) % size]
            walks[i, :, :, begin : begin + size] = values
            begin += size
        return walks.reshape(-1, columns, self.dim)

    def get_config(self) -> JsonDict:
        return {
            "noise": keras.saving.serialize_keras_object(self.noise),
            "categorical": self.categorical,
            "continuous": self.continuous,
        }

    @classmethod
    def from_config(cls, config: JsonDict) -> Codes:
        """Return the prior that `get_config` described."""
        noise = keras.saving.deserialize_keras_object(config["noise"])
        return cls(**{**config, "noise": noise})
