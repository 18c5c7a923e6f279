"""Resampling of images by a factor of 2, with correct derivatives of all orders.

The functions use sums, copies and reshapes only, which every export format supports. Keras's
bilinear `UpSampling2D` loses part of the second derivatives that gradient penalties need.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.layers.base import Shape

__all__ = ["ResizeConv2D", "double_bilinear", "double_nearest", "doubled_shape", "halve"]


def _interleaved(even: tf.Tensor, odd: tf.Tensor, axis: int) -> tf.Tensor:
    """Return the rows (axis 1) or columns (axis 2) of two images in turn."""
    shape = list(even.shape)
    shape[0], shape[axis] = -1, 2 * shape[axis]
    # Side by side along the next axis, a reshape in row-major order puts them in turn.
    return keras.ops.reshape(keras.ops.concatenate([even, odd], axis=axis + 1), shape)


def double_nearest(images: tf.Tensor) -> tf.Tensor:
    """Repeat each pixel 2 x 2 times.

    Args:
        images: float `[batch, height, width, channels]`.

    Returns:
        `[batch, 2 * height, 2 * width, channels]`.

    Example:
        ```python
        kgan.layers.double_nearest(tf.constant([[[[1.0]]]]))  # [[[[1.0], [1.0]], [[1.0], [1.0]]]]
        ```
    """
    for axis in (1, 2):
        images = _interleaved(images, images, axis)
    return images


def double_bilinear(images: tf.Tensor) -> tf.Tensor:
    """Interpolate bilinearly between the centres of pixels; pixels repeat beyond the border.

    Along each axis, pixel i becomes `3/4 x[i] + 1/4 x[i - 1]` and `3/4 x[i] + 1/4 x[i + 1]`.

    Args:
        images: float `[batch, height, width, channels]`.

    Returns:
        `[batch, 2 * height, 2 * width, channels]`.

    Example:
        ```python
        doubled = kgan.layers.double_bilinear(tf.constant([[[[0.0], [1.0]]]]))
        doubled[0, 0, :, 0]  # [0.0, 0.25, 0.75, 1.0]
        ```
    """
    for axis in (1, 2):
        first, last = _part(images, axis, slice(0, 1)), _part(images, axis, slice(-1, None))
        before = keras.ops.concatenate([first, _part(images, axis, slice(0, -1))], axis)
        after = keras.ops.concatenate([_part(images, axis, slice(1, None)), last], axis)
        images = _interleaved(0.75 * images + 0.25 * before, 0.75 * images + 0.25 * after, axis)
    return images


def _part(images: tf.Tensor, axis: int, part: slice) -> tf.Tensor:
    return images[:, part] if axis == 1 else images[:, :, part]


def halve(images: tf.Tensor) -> tf.Tensor:
    """Return the mean of each 2 x 2 pixels: bilinear interpolation at their common corner.

    Args:
        images: float `[batch, height, width, channels]`, of even height and width.

    Returns:
        `[batch, height / 2, width / 2, channels]`.

    Example:
        ```python
        kgan.layers.halve(tf.constant([[[[0.0], [1.0]], [[2.0], [3.0]]]]))  # [[[[1.5]]]]
        ```
    """
    return keras.ops.average_pool(images, 2, 2, data_format="channels_last")


@keras.saving.register_keras_serializable(package="kgan")
class ResizeConv2D(keras.layers.Conv2D):
    """A convolution of the image doubled by its nearest neighbours.

    Unlike a transposed convolution, it treats all pixels alike for any kernel size (Odena et al.
    2016, Deconvolution and checkerboard artifacts, Distill). Its arguments are those of
    `keras.layers.Conv2D`; height and width are the first two axes after the batch.

    Example:
        ```python
        doubled = kgan.layers.ResizeConv2D(4, 3, padding="same")(tf.ones([1, 7, 7, 8]))
        doubled.shape  # (1, 14, 14, 4)
        ```
    """

    def build(self, input_shape: Shape) -> None:
        super().build(doubled_shape(input_shape))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return super().call(double_nearest(images))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return super().compute_output_shape(doubled_shape(input_shape))


def doubled_shape(shape: Shape) -> Shape:
    """Return `(batch, 2 * height, 2 * width, channels)` for images of `shape`."""
    batch, *sides, channels = shape
    return (batch, *(None if side is None else 2 * side for side in sides), channels)
