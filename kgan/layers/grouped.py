"""Convolutions in groups of channels."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import InitializerLike, KernelLayer, Shape
from kgan.utils.checks import positive_integer
from kgan.utils.types import JsonDict

__all__ = ["GroupedConv2D", "for_accelerators"]

_FOR_ACCELERATORS = contextvars.ContextVar("_FOR_ACCELERATORS", default=False)


@contextlib.contextmanager
def for_accelerators() -> Iterator[None]:
    """Within this context, what is traced has grouped convolutions in one operation.

    XLA compiles it for a GPU, where it takes 0.6 of the time (docs/performance.md). TensorFlow
    itself cannot differentiate it on a CPU.
    """
    token = _FOR_ACCELERATORS.set(True)
    try:
        yield
    finally:
        _FOR_ACCELERATORS.reset(token)


@keras.saving.register_keras_serializable(package="kgan")
class GroupedConv2D(KernelLayer):
    """A convolution in which each output channel reads one group of the input channels.

    Computes what `keras.layers.Conv2D(groups=...)` computes, with padding that keeps the image's
    size, but by one convolution a group. On a CPU, TensorFlow has no derivative of the grouped
    operation. Keras compiles it with XLA there, which is a hundred times slower and fixes the
    batch size.

    Args:
        filters: number of output channels.
        kernel_size: side of the square kernel.
        groups: number of groups; it divides the number of input and of output channels.
        kernel_initializer: initializer of the kernel.

    Input:
        `[batch, height, width, channels]`.

    Output:
        `[batch, height, width, filters]`.

    Example:
        ```python
        convolved = kgan.layers.GroupedConv2D(8, kernel_size=3, groups=4)(tf.ones([1, 7, 7, 8]))
        ```
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        groups: int,
        kernel_initializer: InitializerLike = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(kernel_initializer, **kwargs)
        self.filters = positive_integer("filters", filters)
        self.kernel_size = positive_integer("kernel_size", kernel_size)
        self.groups = positive_integer("groups", groups)
        if filters % groups:
            raise ValueError(
                f"Invalid value for argument `groups`: expected a divisor of filters={filters}, "
                f"received {groups}."
            )

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"Invalid input: groups={self.groups} must divide the {channels} channels."
            )
        self.kernel = self.add_weight(
            shape=(*[self.kernel_size] * 2, channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, images: tf.Tensor) -> tf.Tensor:
        kernel = keras.ops.convert_to_tensor(self.kernel)
        if _FOR_ACCELERATORS.get():
            return tf.nn.conv2d(images, kernel, 1, "SAME") + self.bias
        parts = keras.ops.split(images, self.groups, axis=-1)
        kernels = keras.ops.split(kernel, self.groups, axis=-1)
        outputs = [
            keras.ops.conv(part, own, padding="same", data_format="channels_last")
            for part, own in zip(parts, kernels, strict=True)
        ]
        return keras.ops.concatenate(outputs, axis=-1) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> JsonDict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "groups": self.groups,
        }
