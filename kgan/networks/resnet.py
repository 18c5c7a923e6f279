"""Residual players without normalisation, after R3GAN (Huang et al. 2024, arXiv 2501.05441)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kgan import layers
from kgan.networks.base import Discriminator, Generator
from kgan.networks.checks import checked_filters, checked_size, doublings

__all__ = ["ResNetDiscriminator", "ResNetGenerator"]

EXPANSION, GROUP, SLOPE = 2, 16, 0.2


def _pointwise(filters: int, dtype: Any, initializer: Any = None) -> keras.layers.Layer:
    """A linear map of each pixel's channels."""
    return keras.layers.Conv2D(
        filters,
        1,
        data_format="channels_last",
        kernel_initializer=initializer or keras.initializers.LecunNormal(),
        dtype=dtype,
    )


class _Block(keras.layers.Layer):
    """`x + f(x)`: an inverted bottleneck, which widens the channels and mixes pixels by groups.

    No normalisation keeps the sizes in check, so each block begins as the identity (Fixup, Zhang
    et al. 2019, arXiv 1901.09321): its last convolution starts at zero, and the standard deviation
    of the two others is that of He et al. times `blocks ** -0.25`, for so many in the network.
    """

    def __init__(self, channels: int, blocks: int, dtype: Any):
        super().__init__(dtype=dtype)
        hidden = EXPANSION * channels
        variance = 2 / (1 + SLOPE**2) / blocks**0.5
        start = keras.initializers.VarianceScaling(variance)
        self.widen = _pointwise(hidden, dtype, start)
        self.mix = layers.GroupedConv2D(
            hidden, 3, hidden // GROUP, kernel_initializer=start.clone(), dtype=dtype
        )
        self.narrow = _pointwise(channels, dtype, keras.initializers.Zeros())

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self.widen.build(input_shape)
        hidden_shape = self.widen.compute_output_shape(input_shape)
        self.mix.build(hidden_shape)
        self.narrow.build(hidden_shape)

    def call(self, x: Any) -> Any:
        """As large as `x`."""
        h = keras.ops.leaky_relu(self.widen(x), SLOPE)
        h = keras.ops.leaky_relu(self.mix(h), SLOPE)
        return x + self.narrow(h)


class _Stage(keras.layers.Layer):
    """The blocks at one size of the image; `total` in the network."""

    def __init__(self, channels: int, blocks: int, total: int, dtype: Any):
        super().__init__(dtype=dtype)
        self.blocks = [_Block(channels, total, dtype) for _ in range(blocks)]

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        for block in self.blocks:
            block.build(input_shape)

    def call(self, x: Any) -> Any:
        """As large as `x`."""
        for block in self.blocks:
            x = block(x)
        return x


def _stages(image_shape: Any, filters: int, blocks: int, dtype: Any) -> tuple[Any, Any, Any]:
    """The shape of the smallest grid, and the channels and stages from the image's size to it."""
    halvings = doublings(image_shape)
    widths = [filters * 2**i for i in range(halvings + 1)]
    total = blocks * len(widths)
    stages = [_Stage(width, blocks, total, dtype) for width in widths]
    return (image_shape[0] >> halvings, image_shape[1] >> halvings, widths[-1]), widths, stages


