"""Residual networks of SN-GAN (Miyato et al. 2018, arXiv 1802.05957, table 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan import layers
from kgan.layers.base import Shape
from kgan.layers.resampling import doubled_shape
from kgan.networks.base import (
    ConvolutionalNetwork,
    Discriminator,
    Generator,
    Inputs,
    InputShape,
    with_condition,
)

__all__ = ["SNGANDiscriminator", "SNGANGenerator"]


def _convolution(filters: int, size: int, dtype: keras.DTypePolicy) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        data_format="channels_last",
        kernel_initializer=keras.initializers.GlorotUniform(),
        dtype=dtype,
    )


class _GeneratorBlock(keras.layers.Layer):
    """A residual block that doubles the sides.

    The residual is normalization, ReLU and convolution, twice. The shortcut is a 1 x 1 convolution.
    """

    def __init__(
        self, filters: int, normalizations: Sequence[keras.layers.Layer], dtype: keras.DTypePolicy
    ):
        super().__init__(dtype=dtype)
        self.filters = filters
        self.normalizations = list(normalizations)
        self.convolutions = [_convolution(filters, 3, dtype) for _ in range(2)]
        self.shortcut = _convolution(filters, 1, dtype)

    def build(self, shape: Shape, condition_shape: Shape | None = None) -> None:
        doubled = (*doubled_shape(shape)[:-1], self.filters)
        self.shortcut.build(shape)
        for normalization, convolution, input_shape in zip(
            self.normalizations, self.convolutions, (shape, doubled), strict=True
        ):
            normalization.build(with_condition(input_shape, condition_shape))
            convolution.build(input_shape)

    def call(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        h = keras.ops.relu(self.normalizations[0](with_condition(x, condition), training=training))
        h = self.convolutions[0](layers.double_nearest(h))
        h = keras.ops.relu(self.normalizations[1](with_condition(h, condition), training=training))
        return self.convolutions[1](h) + layers.double_nearest(self.shortcut(x))


@keras.saving.register_keras_serializable(package="kgan")
class SNGANGenerator(ConvolutionalNetwork, Generator):
    """Residual blocks with batch normalization, from a small grid to the image's size.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point; 128 in the paper.
        filters: channels of every block; 256 in the paper.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        **kwargs: `num_classes`, `conditioning`, `name` and `dtype` of `Generator`.

    Example:
        ```python
        generator = kgan.networks.SNGANGenerator((32, 32, 3), latent_dim=128)
        ```
    """

    conditionings = ("concatenation", "batch_normalization")

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        filters: int = 64,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        self._set_filters(filters)
        self.projection = self._grid_projection(filters, keras.initializers.GlorotUniform())
        dtype = self.dtype_policy
        self.residuals = [
            _GeneratorBlock(filters, (self.normalization(), self.normalization()), dtype)
            for _ in range(self.halvings)
        ]
        self.last_normalization = self.normalization()
        self.output_layer = _convolution(self.image_shape[-1], 3, dtype)

    def build(self, input_shape: InputShape) -> None:
        latents_shape, condition_shape = self.joined_shape(input_shape)
        self.projection.build(latents_shape)
        height, width, filters = self.grid_shape
        for i, block in enumerate(self.residuals):
            block.build((None, height << i, width << i, filters), condition_shape)
        shape = (None, *self.image_shape[:2], filters)
        self.last_normalization.build(with_condition(shape, condition_shape))
        self.output_layer.build(shape)

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        latents, condition = self.joined(inputs)
        x = keras.ops.reshape(self.projection(latents), (-1, *self.grid_shape))
        for block in self.residuals:
            x = block(x, condition, training=training)
        x = self.last_normalization(with_condition(x, condition), training=training)
        return self.to_range(self.output_layer(keras.ops.relu(x)))


class _DiscriminatorBlock(keras.layers.Layer):
    """A residual block that may halve the sides.

    The residual is ReLU and convolution, twice; the first block reads the image itself and starts
    without a ReLU. The shortcut is the identity, or a 1 x 1 convolution where the sides are halved.
    """

    def __init__(self, filters: int, halves: bool, first: bool, dtype: keras.DTypePolicy):
        super().__init__(dtype=dtype)
        self.halves = halves
        self.first = first
        self.convolutions = [layers.SpectralConv2D(filters, 3, dtype=dtype) for _ in range(2)]
        self.shortcut = layers.SpectralConv2D(filters, 1, dtype=dtype) if halves else None

    def build(self, input_shape: Shape) -> None:
        shape = input_shape
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        if self.shortcut is not None:
            self.shortcut.build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        h = self.convolutions[0](x if self.first else keras.ops.relu(x))
        h = self.convolutions[1](keras.ops.relu(h))
        if self.shortcut is None:
            return h + x
        # A 1 x 1 convolution and a mean commute: halving first saves three quarters of the work.
        return layers.halve(h) + self.shortcut(layers.halve(x))


@keras.saving.register_keras_serializable(package="kgan")
class SNGANDiscriminator(ConvolutionalNetwork, Discriminator):
    """Residual blocks with spectral normalization and no other.

    The first blocks halve the sides, to 8 pixels at most; two more keep them. The logit is computed
    from the sums of the last features over all pixels. `kgan.GAN` applies one power iteration an
    update (`kgan.layers.SpectralDense`).

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels of every block; 128 in the paper.
        **kwargs: `num_classes`, `conditioning`, `weight_constraint`, `classes`, `name` and
            `dtype` of `Discriminator`.

    Example:
        ```python
        discriminator = kgan.networks.SNGANDiscriminator((32, 32, 3))
        ```
    """

    independent_examples = True
    spectral_normalization = True

    def __init__(self, image_shape: Sequence[int], filters: int = 64, **kwargs: Any):
        super().__init__(image_shape, **kwargs)
        self._set_filters(filters)
        side = max(self.image_shape[:2])
        halved = next(n for n in range(1, self.halvings + 1) if side >> n <= 8)
        self.residuals = [
            _DiscriminatorBlock(filters, i < halved, not i, self.dtype_policy)
            for i in range(halved + 2)
        ]
        self.output_layer = layers.SpectralDense(self.output_units, dtype=self.variable_dtype)

    def build(self, input_shape: InputShape) -> None:
        shape, condition_shape = self.joined_shape(input_shape)
        height, width = self.image_shape[:2]
        for block in self.residuals:
            block.build(shape)
            height, width = height >> block.halves, width >> block.halves
            shape = (None, height, width, self.filters)
        self.build_logits(self.filters, condition_shape)

    def last_features(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        for block in self.residuals:
            x = block(x)
        x = keras.ops.cast(keras.ops.relu(x), self.variable_dtype)
        return keras.ops.sum(x, axis=(1, 2))
