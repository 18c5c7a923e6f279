"""Layers that depend on a class label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import keras
import tensorflow as tf

from kgan.layers.base import InitializerLike, Shape
from kgan.layers.normalization import BatchNormalization
from kgan.layers.spectral import SpectralDense
from kgan.utils.types import JsonDict

__all__ = ["ClassEmbedding", "ConditionalBatchNormalization"]


@keras.saving.register_keras_serializable(package="kgan")
class ClassEmbedding(keras.layers.Layer):
    """A learned vector for each class; for several labels, the sum of their vectors.

    The table has a row for each class at each position: class c at position j is row
    `j * num_classes + c`. The rows are read by a product with one-hot vectors, which makes the
    gradients of all orders dense, also under XLA. A label outside of the classes has the vector 0.

    Args:
        num_classes: number of classes; labels are 0 to `num_classes` - 1.
        dim: length of a vector.
        initializer: initializer of the vectors.
        spectral_normalization: whether the table is divided by its largest singular value
            (`SpectralDense`).

    Input:
        int `[batch]`, or `[batch, positions]`.

    Output:
        `[batch, dim]`.

    Example:
        ```python
        vectors = kgan.layers.ClassEmbedding(num_classes=10, dim=16)(labels)  # [batch, 16]
        ```
    """

    def __init__(
        self,
        num_classes: int,
        dim: int,
        initializer: InitializerLike = "random_normal",
        spectral_normalization: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.dim = dim
        self.initializer = keras.initializers.get(initializer)
        self.spectral_normalization = spectral_normalization
        kind = SpectralDense if spectral_normalization else keras.layers.Dense
        self.table = kind(
            dim, use_bias=False, kernel_initializer=self.initializer, dtype=self.dtype_policy
        )

    def build(self, input_shape: Shape) -> None:
        positions = (input_shape[1] or 1) if len(input_shape) == 2 else 1
        self.table.build((None, positions * self.num_classes))
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, labels: tf.Tensor) -> tf.Tensor:
        ones = keras.ops.one_hot(labels, self.num_classes, dtype=self.compute_dtype)
        return self.table(keras.ops.reshape(ones, (-1, self.table.kernel.shape[0])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.dim)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dim": self.dim,
            "initializer": keras.initializers.serialize(self.initializer),
            "spectral_normalization": self.spectral_normalization,
        }


@keras.saving.register_keras_serializable(package="kgan")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalization with a scale and a shift for each class (de Vries et al. 2017).

    Computes `gamma[y] x' + beta[y]`, where x' is x minus its mean, divided by its standard
    deviation, both of the whole batch. The tables gamma and beta replace the network of arXiv
    1707.00683, section 3. Scales start at 1 and shifts at 0.

    Args:
        num_classes: number of classes.
        momentum: of the moving statistics that inference uses.
        epsilon: added to the variance.

    Input:
        a list of `[batch, ..., channels]` and int labels `[batch]`.

    Output:
        `[batch, ..., channels]`.

    Example:
        ```python
        layer = kgan.layers.ConditionalBatchNormalization(num_classes=10)
        normalized = layer([images, labels], training=True)
        ```
    """

    def __init__(
        self, num_classes: int, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.momentum = momentum
        self.epsilon = epsilon
        self.normalization = BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy
        )

    def build(self, input_shape: Sequence[Shape]) -> None:
        shape, labels_shape = input_shape
        self.normalization.build(shape)
        channels = cast("int", shape[-1])
        self.scale, self.shift = (
            ClassEmbedding(self.num_classes, channels, start, dtype=self.dtype_policy, name=name)
            for name, start in (("scale", "ones"), ("shift", "zeros"))
        )
        self.scale.build(labels_shape)
        self.shift.build(labels_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        x, labels = inputs
        shape = (-1, *[1] * (len(x.shape) - 2), x.shape[-1])
        scale = keras.ops.reshape(self.scale(labels), shape)
        shift = keras.ops.reshape(self.shift(labels), shape)
        return self.normalization(x, training=training) * scale + shift

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return tuple(input_shape[0])

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
