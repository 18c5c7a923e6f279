"""Gradient penalties: what D pays for being steep.

A penalty is added to D's loss. It looks at the slope of D's logit o along its input, `||grad o||`,
the Euclidean norm over all of an example's pixels, in at least float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["R1", "R2", "GradientPenalty", "Penalty", "get"]

Slopes = Callable[[tf.Tensor], tf.Tensor]


class Penalty:
    """A penalty on D's slope. Subclass it to make one of your own.

    A subclass defines `__call__`; `get_config` and `keras.saving.register_keras_serializable` let
    models that use it be saved.
    """

    def __call__(self, images: Any, samples: Any, slopes: Slopes, seed: tf.Tensor) -> tf.Tensor:
        """What D pays for each example.

        Args:
            images: `[batch, ...]`, data.
            samples: the same shape, G's.
            slopes: takes points of that shape and returns D's slopes there, float32 of the shape.
            seed: int64 `[2]`, for draws with `tf.random.stateless_*`.

        Returns:
            float32 `[batch]`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Penalty:
        """The penalty that `config` describes."""
        return cls(**config)


class _ZeroCentred(Penalty):
    """`gamma / 2 ||grad o||^2`; the subclasses differ in where."""

    def __init__(self, gamma: float = 1.0):
        self.gamma = _not_negative("gamma", gamma)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"gamma": self.gamma}


@keras.saving.register_keras_serializable(package="kgan")
class R1(_ZeroCentred):
    """`gamma / 2 ||grad o(x)||^2` on data (Mescheder et al. 2018, arXiv 1801.04406, eq. 9).

    At equilibrium D must be flat where the data are; with this the game converges near it.

    Args:
        gamma: weight, not negative.
    """

    def __call__(self, images: Any, samples: Any, slopes: Slopes, seed: tf.Tensor) -> tf.Tensor:
        """See the class."""
        return self.gamma / 2 * _squared_norm(slopes(images))


@keras.saving.register_keras_serializable(package="kgan")
class R2(_ZeroCentred):
    """`gamma / 2 ||grad o(G(z))||^2` on samples (Mescheder et al. 2018, eq. 10).

    Args:
        gamma: weight, not negative.
    """

    def __call__(self, images: Any, samples: Any, slopes: Slopes, seed: tf.Tensor) -> tf.Tensor:
        """See the class."""
        return self.gamma / 2 * _squared_norm(slopes(samples))


@keras.saving.register_keras_serializable(package="kgan")
class GradientPenalty(Penalty):
    """`weight (||grad o(y)|| - 1)^2` between data and samples (Gulrajani et al. 2017, eq. 3).

    arXiv 1704.00028. y = u x + (1 - u) G(z), with one u a pair, uniform in [0, 1). D must judge
    each example by itself: batch normalisation has no such slope.

    Args:
        weight: lambda of the paper, not negative.
    """

    def __init__(self, weight: float = 10.0):
        self.weight = _not_negative("weight", weight)

    def __call__(self, images: Any, samples: Any, slopes: Slopes, seed: tf.Tensor) -> tf.Tensor:
        """See the class."""
        shape = [tf.shape(images)[0]] + [1] * (len(images.shape) - 1)
        bits = tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg="philox")
        # Floats made by TensorFlow itself differ under XLA; 24 bits are what float32 holds.
        u = tf.cast(tf.cast(bits // 2**8, tf.int32), images.dtype) / 2**24
        squared = _squared_norm(slopes(u * images + (1 - u) * samples))
        # The root's own gradient is infinite at zero, where a D that is flat begins.
        positive = squared > 0
        norm = tf.where(positive, tf.sqrt(tf.where(positive, squared, 1.0)), 0.0)
        return self.weight * tf.square(norm - 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"weight": self.weight}


def get(penalties: Penalty | Sequence[Penalty] | None) -> list[Penalty]:
    """A list of penalties from one, several or none, as objects or as configurations.

    Raises:
        ValueError: one of them is no penalty.
    """
    given: list[Any] = [] if penalties is None else list(_several(penalties))
    found = [
        keras.saving.deserialize_keras_object(item) if isinstance(item, dict) else item
        for item in given
    ]
    for item in found:
        if not callable(item) or isinstance(item, (type, str)):
            raise ValueError(
                "Invalid value for argument `penalties`: expected penalties such as "
                f"`[kgan.penalties.R1(gamma=1.0)]`, received {item!r}."
            )
    return found


def _several(penalties: Any) -> Any:
    return penalties if isinstance(penalties, (list, tuple)) else [penalties]


def _squared_norm(slopes: tf.Tensor) -> tf.Tensor:
    """`[batch]`, summed over everything else, in at least float32."""
    if slopes.dtype in (tf.float16, tf.bfloat16):
        slopes = tf.cast(slopes, tf.float32)
    return tf.reduce_sum(tf.square(slopes), axis=list(range(1, len(slopes.shape))))


def _not_negative(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a number of at least 0, "
            f"received {value!r}."
        )
    return float(value)