@keras.saving.register_keras_serializable(package="kgan")
class ResNetGenerator(Generator):
    """Residual blocks from a small grid to the image's size, with no normalisation.

    The latents scale the channels of a learned grid. Each stage is some blocks
    `x + conv1(lrelu(conv3(lrelu(conv1(x)))))`, whose 3 x 3 convolution works on twice the channels
    in groups of 16; between stages a 1 x 1 convolution halves the channels, and bilinear
    interpolation doubles the sides. Blocks start as the identity.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point.
        filters: channels at the image's size, a multiple of 8; they double with each halving.
        blocks: residual blocks at each size; 2 in the paper, whose networks are wider as well.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        **kwargs: `num_classes` and `conditioning` of `Generator`; `name` and `dtype` of Keras.

    Input:
        float `[batch, latent_dim]`; with classes, a list of these and int32 labels `[batch]`.

    Output:
        float32 `[batch, height, width, channels]` in `value_range`.
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
        self.filters = checked_filters(filters, 8)
        self.blocks = checked_size("blocks", blocks)
        dtype = self.dtype_policy
        self.grid_shape, widths, stages = _stages(self.image_shape, filters, blocks, dtype)
        self.scale = keras.layers.Dense(
            widths[-1],
            use_bias=False,
            kernel_initializer=keras.initializers.LecunNormal(),
            dtype=dtype,
        )
        self.stages = stages[::-1]
        self.narrowings = [_pointwise(width, dtype) for width in widths[-2::-1]]
        self.output_layer = _pointwise(self.image_shape[-1], dtype)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for latents, or latents and labels, of `input_shape`."""
        latents_shape, _ = self.joined_shape(input_shape)
        self.grid = self.add_weight(
            shape=self.grid_shape,
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="grid",
        )
        self.scale.build(latents_shape)
        shape: tuple[Any, ...] = (None, *self.grid_shape)
        for stage, narrowing in zip(self.stages, self.narrowings, strict=False):
            stage.build(shape)
            narrowing.build(shape)
            _, height, width, _ = shape
            shape = (None, 2 * height, 2 * width, narrowing.filters)
        self.stages[-1].build(shape)
        self.output_layer.build(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Images for latents, or for latents and labels."""
        latents, _ = self.joined(inputs)
        x = self.grid * self.scale(latents)[:, None, None, :]
        for stage, narrowing in zip(self.stages, self.narrowings, strict=False):
            x = layers.double_bilinear(narrowing(stage(x)))
        return self.to_range(self.output_layer(self.stages[-1](x)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "blocks": self.blocks}


@keras.saving.register_keras_serializable(package="kgan")
class ResNetDiscriminator(Discriminator):
    """The mirror image of `ResNetGenerator`: from the image to a small grid, and to a logit.

    Before the blocks of each size a 1 x 1 convolution widens the channels; between sizes, means of
    2 x 2 pixels halve the sides. A learned grid weighs the pixels of the last features.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels at the image's size, a multiple of 8; they double with each halving.
        blocks: residual blocks at each size.
        **kwargs: `num_classes`, `conditioning` and `weight_constraint` of `Discriminator`; `name`
            and `dtype` of Keras.

    Input:
        float `[batch, height, width, channels]`; with classes, a list of these and int32 labels
        `[batch]`.

    Output:
        float32 logits `[batch, 1]`.
    """

    independent_examples = True

    def __init__(
        self, image_shape: Sequence[int], filters: int = 16, blocks: int = 1, **kwargs: Any
    ):
        super().__init__(image_shape, **kwargs)
        self.filters = checked_filters(filters, 8)
        self.blocks = checked_size("blocks", blocks)
        dtype = self.dtype_policy
        self.grid_shape, widths, self.stages = _stages(self.image_shape, filters, blocks, dtype)
        self.widenings = [_pointwise(width, dtype) for width in widths]
        self.output_layer = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.LecunNormal(), dtype=self.variable_dtype
        )

    def build(self, input_shape: Any) -> None:
        """Creates the weights for images, or images and labels, of `input_shape`."""
        shape, labels_shape = self.joined_shape(input_shape)
        for i, (widening, stage) in enumerate(zip(self.widenings, self.stages, strict=True)):
            if i:
                shape = (None, shape[1] // 2, shape[2] // 2, shape[3])
            widening.build(shape)
            shape = widening.compute_output_shape(shape)
            stage.build(shape)
        height, width, channels = self.grid_shape
        self.grid = self.add_weight(
            shape=self.grid_shape,
            initializer=keras.initializers.RandomNormal(stddev=(height * width) ** -0.5),
            name="grid",
        )
        self.build_logits(channels, labels_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Logits for images, or for images and labels."""
        x, labels = self.joined(inputs)
        for i, (widening, stage) in enumerate(zip(self.widenings, self.stages, strict=True)):
            x = stage(widening(layers.halve(x) if i else x))
        weighed = keras.ops.cast(x * self.grid, self.variable_dtype)
        return self.logits(keras.ops.sum(weighed, axis=(1, 2)), labels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "blocks": self.blocks}
