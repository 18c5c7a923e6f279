"""A discriminator of patches after pix2pix (Isola et al. 2017, arXiv 1611.07004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import Shape
from kgan.networks.base import Discriminator, Inputs, InputShape
from kgan.networks.checks import checked_filters
from kgan.networks.dcgan import KERNEL, dcgan_convolution
from kgan.networks.image_condition import (
    ImageConditioned,
    instance_normalization,
)
from kgan.utils.checks import integer
from kgan.utils.types import JsonDict

__all__ = ["PatchDiscriminator"]

_WIDEST = 8  # times `filters`, as published
_MOST_HALVINGS = 3  # 70 x 70 patches


def _patch_side(halvings: int) -> int:
    """Return the side of the patch that one logit sees: 16, 34, 70 for 1, 2, 3 halvings."""
    side = 1 + 2 * (KERNEL - 1)  # the two convolutions of stride 1
    for _ in range(halvings):
        side = 2 * side + KERNEL - 2
    return side


@keras.saving.register_keras_serializable(package="kgan")
class PatchDiscriminator(ImageConditioned, Discriminator):
    """Compute one logit for each patch of an image, and of its condition (section 3.2.2).

    4 x 4 convolutions: `halvings` of stride 2, one of stride 1, and one to the logits. LeakyReLU
    (0.2) follows all but the last, and instance normalization all but the first and the last. The
    condition is concatenated with the image, enlarged where it is smaller.

    A logit sees a patch of 16, 34 or 70 pixels for 1, 2 or 3 halvings. The mean over the patches is
    the logit of an image: `kgan.GAN` takes losses, logs and penalties of it.

    Args:
        image_shape: `(height, width, channels)` of any size from 8 pixels on.
        condition_shape: the same height and width, or these halved several times. None for a
            discriminator that sees images alone.
        filters: channels of the first convolution; they double with each, up to 8 times as many.
        halvings: how many convolutions halve the sides. None means as many, from 1 to 3, as leave
            a patch that is not larger than the image.
        **kwargs: `weight_constraint`, `name` and `dtype` of `Discriminator`.

    Input:
        float `[batch, *image_shape]`; with a condition, a list of these and float
        `[batch, *condition_shape]`.

    Output:
        float32 logits `[batch, rows, columns, 1]`.

    Raises:
        ValueError: the image is too small, or the condition does not fit it.

    Example:
        ```python
        discriminator = kgan.networks.PatchDiscriminator((28, 28, 3), condition_shape=(28, 28, 1))
        ```
    """

    independent_examples = True

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_shape: Sequence[int] | None = None,
        filters: int = 64,
        halvings: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(image_shape, **kwargs)
        if self.classes:
            raise ValueError(
                "Invalid value for argument `classes`: expected None, as a patch has no class, "
                f"received {self.classes}. Of images, kgan.networks.DCGANDiscriminator has classes."
            )
        if len(self.image_shape) != 3 or min(self.image_shape[:2]) < 8:
            raise ValueError(
                "Invalid value for argument `image_shape`: expected images (height, width, "
                "channels) of at least 8 pixels a side, received "
                f"{self.image_shape}. Enlarge the images (`image_size`)."
            )
        self._set_condition(condition_shape, self.image_shape)
        self.filters = checked_filters(filters, 1)
        self.halvings = self._checked_halvings(halvings)
        widths = [filters * min(2**i, _WIDEST) for i in range(self.halvings + 1)]
        self.convolutions = [
            dcgan_convolution(
                *(keras.layers.Conv2D, n, self.dtype_policy),
                use_bias=i == 0,
                strides=2 if i < self.halvings else 1,
            )
            for i, n in enumerate(widths)
        ]
        self.normalizations = [instance_normalization(self.dtype_policy) for _ in widths[1:]]
        self.output_layer = dcgan_convolution(
            keras.layers.Conv2D, 1, self.variable_dtype, use_bias=True, strides=1
        )

    def build(self, input_shape: InputShape) -> None:
        shape, condition_shape = self._split_shape(input_shape)
        if condition_shape is not None:
            shape = (*shape[:-1], shape[-1] + condition_shape[-1])  # type: ignore[operator]
        for i, convolution in enumerate(self.convolutions):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if i:
                self.normalizations[i - 1].build(shape)
        self.output_layer.build(shape)
        self._set_constraint()

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        x, condition = self._split(inputs)
        if condition is not None:
            x = keras.ops.concatenate([x, keras.ops.cast(condition, x.dtype)], axis=-1)
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if i:
                x = self.normalizations[i - 1](x)
            x = keras.ops.leaky_relu(x, negative_slope=0.2)
        x = keras.ops.cast(x, self.variable_dtype)
        return keras.ops.cast(self.output_layer(x), "float32")

    def compute_output_shape(self, input_shape: InputShape) -> Shape:
        batch, height, width, _ = self._split_shape(input_shape)[0]
        for _ in range(self.halvings):
            height, width = -(-height // 2), -(-width // 2)  # type: ignore[operator]
        return (batch, height, width, 1)

    def _checked_halvings(self, halvings: int | None) -> int:
        if halvings is not None:
            return integer("halvings", halvings, 1, min(self.image_shape[:2]).bit_length() - 2)
        smaller = [
            count
            for count in range(1, _MOST_HALVINGS + 1)
            if _patch_side(count) <= min(self.image_shape[:2])
        ]
        return smaller[-1] if smaller else 1

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "filters": self.filters, "halvings": self.halvings}
