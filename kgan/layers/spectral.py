"""Spectral normalization (Miyato et al. 2018, arXiv 1802.05957)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import InitializerLike, KernelLayer, Shape
from kgan.utils.types import JsonDict

__all__ = ["SpectralConv2D", "SpectralDense"]

TINY = 1e-12  # keeps a kernel of zeros from dividing by zero
FIRST_ITERATIONS = 20  # on the initial kernel, so that the first sigma is close


def _iterated(matrix: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Return the next u: `W^T W u`, scaled to length 1. Where W is zero, u stays."""
    moved = keras.ops.matmul(keras.ops.transpose(matrix), keras.ops.matmul(matrix, u)) + TINY * u
    return moved / keras.ops.sqrt(keras.ops.sum(keras.ops.square(moved)))


class _SpectralLayer(KernelLayer):
    """A linear layer that computes with `W / sigma(W)`; sigma is W's largest singular value.

    `sigma = |W u|`, with W as a matrix `[inputs, outputs]`. u approaches the first singular vector
    by one `power_iteration` an update (Miyato et al. 2018, eq. 8 and appendix A). Once the layer is
    built, nothing else changes u, and only the optimizer changes W. Gradients flow through sigma.
    All this is in the precision of the weights. The normalized kernel is then cast to the
    precision of the layer.
    """

    def __init__(
        self,
        kernel_initializer: InitializerLike = "glorot_uniform",
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(kernel_initializer, **kwargs)
        self.use_bias = use_bias

    def _add_weights(self, shape: Shape) -> None:
        self.kernel = self.add_weight(
            shape=shape, initializer=self.kernel_initializer, name="kernel", autocast=False
        )
        if self.use_bias:
            self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")
        self.u = self.add_weight(
            shape=(shape[-1], 1),
            initializer=self._first_u,
            trainable=False,
            name="u",
            autocast=False,
            aggregation="only_first_replica",  # all have the same kernel, so the same u
        )

    def _first_u(self, shape: Sequence[int], dtype: str | None = None) -> tf.Tensor:
        u = keras.initializers.Orthogonal()(shape, dtype)  # one column: of length 1
        for _ in range(FIRST_ITERATIONS):
            u = _iterated(self._matrix(), u)
        return u

    def _matrix(self) -> tf.Tensor:
        return keras.ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))

    def sigma(self) -> tf.Tensor:
        """Return the estimate of the kernel's largest singular value, never above it; a scalar."""
        image = keras.ops.matmul(self._matrix(), self.u)
        # TINY inside the root: its derivative at zero is infinite.
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(image)) + TINY**2)

    def power_iteration(self) -> None:
        """Apply one power iteration to u."""
        self.u.assign(_iterated(self._matrix(), self.u))

    def normalized_kernel(self) -> tf.Tensor:
        """Return `W / sigma(W)`, in the precision that the layer computes in."""
        return keras.ops.cast(self.kernel / self.sigma(), self.compute_dtype)

    def _with_bias(self, outputs: tf.Tensor) -> tf.Tensor:
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "use_bias": self.use_bias}


@keras.saving.register_keras_serializable(package="kgan")
class SpectralDense(_SpectralLayer):
    """`x W / sigma(W) + b`: a dense layer with spectral normalization (Miyato et al. 2018).

    sigma converges to the kernel's largest singular value over calls of `power_iteration`.
    `kgan.GAN` calls it once each update of the discriminator. Keras's own `SpectralNormalization`
    overwrites the kernel at each call, and its gradients do not flow through sigma.

    Args:
        units: number of outputs.
        kernel_initializer: initializer of the kernel.
        use_bias: whether to add a bias, which starts at 0.

    Input:
        `[batch, inputs]`.

    Output:
        `[batch, units]`.

    Example:
        ```python
        layer = kgan.layers.SpectralDense(2)
        layer(tf.zeros([1, 3]))  # [[0.0, 0.0]]
        ```
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Shape) -> None:
        self._add_weights((input_shape[-1], self.units))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self._with_bias(keras.ops.matmul(x, self.normalized_kernel()))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="kgan")
class SpectralConv2D(_SpectralLayer):
    """A convolution with spectral normalization and padding that keeps the image's size.

    Its kernel counts as a matrix `[height * width * channels, filters]` (Miyato et al. 2018,
    section 2.1); see `SpectralDense`.

    Args:
        filters: number of output channels.
        kernel_size: side of the square kernel.
        kernel_initializer: initializer of the kernel.
        use_bias: whether to add a bias, which starts at 0.

    Input:
        `[batch, height, width, channels]`.

    Output:
        `[batch, height, width, filters]`.

    Example:
        ```python
        kgan.layers.SpectralConv2D(4, kernel_size=3)(tf.ones([1, 7, 7, 8])).shape  # (1, 7, 7, 4)
        ```
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size

    def build(self, input_shape: Shape) -> None:
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.filters))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        outputs = keras.ops.conv(
            images, self.normalized_kernel(), padding="same", data_format="channels_last"
        )
        return self._with_bias(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
