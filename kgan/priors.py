"""Latent priors p_z: stateless, seeded sampling, and interpolation between two points."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Normal", "Prior", "Uniform"]


def _random_integers(shape: Any, seed: Any) -> tf.Tensor:
    """Uniform float64 integers in [0, 2^32), from Philox counters.

    These are the same in every mode. TensorFlow's float draws are not, even from Philox: XLA turns
    the same bits into other floats.
    """
    bits = tf.random.stateless_uniform(
        shape, _seed_pair(seed), minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    return tf.cast(bits, tf.float64)


def _seed_pair(seed: Any) -> tf.Tensor:
    """An int becomes (int, 0); a pair stays itself."""
    seed = tf.convert_to_tensor(seed)
    return tf.stack([seed, tf.zeros_like(seed)]) if seed.shape.rank == 0 else seed


class Prior:
    """A distribution over latent points. Subclasses define `sample`.

    Args:
        dim: size of a latent point.
    """

    def __init__(self, dim: int):
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise ValueError(
                f"Invalid value for argument `dim`: expected a positive integer, received {dim!r}."
            )
        self.dim = dim

    def sample(self, batch: Any, seed: Any) -> tf.Tensor:
        """Latent points, a pure function of `batch` and `seed`.

        Eager, compiled and XLA programs draw the same numbers, and a smaller batch is the
        beginning of a larger one.

        Args:
            batch: how many; an int or a scalar integer tensor.
            seed: an int, or two integers `[2]`.

        Returns:
            float32 `[batch, dim]`.
        """
        raise NotImplementedError

    def interpolate(self, start: Any, end: Any, steps: int) -> tf.Tensor:
        """Points on the straight line from `start` to `end`, both included.

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

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.dim}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Prior:
        """The prior that `config` describes."""
        return cls(**config)


def _fractions(steps: int) -> tf.Tensor:
    if steps < 2:
        raise ValueError(
            f"Invalid value for argument `steps`: expected at least 2, received {steps!r}."
        )
    return tf.linspace(0.0, 1.0, steps)[:, tf.newaxis]


@keras.saving.register_keras_serializable(package="kgan")
class Uniform(Prior):
    """Independent coordinates, each uniform between low and high.

    The default is what the authors' code of 2014 used: unit variance, U(-sqrt 3, sqrt 3).

    Args:
        dim: size of a latent point.
        low: lower end.
        high: upper end.
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

    def sample(self, batch: Any, seed: Any) -> tf.Tensor:
        """Latent points: float32 `[batch, dim]`; see `Prior.sample`."""
        # 24 bits times a width of 24 bits is exact in float64: fused or not, one rounding is left.
        unit = tf.floor(_random_integers([batch, self.dim], seed) * 2.0**-8) * 2.0**-24
        low, width = (float(np.float32(x)) for x in (self.low, self.high - self.low))
        return tf.cast(low + width * unit, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="kgan")
class Normal(Prior):
    """Independent standard normal coordinates.

    Args:
        dim: size of a latent point.
    """

    def sample(self, batch: Any, seed: Any) -> tf.Tensor:
        """Latent points: float32 `[batch, dim]`; see `Prior.sample`."""
        # Box and Muller (1958), in float64, where modes differ far below float32's last bit.
        pairs = (self.dim + 1) // 2
        u = (_random_integers([batch, pairs, 2], seed) + 0.5) * 2.0**-32
        radius, angle = tf.sqrt(-2.0 * tf.math.log(u[..., 0])), 2.0 * math.pi * u[..., 1]
        z = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)
        return tf.cast(z[:, : self.dim], tf.float32)

    def interpolate(self, start: Any, end: Any, steps: int) -> tf.Tensor:
        """Points on the great circle from `start` to `end`, their lengths passing linearly.

        In many dimensions a normal point lies near a sphere of radius sqrt(dim), which the straight
        line leaves for a region the generator never saw (White 2016, arXiv 1609.04468). Between
        opposite points there is no one great circle, and the line through zero is taken.

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
        flat = tf.sin(angle) < 1e-3  # float32 tells no smaller angle
        arc = tf.sin((1 - t) * angle) * a + tf.sin(t * angle) * b
        return radius * tf.where(
            flat, (1 - t) * a + t * b, arc / tf.where(flat, 1.0, tf.sin(angle))
        )
