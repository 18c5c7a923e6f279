"""Gradient penalties: terms that keep the gradient of the discriminator small or near 1.

A penalty is added to the discriminator's loss. It measures the gradient norm `||grad o||` of the
logit o with respect to the input: the Euclidean norm over all pixels of an example, in at least
float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias, cast

import keras
import tensorflow as tf

from kgan.utils.checks import number
from kgan.utils.configurable import Configurable
from kgan.utils.random_bits import random_floats
from kgan.utils.types import JsonDict

__all__ = ["R1", "R2", "GradientPenalty", "Gradients", "Penalty", "get"]

# Maps points `[batch, ...]` to the gradient of the logit at them, of the same shape.
Gradients: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


class Penalty(Configurable):
    """A penalty on the discriminator's gradient norm. Subclass it for a penalty of your own.

    A subclass defines `__call__`. One that takes arguments also defines `get_config`;
    `keras.saving.register_keras_serializable` lets models that use it be saved.

    Example:
        ```python
        @keras.saving.register_keras_serializable()
        class SmallGradient(kgan.penalties.Penalty):
            def __call__(self, images, samples, gradients, seed):
                return tf.reduce_sum(tf.square(gradients(images)), axis=(1, 2, 3))


        gan.compile("adam", "adam", penalties=SmallGradient())
        ```
    """

    def __call__(
        self, images: tf.Tensor, samples: tf.Tensor, gradients: Gradients, seed: tf.Tensor
    ) -> tf.Tensor:
        """Return the penalty of each example.

        Args:
            images: `[batch, ...]`, data.
            samples: samples of the generator, of the same shape.
            gradients: function of points of that shape; returns the gradient of the logit with
                respect to the input there, float32 of the same shape. At `images` and `samples`
                themselves it reuses the forward pass of the loss.
            seed: int64 `[2]`, for draws with `tf.random.stateless_*`.

        Returns:
            float32 `[batch]`.
        """
        raise NotImplementedError


class _ZeroCentered(Penalty):
    """`gamma / 2 ||grad o||^2`; the subclasses differ in the points.

    The squared norm needs no square root, so its gradient is finite where D is constant.

    Attributes:
        on_samples: whether the points are the samples; else they are the data.
    """

    on_samples: ClassVar[bool]

    def __init__(self, gamma: float = 1.0):
        self.gamma = number("gamma", gamma, 0)

    def __call__(
        self, images: tf.Tensor, samples: tf.Tensor, gradients: Gradients, seed: tf.Tensor
    ) -> tf.Tensor:
        points = samples if self.on_samples else images
        return self.gamma / 2 * _squared_norm(gradients(points))

    def get_config(self) -> JsonDict:
        return {"gamma": self.gamma}


@keras.saving.register_keras_serializable(package="kgan")
class R1(_ZeroCentered):
    """`gamma / 2 ||grad o(x)||^2` on data (Mescheder et al. 2018, arXiv 1801.04406, eq. 9).

    At equilibrium the gradient of D is zero on the data; with this penalty training converges near
    it.

    Args:
        gamma: weight, at least 0.

    Example:
        ```python
        gan.compile("adam", "adam", penalties=kgan.penalties.R1(gamma=0.1))
        ```
    """

    on_samples = False


@keras.saving.register_keras_serializable(package="kgan")
class R2(_ZeroCentered):
    """`gamma / 2 ||grad o(G(z))||^2` on samples (Mescheder et al. 2018, eq. 10).

    Args:
        gamma: weight, at least 0.

    Example:
        ```python
        penalties = [kgan.penalties.R1(gamma=0.1), kgan.penalties.R2(gamma=0.1)]
        gan.compile("adam", "adam", loss="relativistic_paired", penalties=penalties)
        ```
    """

    on_samples = True


@keras.saving.register_keras_serializable(package="kgan")
class GradientPenalty(Penalty):
    """`weight (||grad o(y)|| - 1)^2` between data and samples (Gulrajani et al. 2017, eq. 3).

    arXiv 1704.00028. y = u x + (1 - u) G(z), with one u a pair, uniform in [0, 1). The logit of an
    example must not depend on other examples, so D must not use batch normalization.

    Args:
        weight: lambda of the paper, at least 0.

    Example:
        ```python
        gan.compile("adam", "adam", loss="wasserstein", penalties=kgan.penalties.GradientPenalty())
        ```
    """

    def __init__(self, weight: float = 10.0):
        self.weight = number("weight", weight, 0)

    def __call__(
        self, images: tf.Tensor, samples: tf.Tensor, gradients: Gradients, seed: tf.Tensor
    ) -> tf.Tensor:
        shape = [tf.shape(images)[0]] + [1] * (len(images.shape) - 1)
        u = random_floats(shape, seed, images.dtype)
        squared = _squared_norm(gradients(u * images + (1 - u) * samples))
        # The derivative of the root is infinite at zero, where a constant D starts. A single
        # `where` would still give NaN, as 0 times infinity: the root's argument is replaced too.
        positive = squared > 0
        norm = tf.where(positive, tf.sqrt(tf.where(positive, squared, 1.0)), 0.0)
        return self.weight * tf.square(norm - 1)

    def get_config(self) -> JsonDict:
        return {"weight": self.weight}


def get(penalties: Penalty | JsonDict | Sequence[Penalty | JsonDict] | None) -> list[Penalty]:
    """Return a list of penalties from one, several or none, as objects or as configurations.

    Raises:
        ValueError: one of them is no penalty.

    Example:
        ```python
        kgan.penalties.get(None)  # []
        ```
    """
    if penalties is None:
        return []
    given: list[object] = list(penalties) if isinstance(penalties, (list, tuple)) else [penalties]
    found = [
        keras.saving.deserialize_keras_object(item) if isinstance(item, dict) else item
        for item in given
    ]
    for item in found:
        # A class is callable too: `R1` for `R1()` is a likely slip.
        if not callable(item) or isinstance(item, (type, str)):
            raise ValueError(
                "Invalid value for argument `penalties`: expected penalties such as "
                f"`[kgan.penalties.R1(gamma=1.0)]`, received {item!r}."
            )
    return cast("list[Penalty]", found)


def _squared_norm(gradients: tf.Tensor) -> tf.Tensor:
    """Return `[batch]` sums of squares over all other axes, in at least float32."""
    # Squares leave float16's range from 256 on, and thousands of pixels are summed.
    if gradients.dtype in (tf.float16, tf.bfloat16):
        gradients = tf.cast(gradients, tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=list(range(1, len(gradients.shape))))
