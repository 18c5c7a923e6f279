"""Images of twice or half the size, by operations whose derivatives of all orders are right.

They are sums, copies and reshapes, which every export format has too. Keras's bilinear
`UpSampling2D`, for one, loses part of the second derivatives that gradient penalties take.
"""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["ResizeConv2D", "double_bilinear", "double_nearest", "halve"]


def _in_turn(even: Any, odd: Any, axis: int) -> Any:
    """The rows (axis 1) or columns (axis 2) of two images in turn."""
    shape = list(even.shape)
    shape[0], shape[axis] = -1, 2 * shape[axis]
    return keras.ops.reshape(keras.ops.concatenate([even, odd], axis=axis + 1), shape)


def double_nearest(images: Any) -> Any:
    """Each pixel becomes 2 x 2 equal ones.

    Args:
        images: float `[batch, height, width, channels]`.

    Returns:
        `[batch, 2 * height, 2 * width, channels]`.
    """
    for axis in (1, 2):
        images = _in_turn(images, images, axis)
    return images


def double_bilinear(images: Any) -> Any:
    """Bilinear interpolation between the centres of pixels; beyond the border they repeat.

    Along each axis, pixel i becomes `3/4 x[i] + 1/4 x[i - 1]` and `3/4 x[i] + 1/4 x[i + 1]`.

    Args:
        images: float `[batch, height, width, channels]`.

    Returns:
        `[batch, 2 * height, 2 * width, channels]`.
    """
    for axis in (1, 2):
        first, last = _part(images, axis, slice(0, 1)), _part(images, axis, slice(-1, None))
        before = keras.ops.concatenate([first, _part(images, axis, slice(0, -1))], axis)
        after = keras.ops.concatenate([_part(images, axis, slice(1, None)), last], axis)
        images = _in_turn(0.75 * images + 0.25 * before, 0.75 * images + 0.25 * after, axis)
    return images


def _part(images: Any, axis: int, part: slice) -> Any:
    return images[:, part] if axis == 1 else images[:, :, part]


def halve(images: Any) -> Any:
    """The mean of each 2 x 2 pixels, which is bilinear interpolation at their common corner.

    Args:
        images: float `[batch, height, width, channels]`, of even height and width.

    Returns:
        `[batch, height / 2, width / 2, channels]`.
    """
    return keras.ops.average_pool(images, 2, 2, data_format="channels_last")


@keras.saving.register_keras_serializable(package="kgan")
class ResizeConv2D(keras.layers.Conv2D):
    """A convolution of the image doubled by its nearest neighbours.

    Odena et al. 2016 (Deconvolution and checkerboard artifacts, Distill): unlike a transposed
    convolution, it treats all pixels alike whatever its kernel's size. Its arguments are those of
    `keras.layers.Conv2D`; sides are the first two axes after the batch.
    """

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        super().build(_doubled(input_shape))

    def call(self, images: Any) -> Any:
        """The convolution of `images`, doubled."""
        return super().call(double_nearest(images))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As of an image twice as large."""
        return super().compute_output_shape(_doubled(input_shape))


def _doubled(shape: Any) -> tuple[Any, ...]:
    batch, height, width, channels = shape
    return batch, 2 * height, 2 * width, channels
