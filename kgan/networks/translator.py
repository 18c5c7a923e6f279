"""CycleGAN's generator from image to image (Zhu et al. 2017, arXiv 1703.10593, appendix 7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kgan.layers.base import Shape
from kgan.networks.base import Generator, Inputs, InputShape
from kgan.networks.checks import checked_filters
from kgan.networks.dcgan import UPSAMPLINGS, dcgan_convolution
from kgan.networks.image_condition import ImageConditioned, instance_normalization
from kgan.utils.checks import integer, one_of
from kgan.utils.types import JsonDict

__all__ = ["ResNetTranslator"]

_LARGE = 256  # pixels a side, from which on the paper has 9 residual blocks in the place of 6
_HALVINGS = 2


class _ReflectedConv2D(keras.layers.Conv2D):
    """A convolution that keeps height and width, after reflection padding."""

    def __init__(self, filters: int, kernel: int, dtype: keras.DTypePolicy, use_bias: bool = False):
        super().__init__(
            filters,
            kernel,
            data_format="channels_last",
            use_bias=use_bias,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=dtype,
        )
        self.margin = kernel // 2

    def build(self, input_shape: Shape) -> None:
        batch, height, width, channels = input_shape
        padded = (side + 2 * self.margin for side in (height, width))  # type: ignore[operator]
        super().build((batch, *padded, channels))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        margins = ((0, 0), (self.margin,) * 2, (self.margin,) * 2, (0, 0))
        return super().call(keras.ops.pad(x, margins, mode="reflect"))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)


class _Block(keras.layers.Layer):
    """Add to the features a residual: convolution, ReLU, convolution, both normalized."""

    def __init__(self, filters: int, dtype: keras.DTypePolicy):
        super().__init__(dtype=dtype)
        self.convolutions = [_ReflectedConv2D(filters, 3, dtype) for _ in range(2)]
        self.normalizations = [instance_normalization(dtype) for _ in range(2)]

    def build(self, input_shape: Shape) -> None:
        for layer in (*self.convolutions, *self.normalizations):
            layer.build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        h = keras.ops.relu(self.normalizations[0](self.convolutions[0](x)))
        return x + self.normalizations[1](self.convolutions[1](h))


@keras.saving.register_keras_serializable(package="kgan")
class ResNetTranslator(ImageConditioned, Generator):
    """Halve the sides of a condition twice, change it in residual blocks, and double them again.

    In the paper's notation: c7s1-64, d128, d256, R256 six or nine times, u128, u64, c7s1-3.
    Instance normalization and ReLU follow every convolution but the last. Convolutions that keep
    the sides have reflection padding. There are no latents: the network is called with
    `[latents, condition]`, and the latents are `[batch, 0]`, as `kgan.priors.NoLatents` draws them.

    Args:
        image_shape: `(height, width, channels)`, where 4 divides height and width, at least 8.
        condition_shape: the same height and width, or these halved several times: such conditions
            are enlarged bilinearly first. None means `image_shape`.
        filters: channels at the image's size; twice and four times as many at the smaller ones.
        blocks: number of residual blocks. None means as published: 9 for images of at least 256
            pixels a side, else 6.
        value_range: `(low, high)` of conditions and output, or None for no bounds.
        upsampling: `"transposed"`, 4 x 4 transposed convolutions: without the checkerboard that
            the paper's 3 x 3 ones leave; or `"resize"`, doubling by nearest neighbours and 3 x 3
            convolutions (`kgan.layers.ResizeConv2D`).
        **kwargs: `name` and `dtype` of Keras.

    Input:
        A list of float `[batch, 0]` and float `[batch, *condition_shape]`.

    Output:
        float32 `[batch, *image_shape]` in `value_range`.

    Raises:
        ValueError: the sides cannot be halved twice, or an argument is unusable.

    Example:
        ```python
        generator = kgan.networks.ResNetTranslator((64, 64, 3))
        ```
    """

    needs_latents = False

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_shape: Sequence[int] | None = None,
        filters: int = 64,
        blocks: int | None = None,
        value_range: tuple[float, float] | None = (-1.0, 1.0),
        upsampling: str = "transposed",
        **kwargs: Any,
    ):
        super().__init__(image_shape, 0, value_range, **kwargs)
        sides = self.image_shape[:2]
        if len(self.image_shape) != 3 or any(side % 4 or side < 8 for side in sides):
            raise ValueError(
                "Invalid value for argument `image_shape`: expected images (height, width, "
                "channels) whose sides are multiples of 4, at least 8, as they are halved twice, "
                f"received {self.image_shape}. Resize the images (`image_size`)."
            )
        self._set_condition(
            self.image_shape if condition_shape is None else condition_shape, (self.latent_dim,)
        )
        self.filters = checked_filters(filters, 1)
        published = 9 if min(sides) >= _LARGE else 6
        self.blocks = published if blocks is None else integer("blocks", blocks, 0)
        hint = f"{type(self).__name__} supports no other."
        self.upsampling = one_of("upsampling", upsampling, tuple(UPSAMPLINGS), hint)
        dtype, kind = self.dtype_policy, UPSAMPLINGS[self.upsampling]
        widths = [filters << i for i in range(_HALVINGS + 1)]
        self.entry = _ReflectedConv2D(widths[0], 7, dtype)
        self.down = [dcgan_convolution(keras.layers.Conv2D, n, dtype, kernel=3) for n in widths[1:]]
        self.residuals = [_Block(widths[-1], dtype) for _ in range(self.blocks)]
        self.up = [dcgan_convolution(kind, n, dtype) for n in reversed(widths[:-1])]
        count = 1 + len(self.down) + len(self.up)
        self.normalizations = [instance_normalization(dtype) for _ in range(count)]
        self.output_layer = _ReflectedConv2D(self.image_shape[-1], 7, dtype, use_bias=True)

    def build(self, input_shape: InputShape) -> None:
        condition_shape = self._split_shape(input_shape)[1]
        height, width = self.image_shape[:2]
        self.entry.build((None, height, width, condition_shape[-1]))  # type: ignore[index]
        shape: Shape = (None, height, width, self.filters)
        self.normalizations[0].build(shape)
        for i, layer in enumerate((*self.down, *self.up)):
            if i == len(self.down):
                for block in self.residuals:
                    block.build(shape)
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            self.normalizations[i + 1].build(shape)
        self.output_layer.build(shape)

    def call(self, inputs: Inputs, training: bool = False) -> tf.Tensor:
        _, x = self._split(inputs)
        normalizations = iter(self.normalizations)
        for layer in (self.entry, *self.down):
            x = keras.ops.relu(next(normalizations)(layer(x)))
        for block in self.residuals:
            x = block(x)
        for layer in self.up:
            x = keras.ops.relu(next(normalizations)(layer(x)))
        return self.to_range(self.output_layer(x))

    def get_config(self) -> JsonDict:
        config = super().get_config()
        del config["latent_dim"]
        names = ("filters", "blocks", "upsampling")
        return {**config, **{name: getattr(self, name) for name in names}}
