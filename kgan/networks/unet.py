"""A generator from image to image after pix2pix (Isola et al. 2017, arXiv 1611.07004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import Shape
from kgan.networks.base import ConvolutionalNetwork, Generator, Inputs, InputShape
from kgan.networks.dcgan import UPSAMPLINGS, dcgan_convolution
from kgan.networks.image_condition import (
    ImageConditioned,
    instance_normalization,
)
from kgan.utils.checks import number, one_of
from kgan.utils.types import JsonDict

__all__ = ["UNetGenerator"]

_WIDEST = 8  # times `filters`, as published
_DARKEST = 0.05  # of a residual start: the sigmoid has a gradient there


def _at_size(filters: int, dtype: keras.DTypePolicy) -> keras.layers.Layer:
    """Return a convolution that keeps height and width."""
    kind = keras.layers.Conv2D
    return dcgan_convolution(kind, filters, dtype, use_bias=True, kernel=3, strides=1)


@keras.saving.register_keras_serializable(package="kgan")
class UNetGenerator(ImageConditioned, ConvolutionalNetwork, Generator):
    """Halve the sides of a condition to a small grid and double them again, with skips.

    4 x 4 convolutions of stride 2 lead down, LeakyReLU (0.2) follows each. On the way up each level
    is concatenated with the level of the same size on the way down (section 3.2.1). Instance
    normalization follows every convolution but the first and the last. Latents, where there are
    any, are joined to every position of the smallest grid.

    The network is called with `[latents, condition]`. Without latents (`latent_dim=0`) these are
    `[batch, 0]`, as `kgan.priors.NoLatents` draws them.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        condition_shape: the same height and width, or these halved several times: such conditions
            are enlarged bilinearly first.
        latent_dim: size of a latent point, or 0.
        filters: channels at the image's size; they double with each halving, up to 8 times as many.
        value_range: `(low, high)` of conditions and output, or None for no bounds.
        upsampling: `"transposed"`, 4 x 4 transposed convolutions as published; or `"resize"`,
            doubling by nearest neighbours and 3 x 3 convolutions (`kgan.layers.ResizeConv2D`).
        dropout: share of features dropped while training at the three smallest levels on the way
            up. The paper's noise is 0.5; 0 for none.
        residual: whether the output starts at the condition and the network learns what to change;
            where the condition has several times the channels of the image, at the last of them.
            None means where it has as many. A cold start on sparse
            images under an L1 term ends at their median, which may be all black.
        keep_given: whether the last channel of the condition is a mask: `high` where a pixel is
            given, `low` where it is hidden. Given pixels are then those of the condition.
        **kwargs: `name` and `dtype` of Keras.

    Input:
        A list of float `[batch, latent_dim]` and float `[batch, *condition_shape]`.

    Output:
        float32 `[batch, *image_shape]` in `value_range`.

    Raises:
        ValueError: a shape cannot be halved or enlarged, or does not fit an option.

    Example:
        ```python
        generator = kgan.networks.UNetGenerator((28, 28, 3), condition_shape=(28, 28, 1))  # colours
        ```
    """

    needs_latents = False

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_shape: Sequence[int],
        latent_dim: int = 0,
        filters: int = 64,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        upsampling: str = "transposed",
        dropout: float = 0.0,
        residual: bool | None = None,
        keep_given: bool = False,
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        self._set_filters(filters)
        self._set_condition(condition_shape, (self.latent_dim,))
        hint = f"{type(self).__name__} supports no other."
        self.upsampling = one_of("upsampling", upsampling, tuple(UPSAMPLINGS), hint)
        self.dropout = number("dropout", dropout, 0, 1, ends="[)")
        self.keep_given = bool(keep_given)
        self.autocast = not self.keep_given  # in half precision, given pixels come back whole
        self.residual = self._checked_residual(residual)
        widths = [filters * min(2**i, _WIDEST) for i in range(self.halvings + 1)]
        dtype = self.dtype_policy
        self.entry = _at_size(widths[0], dtype)
        self.down = [dcgan_convolution(keras.layers.Conv2D, n, dtype) for n in widths[1:]]
        kind = UPSAMPLINGS[self.upsampling]
        self.up = [dcgan_convolution(kind, n, dtype) for n in reversed(widths[:-1])]
        normalizations = [instance_normalization(self.dtype_policy) for _ in 2 * widths[1:]]
        self.down_normalizations = normalizations[: self.halvings]
        self.up_normalizations = normalizations[self.halvings :]
        dropouts = 3 if self.dropout else 0
        self.dropouts = [
            keras.layers.Dropout(dropout, dtype=self.dtype_policy) for _ in self.up[:dropouts]
        ]
        self.output_layer = _at_size(self.image_shape[-1], dtype)

    def build(self, input_shape: InputShape) -> None:
        latents_shape, condition_shape = self._split_shape(input_shape)
        shape: Shape = (None, *self.image_shape[:2], condition_shape[-1])  # type: ignore[index]
        self.entry.build(shape)
        skips = [self.entry.compute_output_shape(shape)]
        for convolution, normalization in zip(self.down, self.down_normalizations, strict=True):
            convolution.build(skips[-1])
            skips.append(convolution.compute_output_shape(skips[-1]))
            normalization.build(skips[-1])
        *sides, channels = skips.pop()
        shape = (*sides, channels + latents_shape[-1])
        for convolution, normalization in zip(self.up, self.up_normalizations, strict=True):
            convolution.build(shape)
            *sides, channels = convolution.compute_output_shape(shape)
            normalization.build((*sides, channels))
            shape = (*sides, channels + skips.pop()[-1])
        self.output_layer.build(shape)

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        latents, condition = self._split(inputs)
        x = keras.ops.leaky_relu(self.entry(condition), negative_slope=0.2)
        skips = [x]
        for convolution, normalization in zip(self.down, self.down_normalizations, strict=True):
            x = keras.ops.leaky_relu(normalization(convolution(x)), negative_slope=0.2)
            skips.append(x)
        x = skips.pop()
        if self.latent_dim:
            points = keras.ops.cast(latents, x.dtype)[:, None, None, :]
            x = keras.ops.concatenate([x, keras.ops.ones_like(x[..., :1]) * points], axis=-1)
        for i, convolution in enumerate(self.up):
            x = self.up_normalizations[i](convolution(x))
            if i < len(self.dropouts):
                x = self.dropouts[i](x, training=training)
            x = keras.ops.concatenate([keras.ops.relu(x), skips.pop()], axis=-1)
        return self._finished(self.output_layer(x), keras.ops.cast(condition, "float32"))

    def _finished(self, logits: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """Return the images: the condition changed, where asked for, with its given pixels."""
        channels = self.image_shape[-1]
        end = self.condition_shape[-1] - self.keep_given  # type: ignore[index]
        logits, given = keras.ops.cast(logits, "float32"), condition[..., end - channels : end]
        if self.residual:
            logits += self._logits_of(given)
        images = self.to_range(logits)
        if self.keep_given:
            low, high = self.value_range or (-1.0, 1.0)
            mask = (condition[..., end:] - low) / (high - low)
            images = mask * given + (1 - mask) * images
        return images

    def _logits_of(self, images: tf.Tensor) -> tf.Tensor:
        """Return what `to_range` maps to images, but for their darkest and brightest values."""
        if self.value_range is None:
            return images
        low, high = self.value_range
        shares = keras.ops.clip((images - low) / (high - low), _DARKEST, 1 - _DARKEST)
        return keras.ops.log(shares / (1 - shares))

    def _checked_residual(self, residual: bool | None) -> bool:
        channels, given = self.image_shape[-1], self.condition_shape[-1]  # type: ignore[index]
        if self.keep_given and given != channels + 1:
            raise ValueError(
                "Invalid value for argument `keep_given`: expected False for a condition of "
                f"{given} channels and an image of {channels}, received True. A mask is a further "
                "channel of the condition."
            )
        if residual and (given - self.keep_given) % channels:
            raise ValueError(
                "Invalid value for argument `residual`: expected False or None for a condition of "
                f"{given} channels and an image of {channels}, received {residual!r}."
            )
        return given == channels + self.keep_given if residual is None else bool(residual)

    def get_config(self) -> JsonDict:
        names = ("upsampling", "dropout", "residual", "keep_given")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
