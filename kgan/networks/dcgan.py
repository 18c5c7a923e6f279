"""Convolutional networks after DCGAN (Radford, Metz and Chintala 2016, arXiv 1511.06434)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan import layers
from kgan.layers.base import Shape
from kgan.networks.base import (
    ConvolutionalNetwork,
    Discriminator,
    Generator,
    Inputs,
    InputShape,
    with_condition,
)
from kgan.utils.checks import one_of, positive_integer
from kgan.utils.types import JsonDict

__all__ = ["DCGANDiscriminator", "DCGANGenerator"]

KERNEL = 4  # a multiple of the stride: transposed convolutions then leave no checkerboard
UPSAMPLINGS = {"transposed": keras.layers.Conv2DTranspose, "resize": layers.ResizeConv2D}


def dcgan_convolution(
    kind: type[keras.layers.Layer],
    filters: int,
    dtype: keras.DTypePolicy | str,
    use_bias: bool = False,
    kernel: int = KERNEL,
    strides: int = 2,
) -> keras.layers.Layer:
    """Return a new layer of the given kind; its weights are normal, of standard deviation 0.02."""
    resizes = kind is layers.ResizeConv2D  # doubles the sides itself, so it needs no stride
    return kind(
        filters,
        3 if resizes else kernel,
        strides=1 if resizes else strides,
        padding="same",
        data_format="channels_last",
        use_bias=use_bias,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        dtype=dtype,
    )


def _dense(
    units: int | None, dtype: keras.DTypePolicy | str
) -> tuple[int | None, list[keras.layers.Layer]]:
    """Return the argument `dense_units`, and the dense layer that it asks for, if any.

    Raises:
        ValueError: it is no positive integer.
    """
    if units is None:
        return None, []
    units = positive_integer("dense_units", units, hint="None makes no dense layer.")
    initializer = keras.initializers.RandomNormal(stddev=0.02)
    layer = keras.layers.Dense(units, use_bias=False, kernel_initializer=initializer, dtype=dtype)
    return units, [layer]


@keras.saving.register_keras_serializable(package="kgan")
class DCGANGenerator(ConvolutionalNetwork, Generator):
    """Project a latent point onto a small grid and double its sides to the image's size.

    Batch normalization and ReLU follow every layer but the last.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point.
        filters: channels at half of the image's size; they double with each halving.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        upsampling: `"transposed"`, 4 x 4 transposed convolutions as published; or `"resize"`,
            doubling by nearest neighbours and 3 x 3 convolutions (`kgan.layers.ResizeConv2D`).
        dense_units: None, or the units of a dense layer before the grid, 1024 in InfoGAN (Chen et
            al. 2016, arXiv 1606.03657, table 1).
        **kwargs: `num_classes`, `conditioning`, `name` and `dtype` of `Generator`.

    Example:
        ```python
        generator = kgan.networks.DCGANGenerator((28, 28, 1), latent_dim=100, upsampling="resize")
        ```
    """

    conditionings = ("concatenation", "batch_normalization")

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int = 100,
        filters: int = 64,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        upsampling: str = "transposed",
        dense_units: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        hint = f"{type(self).__name__} supports no other."
        self.upsampling = one_of("upsampling", upsampling, tuple(UPSAMPLINGS), hint)
        self._set_filters(filters)
        widths = [filters * 2**i for i in reversed(range(self.halvings))]
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.dense_units, self.dense = _dense(dense_units, self.dtype_policy)
        self.dense_normalizations = [self.normalization() for _ in self.dense]
        self.projection = self._grid_projection(widths[0], initializer, use_bias=False)
        self.normalizations = [self.normalization() for _ in widths]
        up, dtype = UPSAMPLINGS[upsampling], self.dtype_policy
        self.convolutions = [dcgan_convolution(up, n, dtype) for n in widths[1:]]
        self.output_layer = dcgan_convolution(up, self.image_shape[-1], dtype, use_bias=True)

    def build(self, input_shape: InputShape) -> None:
        latents_shape, condition_shape = self.joined_shape(input_shape)
        for dense, normalization in zip(self.dense, self.dense_normalizations, strict=True):
            dense.build(latents_shape)
            latents_shape = dense.compute_output_shape(latents_shape)
            normalization.build(with_condition(latents_shape, condition_shape))
        self.projection.build(latents_shape)
        shape: Shape = (None, *self.grid_shape)
        self.normalizations[0].build(with_condition(shape, condition_shape))
        for convolution, normalization in zip(
            self.convolutions, self.normalizations[1:], strict=True
        ):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            normalization.build(with_condition(shape, condition_shape))
        self.output_layer.build(shape)

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        x, condition = self.joined(inputs)
        for dense, normalization in zip(self.dense, self.dense_normalizations, strict=True):
            x = keras.ops.relu(
                normalization(with_condition(dense(x), condition), training=training)
            )
        x = keras.ops.reshape(self.projection(x), (-1, *self.grid_shape))
        x = keras.ops.relu(self.normalizations[0](with_condition(x, condition), training=training))
        for convolution, normalization in zip(
            self.convolutions, self.normalizations[1:], strict=True
        ):
            x = with_condition(convolution(x), condition)
            x = keras.ops.relu(normalization(x, training=training))
        return self.to_range(self.output_layer(x))

    def get_config(self) -> JsonDict:
        own = {"upsampling": self.upsampling, "dense_units": self.dense_units}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="kgan")
class DCGANDiscriminator(ConvolutionalNetwork, Discriminator):
    """Halve the sides of an image to a small grid and compute one logit from it.

    LeakyReLU (negative slope 0.2) follows every layer but the last; batch normalization, every one
    of these but the first.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels at half of the image's size; they double with each halving.
        dense_units: None, or the units of a dense layer between the grid and the logit, 1024 in
            InfoGAN.
        **kwargs: `num_classes`, `conditioning`, `weight_constraint`, `classes`, `name` and
            `dtype` of `Discriminator`.

    Example:
        ```python
        discriminator = kgan.networks.DCGANDiscriminator((28, 28, 1), filters=32)
        ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        filters: int = 64,
        dense_units: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(image_shape, **kwargs)
        self._set_filters(filters)
        widths = [filters * 2**i for i in range(self.halvings)]
        dtype = self.dtype_policy
        self.convolutions = [
            dcgan_convolution(keras.layers.Conv2D, n, dtype, use_bias=i == 0)
            for i, n in enumerate(widths)
        ]
        self.dense_units, self.dense = _dense(dense_units, dtype)
        self.normalizations = [
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype)
            for _ in [*widths[1:], *self.dense]
        ]
        self.output_layer = keras.layers.Dense(
            self.output_units,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.variable_dtype,
        )

    def build(self, input_shape: InputShape) -> None:
        shape, condition_shape = self.joined_shape(input_shape)
        for i, convolution in enumerate(self.convolutions):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if i:
                self.normalizations[i - 1].build(shape)
        features = math.prod(self._smallest_grid(self.convolutions[-1].filters))
        for dense in self.dense:
            dense.build((None, features))
            features = dense.units
            self.normalizations[-1].build((None, features))
        self.build_logits(features, condition_shape)

    def last_features(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if i:
                x = self.normalizations[i - 1](x, training=training)
            x = keras.ops.leaky_relu(x, negative_slope=0.2)
        x = keras.ops.reshape(x, (-1, math.prod(x.shape[1:])))
        for dense in self.dense:
            x = self.normalizations[-1](dense(x), training=training)
            x = keras.ops.leaky_relu(x, negative_slope=0.2)
        return x

    def get_config(self) -> JsonDict:
        return {**super().get_config(), "dense_units": self.dense_units}
