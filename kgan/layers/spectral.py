"""Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957)."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["SpectralConv2D", "SpectralDense"]

TINY = 1e-12  # keeps a kernel of zeros from dividing by zero
FIRST_ITERATIONS = 20  # on the initial kernel, so that the first sigma is no mere guess


def _iterated(matrix: Any, u: Any) -> Any:
    """The next u: along `W^T W u`, of length 1. Where W is zero, u stays."""
    moved = keras.ops.matmul(keras.ops.transpose(matrix), keras.ops.matmul(matrix, u)) + TINY * u
    return moved / keras.ops.sqrt(keras.ops.sum(keras.ops.square(moved)))


class _SpectralLayer(keras.layers.Layer):
    """A linear layer that computes with `W / sigma(W)`, sigma being W's largest singular value.

    `sigma = |W u|`, W taken as a matrix `[inputs, outputs]`, where u approaches the first singular
    vector as `power_iteration` is called, once for each update (Miyato et al. 2018, eq. 8 and
    appendix A). Nothing else moves u once the layer is built, and nothing but the optimizer moves
    W. Gradients pass through sigma. All this is in the precision of the weights; the normalised
    kernel is then cast to that of the layer.
    """

    def __init__(
        self, kernel_initializer: Any = "glorot_uniform", use_bias: bool = True, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.use_bias = use_bias

    def _add_weights(self, shape: tuple[int, ...]) -> None:
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

    def _first_u(self, shape: Any, dtype: Any = None) -> Any:
        u = keras.initializers.Orthogonal()(shape, dtype)  # one column: of length 1
        for _ in range(FIRST_ITERATIONS):
            u = _iterated(self._matrix(), u)
        return u

    def _matrix(self) -> Any:
        return keras.ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))

    def sigma(self) -> Any:
        """The estimate of the kernel's largest singular value, never above it; a scalar."""
        image = keras.ops.matmul(self._matrix(), self.u)
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(image)) + TINY**2)

    def power_iteration(self) -> None:
        """Moves u one step."""
        self.u.assign(_iterated(self._matrix(), self.u))

    def normalized_kernel(self) -> Any:
        """`W / sigma(W)`, in the precision that the layer computes in."""
        return keras.ops.cast(self.kernel / self.sigma(), self.compute_dtype)

    def _with_bias(self, outputs: Any) -> Any:
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "use_bias": self.use_bias,
        }


@keras.saving.register_keras_serializable(package="kgan")
class SpectralDense(_SpectralLayer):
    """`x W / sigma(W) + b`: a dense layer with spectral normalisation (Miyato et al. 2018).

    sigma is at the kernel's largest singular value once `power_iteration` has been called often
    enough; `kgan.GAN` calls it once for each update of the discriminator. Keras's own
    `SpectralNormalization` overwrites the kernel at each call, and its gradients omit sigma's.

    Args:
        units: number of outputs.
        kernel_initializer: start of the weights.
        use_bias: whether b is there; it starts at 0.

    Input:
        `[batch, inputs]`.

    Output:
        `[batch, units]`.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self._add_weights((input_shape[-1], self.units))

    def call(self, x: Any) -> Any:
        """The outputs `[batch, units]` for inputs `[batch, inputs]`."""
        return self._with_bias(keras.ops.matmul(x, self.normalized_kernel()))

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, units)`."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="kgan")
class SpectralConv2D(_SpectralLayer):
    """A convolution with spectral normalisation, padded to keep the image's size.

    Its kernel counts as a matrix `[height * width * channels, filters]` (Miyato et al. 2018,
    section 2.1); see `SpectralDense`.

    Args:
        filters: number of output channels.
        kernel_size: side of the square kernel.
        kernel_initializer: start of the weights.
        use_bias: whether there is one; it starts at 0.

    Input:
        `[batch, height, width, channels]`.

    Output:
        `[batch, height, width, filters]`.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.filters))

    def call(self, images: Any) -> Any:
        """The convolution of `images`."""
        outputs = keras.ops.conv(
            images, self.normalized_kernel(), padding="same", data_format="channels_last"
        )
        return self._with_bias(outputs)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, height, width, filters)`."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
