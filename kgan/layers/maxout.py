"""Maxout units (Goodfellow et al. 2013, arXiv 1302.4389)."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Maxout"]


@keras.saving.register_keras_serializable(package="kgan")
class Maxout(keras.layers.Layer):
    """The largest of several affine maps (Goodfellow et al. 2013, arXiv 1302.4389, section 2).

    `h_i(x) = max_j (x^T W[:, j, i] + b[j, i])`, for `pieces` values of j.

    Args:
        units: number of outputs.
        pieces: affine maps behind each output.
        kernel_initializer: start of the weights.
        bias_initializer: start of the biases.

    Input:
        `[batch, inputs]`.

    Output:
        `[batch, units]`.
    """

    def __init__(
        self,
        units: int,
        pieces: int,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for name, given in (("units", units), ("pieces", pieces)):
            if not isinstance(given, int) or given < 1:
                raise ValueError(
                    f"Invalid value for argument `{name}`: expected a positive integer, "
                    f"received {given!r}."
                )
        self.units = units
        self.pieces = pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.affine = keras.layers.Dense(
            units * pieces,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self.affine.build(input_shape)

    def call(self, x: Any) -> Any:
        """The outputs `[batch, units]` for inputs `[batch, inputs]`."""
        return keras.ops.max(
            keras.ops.reshape(self.affine(x), (-1, self.pieces, self.units)), axis=1
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, units)`."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
