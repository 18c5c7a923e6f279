"""Weight normalization (Salimans and Kingma 2016, arXiv 1602.07868), which Keras lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import InitializerLike, KernelLayer, Shape
from kgan.utils.checks import positive_integer
from kgan.utils.types import JsonDict

__all__ = ["WeightNormalizedDense"]


@keras.saving.register_keras_serializable(package="kgan")
class WeightNormalizedDense(KernelLayer):
    """A fully connected layer whose weight vectors have a norm of their own (eq. 2).

    `y = activation(x W + b)`, where column i of W is `scale[i] * kernel[:, i] / ||kernel[:, i]||`.

    Args:
        units: number of outputs.
        activation: None, or an activation of Keras.
        trainable_scale: whether the norms are trained. They start at 1.
        kernel_initializer: initializer of the kernel, of which the direction alone counts. A larger
            kernel turns more slowly.
        **kwargs: `name` and `dtype` of Keras.

    Input:
        `[batch, inputs]`.

    Output:
        `[batch, units]`.

    Example:
        ```python
        kgan.layers.WeightNormalizedDense(2)(tf.zeros([1, 3]))  # [[0.0, 0.0]]
        ```
    """

    def __init__(
        self,
        units: int,
        activation: str | Callable[[tf.Tensor], tf.Tensor] | None = None,
        trainable_scale: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(kernel_initializer, **kwargs)
        self.units = positive_integer("units", units)
        self.activation = keras.activations.get(activation)
        self.trainable_scale = trainable_scale

    def build(self, input_shape: Shape) -> None:
        # In the precision of the weights: half precision would lose digits of the norm.
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            autocast=False,
            name="kernel",
        )
        of_units = {"shape": (self.units,), "autocast": False}
        self.scale = self.add_weight(
            initializer="ones", trainable=self.trainable_scale, name="scale", **of_units
        )
        self.bias = self.add_weight(initializer="zeros", name="bias", **of_units)
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.activation(self._affine(x))

    def start_at(self, x: tf.Tensor) -> None:
        """Set scale and bias so that the activation sees mean 0 and variance 1 on `x` (eq. 6).

        Args:
            x: `[batch, inputs]`. Units that are constant there stay as they are.
        """
        outputs = keras.ops.cast(self._affine(keras.ops.cast(x, self.compute_dtype)), "float32")
        mean, deviation = keras.ops.mean(outputs, axis=0), keras.ops.std(outputs, axis=0)
        constant = deviation < 1e-6
        factor = keras.ops.where(constant, 1.0, 1.0 / keras.ops.maximum(deviation, 1e-6))
        shift = keras.ops.where(constant, self.bias, (self.bias - mean) * factor)
        self.scale.assign(self.scale * factor)
        self.bias.assign(shift)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "trainable_scale": self.trainable_scale,
        }

    def _affine(self, x: tf.Tensor) -> tf.Tensor:
        norm = keras.ops.sqrt(keras.ops.sum(keras.ops.square(self.kernel), axis=0))
        weights = keras.ops.cast(self.kernel * (self.scale / norm), x.dtype)
        return keras.ops.matmul(x, weights) + keras.ops.cast(self.bias, x.dtype)
