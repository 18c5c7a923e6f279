"""Convolutional players after DCGAN (Radford, Metz and Chintala 2016, arXiv 1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kgan import layers
from kgan.networks.base import Discriminator, Generator, with_labels
from kgan.networks.checks import checked_choice, checked_size, doublings

__all__ = ["DCGANDiscriminator", "DCGANGenerator"]

KERNEL = 4  # a multiple of the stride: transposed convolutions then leave no checkerboard
UPSAMPLINGS = {"transposed": keras.layers.Conv2DTranspose, "resize": layers.ResizeConv2D}


def _convolution(
    kind: type[keras.layers.Layer], filters: int, dtype: Any, use_bias: bool = False
) -> keras.layers.Layer:
    resizes = kind is layers.ResizeConv2D  # which doubles the sides by itself
    return kind(
        filters,
        3 if resizes else KERNEL,
        strides=1 if resizes else 2,
        padding="same",
        data_format="channels_last",
        use_bias=use_bias,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        dtype=dtype,
    )


@keras.saving.register_keras_serializable(package="kgan")
class DCGANGenerator(Generator):
    """Projects a latent point onto a small grid and doubles it to the image's size.

    Batch normalisation and ReLU follow every layer but the last.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        latent_dim: size of a latent point.
        filters: channels at half of the image's size; they double with each halving.
        value_range: `(low, high)` of the output, or None for an output without bounds.
        upsampling: `"transposed"`, 4 x 4 transposed convolutions as published; or `"resize"`,
            doubling by nearest neighbours and 3 x 3 convolutions (`kgan.layers.ResizeConv2D`).
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
        upsampling: str = "transposed",
        **kwargs: Any,
    ):
        super().__init__(image_shape, latent_dim, value_range, **kwargs)
        self.filters = checked_size("filters", filters)
        name = type(self).__name__
        self.upsampling = checked_choice("upsampling", upsampling, tuple(UPSAMPLINGS), name)
        halvings = doublings(self.image_shape)
        height, width, channels = self.image_shape
        widths = [filters * 2**i for i in reversed(range(halvings))]
        self.grid_shape = (height >> halvings, width >> halvings, widths[0])
        dtype = self.dtype_policy
        self.projection = keras.layers.Dense(
            self.grid_shape[0] * self.grid_shape[1] * self.grid_shape[2],
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=dtype,
        )
        self.normalizations = [self.normalization() for _ in widths]
        up = UPSAMPLINGS[upsampling]
        self.convolutions = [_convolution(up, n, dtype) for n in widths[1:]]
        self.output_layer = _convolution(up, channels, dtype, use_bias=True)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for latents, or latents and labels, of `input_shape`."""
        latents_shape, labels_shape = self.joined_shape(input_shape)
        self.projection.build(latents_shape)
        shape: tuple[Any, ...] = (None, *self.grid_shape)
        self.normalizations[0].build(with_labels(shape, labels_shape))
        for convolution, normalization in zip(
            self.convolutions, self.normalizations[1:], strict=True
        ):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            normalization.build(with_labels(shape, labels_shape))
        self.output_layer.build(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Images for latents, or for latents and labels."""
        latents, labels = self.joined(inputs)
        x = keras.ops.reshape(self.projection(latents), (-1, *self.grid_shape))
        x = keras.ops.relu(self.normalizations[0](with_labels(x, labels), training=training))
        for convolution, normalization in zip(
            self.convolutions, self.normalizations[1:], strict=True
        ):
            x = with_labels(convolution(x), labels)
            x = keras.ops.relu(normalization(x, training=training))
        return self.to_range(self.output_layer(x))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "upsampling": self.upsampling}


@keras.saving.register_keras_serializable(package="kgan")
class DCGANDiscriminator(Discriminator):
    """Halves the image to a small grid and reads one logit off it.

    LeakyReLU (slope 0.2) follows every convolution; batch normalisation, every one but the first.

    Args:
        image_shape: `(height, width, channels)`; the longer side is 3 to 8 pixels, doubled.
        filters: channels at half of the image's size; they double with each halving.
        **kwargs: `num_classes`, `conditioning` and `weight_constraint` of `Discriminator`; `name`
            and `dtype` of Keras.

    Input:
        float `[batch, height, width, channels]`; with classes, a list of these and int32 labels
        `[batch]`.

    Output:
        float32 logits `[batch, 1]`.
    """

    def __init__(self, image_shape: Sequence[int], filters: int = 64, **kwargs: Any):
        super().__init__(image_shape, **kwargs)
        self.filters = checked_size("filters", filters)
        widths = [filters * 2**i for i in range(doublings(self.image_shape))]
        dtype = self.dtype_policy
        self.convolutions = [
            _convolution(keras.layers.Conv2D, n, dtype, use_bias=i == 0)
            for i, n in enumerate(widths)
        ]
        self.normalizations = [
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype) for _ in widths[1:]
        ]
        self.output_layer = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.variable_dtype,
        )

    def build(self, input_shape: Any) -> None:
        """Creates the weights for images, or images and labels, of `input_shape`."""
        shape, labels_shape = self.joined_shape(input_shape)
        for i, convolution in enumerate(self.convolutions):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if i:
                self.normalizations[i - 1].build(shape)
        self.build_logits(shape[1] * shape[2] * shape[3], labels_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Logits for images, or for images and labels."""
        x, labels = self.joined(inputs)
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if i:
                x = self.normalizations[i - 1](x, training=training)
            x = keras.ops.leaky_relu(x, negative_slope=0.2)
        x = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
        return self.logits(x, labels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "filters": self.filters}
