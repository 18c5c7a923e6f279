"""Convolutions in groups of channels."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["GroupedConv2D"]


@keras.saving.register_keras_serializable(package="kgan")
class GroupedConv2D(keras.layers.Layer):
    """A convolution each of whose outputs looks at one group of the channels.

    As `keras.layers.Conv2D(groups=...)`, padded to keep the image's size, but made of one
    convolution a group. TensorFlow has no derivative of the whole on a CPU; Keras has XLA compile
    it there, which takes a hundred times as long, and fixes the batch size.

    Args:
        filters: number of output channels.
        kernel_size: side of the square kernel.
        groups: number of groups; it divides the channels that come in and go out.
        kernel_initializer: start of the weights.

    Input:
        `[batch, height, width, channels]`.

    Output:
        `[batch, height, width, filters]`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        groups: int,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if filters % groups:
            raise ValueError(
                f"Invalid value for argument `groups`: expected a divisor of filters={filters}, "
                f"received {groups}."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.groups = groups
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        if input_shape[-1] % self.groups:
            raise ValueError(
                f"Invalid input: groups={self.groups} must divide the {input_shape[-1]} channels."
            )
        self.kernel = self.add_weight(
            shape=(*[self.kernel_size] * 2, input_shape[-1] // self.groups, self.filters),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, images: Any) -> Any:
        """The convolution of `images`."""
        parts = keras.ops.split(images, self.groups, axis=-1)
        kernels = keras.ops.split(keras.ops.convert_to_tensor(self.kernel), self.groups, axis=-1)
        outputs = [
            keras.ops.conv(part, kernel, padding="same", data_format="channels_last")
            for part, kernel in zip(parts, kernels, strict=True)
        ]
        return keras.ops.concatenate(outputs, axis=-1) + self.bias

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """`(batch, height, width, filters)`."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "groups": self.groups,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
