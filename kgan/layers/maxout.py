"""Maxout units (Goodfellow et al. 2013, arXiv 1302.4389)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import InitializerLike, KernelLayer, Shape
from kgan.utils.checks import positive_integer
from kgan.utils.types import JsonDict

__all__ = ["Maxout"]


@keras.saving.register_keras_serializable(package="kgan")
class Maxout(KernelLayer):
    """The largest of several affine maps (Goodfellow et al. 2013, arXiv 1302.4389, section 2).

    `h_i(x) = max_j (x^T W[:, j, i] + b[j, i])`, for `pieces` values of j.

    Args:
        units: number of outputs.
        pieces: number of affine maps of each output.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the biases.

    Input:
        `[batch, inputs]`.

    Output:
        `[batch, units]`.

    Example:
        ```python
        kgan.layers.Maxout(units=2, pieces=5)(tf.zeros([1, 3]))  # [[0.0, 0.0]]
        ```
    """

    def __init__(
        self,
        units: int,
        pieces: int,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        **kwargs: Any,
    ):
        super().__init__(kernel_initializer, **kwargs)
        self.units = positive_integer("units", units)
        self.pieces = positive_integer("pieces", pieces)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.affine = keras.layers.Dense(
            self.units * self.pieces,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shape) -> None:
        self.affine.build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return keras.ops.max(
            keras.ops.reshape(self.affine(x), (-1, self.pieces, self.units)), axis=1
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
