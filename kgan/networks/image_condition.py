"""What networks share whose condition is an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import keras
import tensorflow as tf

from kgan import layers
from kgan.layers.base import Shape
from kgan.networks.base import Inputs, InputShape, Network
from kgan.networks.checks import checked_shape, enlargements
from kgan.utils.types import JsonDict

__all__ = ["ImageConditioned", "instance_normalization"]


def instance_normalization(dtype: keras.DTypePolicy) -> keras.layers.Layer:
    """Return a new instance normalization (Ulyanov et al. 2016, arXiv 1607.08022).

    It normalizes each channel of each image by itself, so a batch of 1 is as good as any. Batch
    normalization has no statistics there.
    """
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, dtype=dtype)


class ImageConditioned(Network):
    """A mixin of `Network` for networks that are called with `[inputs, condition]`, two images.

    A subclass calls `_set_condition` at the end of its constructor, and `_split` in `call`.

    Attributes:
        condition_shape: shape of one condition, `(height, width, channels)`, or None.
    """

    def _set_condition(
        self, condition_shape: Sequence[int] | None, input_shape: Sequence[int]
    ) -> None:
        """Keep the shape of the condition, and check what the network is called with."""
        self.condition_shape = None
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape))
        if condition_shape is None:
            return
        self.condition_shape = checked_shape(condition_shape, "condition_shape")
        self._enlargements = enlargements(self.condition_shape, self.image_shape)
        condition_spec = keras.layers.InputSpec(shape=(None, *self.condition_shape))
        self.input_spec = [self.input_spec, condition_spec]

    def _split(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return the input and the condition, enlarged to the height and width of an image."""
        if self.condition_shape is None:
            return inputs, None
        x, condition = inputs
        for _ in range(self._enlargements):
            condition = layers.double_bilinear(condition)
        return x, condition

    def _split_shape(self, input_shape: InputShape) -> tuple[Shape, Shape | None]:
        if self.condition_shape is None:
            return cast("Shape", input_shape), None
        shape, condition_shape = cast("Sequence[Shape]", input_shape)
        return shape, condition_shape

    def get_config(self) -> JsonDict:
        config: dict[str, Any] = super().get_config()
        for name in ("num_classes", "conditioning"):  # of networks that take labels
            del config[name]
        return {**config, "condition_shape": self.condition_shape}
