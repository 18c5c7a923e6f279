"""Residual networks without normalization, after R3GAN (Huang et al. 2024, arXiv 2501.05441)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan import layers
from kgan.layers.base import Shape
from kgan.networks.base import ConvolutionalNetwork, Discriminator, Generator, Inputs, InputShape
from kgan.utils.checks import positive_integer
from kgan.utils.types import JsonDict

__all__ = ["ResNetDiscriminator", "ResNetGenerator"]

EXPANSION, GROUP, NEGATIVE_SLOPE = 2, 16, 0.2


def _pointwise(
    filters: int, dtype: keras.DTypePolicy, initializer: keras.Initializer | None = None
) -> keras.layers.Layer:
    """Return a 1 x 1 convolution."""
    return keras.layers.Conv2D(
        filters,
        1,
        data_format="channels_last",
        kernel_initializer=initializer or keras.initializers.LecunNormal(),
        dtype=dtype,
    )


class _Block(keras.layers.Layer):
    """`x + f(x)`: an inverted bottleneck, with a grouped convolution at its widest.

    Without normalization, each block starts as the identity (Fixup, Zhang et al. 2019, arXiv
    1901.09321): its last convolution starts at zero. The standard deviation of the two others is
    that of He et al. times `blocks ** -0.25`, where `blocks` counts the network's blocks.
    """

    def __init__(self, channels: int, blocks: int, dtype: keras.DTypePolicy):
        super().__init__(dtype=dtype)
        hidden = EXPANSION * channels
        variance = 2 / (1 + NEGATIVE_SLOPE**2) / blocks**0.5
        start = keras.initializers.VarianceScaling(variance)
        self.widen = _pointwise(hidden, dtype, start)
        self.mix = layers.GroupedConv2D(
            hidden, 3, hidden // GROUP, kernel_initializer=start.clone(), dtype=dtype
        )
        self.narrow = _pointwise(channels, dtype, keras.initializers.Zeros())

    def build(self, input_shape: Shape) -> None:
        self.widen.build(input_shape)
        hidden_shape = self.widen.compute_output_shape(input_shape)
        self.mix.build(hidden_shape)
        self.narrow.build(hidden_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        h = keras.ops.leaky_relu(self.widen(x), NEGATIVE_SLOPE)
        h = keras.ops.leaky_relu(self.mix(h), NEGATIVE_SLOPE)
        return x + self.narrow(h)


class _Stage(keras.layers.Layer):
    """The blocks at one size of the image; `total` counts the network's blocks."""

    def __init__(self, channels: int, blocks: int, total: int, dtype: keras.DTypePolicy):
        super().__init__(dtype=dtype)
        self.blocks = [_Block(channels, total, dtype) for _ in range(blocks)]

    def build(self, input_shape: Shape) -> None:
        for block in self.blocks:
            block.build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class _ResNet(ConvolutionalNetwork):
    """A mixin: stages of residual blocks, one for each size of the image."""

    def _create_stages(self, filters: int, blocks: int) -> tuple[list[int], list[_Stage]]:
        """Set the options; return channels and stages from the image's size to the smallest."""
        self._set_filters(filters, multiple=8)
        self.blocks = positive_integer("blocks", blocks)
        widths = [filters * 2**i for i in range(self.halvings + 1)]
        self.grid_shape = self._smallest_grid(widths[-1])
        total = blocks * len(widths)
        return widths, [_Stage(width, blocks, total, self.dtype_policy) for width in widths]

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "blocks": self.blocks}


