"""Residual players with spectral normalisation (Miyato et al. 2018, arXiv 1802.05957, table 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kgan import layers
from kgan.networks.base import Discriminator, Generator, with_labels
from kgan.networks.checks import checked_size, doublings

__all__ = ["SNGANDiscriminator", "SNGANGenerator"]


def _convolution(filters: int, size: int, dtype: Any) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        data_format="channels_last",
        kernel_initializer=keras.initializers.GlorotUniform(),
        dtype=dtype,
    )


class _GeneratorBlock(keras.layers.Layer):
    """Doubles the sides: twice normalisation, ReLU and convolution, beside a 1 x 1 convolution."""

    def __init__(self, filters: int, normalizations: Any, dtype: Any):
        super().__init__(dtype=dtype)
        self.filters = filters
        self.normalizations = list(normalizations)
        self.convolutions = [_convolution(filters, 3, dtype) for _ in range(2)]
        self.shortcut = _convolution(filters, 1, dtype)

    def build(self, shape: Any, labels_shape: Any = None) -> None:
        """Creates the weights for features of `shape`."""
        _, height, width, _ = shape
        doubled = (None, 2 * height, 2 * width, self.filters)
        self.shortcut.build(shape)
        for normalization, convolution, seen in zip(
            self.normalizations, self.convolutions, (shape, doubled), strict=True
        ):
            normalization.build(with_labels(seen, labels_shape))
            convolution.build(seen)

    def call(self, x: Any, labels: Any = None, training: bool = False) -> Any:
        """Features of twice the sides."""
        h = keras.ops.relu(self.normalizations[0](with_labels(x, labels), training=training))
        h = self.convolutions[0](layers.double_nearest(h))
        h = keras.ops.relu(self.normalizations[1](with_labels(h, labels), training=training))
        return self.convolutions[1](h) + layers.double_nearest(self.shortcut(x))


@keras.saving.register_keras_serializable(package="kgan")
class SNGANGenerator(Generator):
    """Residual blocks with batch normalisation, from a small grid to the image's size.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point; 128 in the paper.
        filters: channels of every block; 256 in the paper.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        **kwargs: `num_classes` and `conditioning` of `Generator`; `name` and `dtype` of Keras.

    Input:
        float `[batch, latent_dim]`; with classes, a list of these and int32 labels `[batch]`.

    Output:
        float32 `[batch, height, width, channels]` in `value_range`.
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
        self.filters = checked_size("filters", filters)
        halvings = doublings(self.image_shape)
        height, width, channels = self.image_shape
        self.grid_shape = (height >> halvings, width >> halvings, filters)
        dtype = self.dtype_policy
        self.projection = keras.layers.Dense(
            self.grid_shape[0] * self.grid_shape[1] * filters,
            kernel_initializer=keras.initializers.GlorotUniform(),
            dtype=dtype,
        )
        self.residuals = [
            _GeneratorBlock(filters, (self.normalization(), self.normalization()), dtype)
            for _ in range(halvings)
        ]
        self.last_normalization = self.normalization()
        self.output_layer = _convolution(channels, 3, dtype)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for latents, or latents and labels, of `input_shape`."""
        latents_shape, labels_shape = self.joined_shape(input_shape)
        self.projection.build(latents_shape)
        height, width, filters = self.grid_shape
        for i, block in enumerate(self.residuals):
            block.build((None, height << i, width << i, filters), labels_shape)
        shape = (None, *self.image_shape[:2], filters)
        self.last_normalization.build(with_labels(shape, labels_shape))
        self.output_layer.build(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Images for latents, or for latents and labels."""
        latents, labels = self.joined(inputs)
        x = keras.ops.reshape(self.projection(latents), (-1, *self.grid_shape))
        for block in self.residuals:
            x = block(x, labels, training=training)
        x = self.last_normalization(with_labels(x, labels), training=training)
        return self.to_range(self.output_layer(keras.ops.relu(x)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters}


class _DiscriminatorBlock(keras.layers.Layer):
    """Twice ReLU and convolution, beside the identity or, where the sides are halved, a 1 x 1 one.

    The first block sees the image itself, and so begins without a ReLU.
    """

    def __init__(self, filters: int, halves: bool, first: bool, dtype: Any):
        super().__init__(dtype=dtype)
        self.halves = halves
        self.first = first
        self.convolutions = [layers.SpectralConv2D(filters, 3, dtype=dtype) for _ in range(2)]
        self.shortcut = layers.SpectralConv2D(filters, 1, dtype=dtype) if halves else None

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        shape = input_shape
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        if self.shortcut is not None:
            self.shortcut.build(input_shape)

    def call(self, x: Any) -> Any:
        """Features of half the sides, or of the same."""
        h = self.convolutions[0](x if self.first else keras.ops.relu(x))
        h = self.convolutions[1](keras.ops.relu(h))
        if self.shortcut is None:
            return h + x
        # A 1 x 1 convolution and a mean commute.
        return layers.halve(h) + self.shortcut(layers.halve(x))


@keras.saving.register_keras_serializable(package="kgan")
class SNGANDiscriminator(Discriminator):
    """Residual blocks with spectral normalisation, without any other.

    The first ones halve the sides, to 8 pixels at most; two more keep them. The logit is read off
    the sums of the last features over all pixels. `kgan.GAN` moves the normalisations' vectors once
    an update (`kgan.layers.SpectralDense`).

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels of every block; 128 in the paper.
        **kwargs: `num_classes`, `conditioning` and `weight_constraint` of `Discriminator`; `name`
            and `dtype` of Keras.

    Input:
        float `[batch, height, width, channels]`; with classes, a list of these and int32 labels
        `[batch]`.

    Output:
        float32 logits `[batch, 1]`.
    """

    independent_examples = True
    spectral_normalization = True

    def __init__(self, image_shape: Sequence[int], filters: int = 64, **kwargs: Any):
        super().__init__(image_shape, **kwargs)
        self.filters = checked_size("filters", filters)
        side = max(self.image_shape[:2])
        halvings = next(n for n in range(1, doublings(self.image_shape) + 1) if side >> n <= 8)
        self.residuals = [
            _DiscriminatorBlock(filters, i < halvings, not i, self.dtype_policy)
            for i in range(halvings + 2)
        ]
        self.output_layer = layers.SpectralDense(1, dtype=self.variable_dtype)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for images, or images and labels, of `input_shape`."""
        shape, labels_shape = self.joined_shape(input_shape)
        for block in self.residuals:
            block.build(shape)
            _, height, width, _ = shape
            shape = (None, height >> block.halves, width >> block.halves, self.filters)
        self.build_logits(self.filters, labels_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Logits for images, or for images and labels."""
        x, labels = self.joined(inputs)
        for block in self.residuals:
            x = block(x)
        x = keras.ops.cast(keras.ops.relu(x), self.variable_dtype)
        return self.logits(keras.ops.sum(x, axis=(1, 2)), labels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters}