@keras.saving.register_keras_serializable(package="kgan")
class ResNetGenerator(_ResNet, Generator):
    """Residual blocks from a small grid to the image's size, without normalization.

    The latents scale the channels of a learned grid. Each stage is some blocks
    `x + conv1(lrelu(conv3(lrelu(conv1(x)))))`, whose 3 x 3 convolution works on twice the channels
    in groups of 16. Between stages a 1 x 1 convolution halves the channels, and bilinear
    interpolation doubles the sides. Blocks start as the identity.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point.
        filters: channels at the image's size, a multiple of 8; they double with each halving.
        blocks: residual blocks at each size; 2 in the paper, whose networks are also wider.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        **kwargs: `num_classes`, `conditioning`, `name` and `dtype` of `Generator`.

    Example:
        ```python
        generator = kgan.networks.ResNetGenerator((32, 32, 3), latent_dim=64)
        ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        filters: int = 16,
        blocks: int = 1,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        widths, stages = self._create_stages(filters, blocks)
        dtype = self.dtype_policy
        self.scale = keras.layers.Dense(
            widths[-1],
            use_bias=False,
            kernel_initializer=keras.initializers.LecunNormal(),
            dtype=dtype,
        )
        self.stages = stages[::-1]
        self.narrowings = [_pointwise(width, dtype) for width in widths[-2::-1]]
        self.output_layer = _pointwise(self.image_shape[-1], dtype)

    def build(self, input_shape: InputShape) -> None:
        latents_shape, _ = self.joined_shape(input_shape)
        self.grid = self.add_weight(
            shape=self.grid_shape,
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="grid",
        )
        self.scale.build(latents_shape)
        height, width, channels = self.grid_shape
        for stage, narrowing in zip(self.stages, self.narrowings, strict=False):
            stage.build((None, height, width, channels))
            narrowing.build((None, height, width, channels))
            height, width, channels = 2 * height, 2 * width, narrowing.filters
        self.stages[-1].build((None, height, width, channels))
        self.output_layer.build((None, height, width, channels))

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        latents, _ = self.joined(inputs)
        x = self.grid * self.scale(latents)[:, None, None, :]
        for stage, narrowing in zip(self.stages, self.narrowings, strict=False):
            x = layers.double_bilinear(narrowing(stage(x)))
        return self.to_range(self.output_layer(self.stages[-1](x)))


@keras.saving.register_keras_serializable(package="kgan")
class ResNetDiscriminator(_ResNet, Discriminator):
    """The mirror image of `ResNetGenerator`: from the image to a small grid, and to a logit.

    Before the blocks of each size a 1 x 1 convolution widens the channels. Between sizes, means of
    2 x 2 pixels halve the sides. A learned grid weights the pixels of the last features.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels at the image's size, a multiple of 8; they double with each halving.
        blocks: residual blocks at each size.
        **kwargs: `num_classes`, `conditioning`, `weight_constraint`, `classes`, `name` and
            `dtype` of `Discriminator`.

    Example:
        ```python
        discriminator = kgan.networks.ResNetDiscriminator((32, 32, 3))
        ```
    """

    independent_examples = True

    def __init__(
        self, image_shape: Sequence[int], filters: int = 16, blocks: int = 1, **kwargs: Any
    ):
        super().__init__(image_shape, **kwargs)
        widths, self.stages = self._create_stages(filters, blocks)
        self.widenings = [_pointwise(width, self.dtype_policy) for width in widths]
        self.output_layer = keras.layers.Dense(
            self.output_units,
            kernel_initializer=keras.initializers.LecunNormal(),
            dtype=self.variable_dtype,
        )

    def build(self, input_shape: InputShape) -> None:
        shape, condition_shape = self.joined_shape(input_shape)
        height, width = self.image_shape[:2]
        channels = shape[-1]
        for i, (widening, stage) in enumerate(zip(self.widenings, self.stages, strict=True)):
            widening.build((None, height >> i, width >> i, channels))
            channels = widening.filters
            stage.build((None, height >> i, width >> i, channels))
        height, width, _ = self.grid_shape
        self.grid = self.add_weight(
            shape=self.grid_shape,
            initializer=keras.initializers.RandomNormal(stddev=(height * width) ** -0.5),
            name="grid",
        )
        self.build_logits(self.grid_shape[-1], condition_shape)

    def last_features(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        for i, (widening, stage) in enumerate(zip(self.widenings, self.stages, strict=True)):
            x = stage(widening(layers.halve(x) if i else x))
        weighted = x * keras.ops.cast(self.grid, x.dtype)
        return keras.ops.sum(keras.ops.cast(weighted, self.variable_dtype), axis=(1, 2))
