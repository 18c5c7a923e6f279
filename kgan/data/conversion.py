"""Images that TensorFlow has decoded -> the form that is wanted, as `decoding` does with files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from kgan.data.form import Form

__all__ = ["in_form"]


def in_form(image: tf.Tensor, form: Form) -> tf.Tensor:
    """Return an image in the form that is wanted.

    Args:
        image: uint8 `[height, width, channels]` of 1 to 4 channels, the second or fourth alpha.
        form: the form. Without channels, images keep theirs; alpha is laid over the background.

    Returns:
        uint8 `[*form.size, channels]`.
    """
    image = _in_channels(image, form)
    if tuple(image.shape[:2]) == form.size:
        return image
    if image.shape[-1] == 4:
        return _with_alpha(image, form)
    return _bytes(_resized(image, form, _fill(image, form)))


def _fill(image: tf.Tensor, form: Form) -> tf.Tensor:
    """Return float32 `[channels]`: what a pixel without a picture becomes."""
    grey, coloured = (
        tf.constant(dataclasses.replace(form, channels=channels).fill, tf.float32)
        for channels in (1, 3)
    )
    return _where(_count(image) == 1, lambda: grey, lambda: coloured)


def _in_channels(image: tf.Tensor, form: Form) -> tf.Tensor:
    channels = image.shape[-1]
    if form.channels is None:
        return _where(_count(image) == 4, lambda: _over(image, form), lambda: image)
    if channels == form.channels and channels != 4:
        return image
    if form.channels == 4:
        colours, alpha = _split(image)
        hidden = tf.constant(form.background, tf.uint8)
        return tf.concat([tf.where(alpha == 0, hidden, colours), alpha], axis=-1)
    coloured = _over(image, form)
    if form.channels == 3:
        return coloured
    # Grey stays as it is stored: the weights of Pillow's conversion sum to 65536.
    red, green, blue = tf.unstack(tf.cast(coloured, tf.int32), axis=-1)
    luma = (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536
    return tf.cast(luma, tf.uint8)[..., None]


def _over(image: tf.Tensor, form: Form) -> tf.Tensor:
    """Return red, green and blue over the background, rounded to the nearest."""
    colours, alpha = (tf.cast(part, tf.int32) for part in _split(image))
    background = tf.constant(form.background, tf.int32)
    return tf.cast((2 * (colours * alpha + background * (255 - alpha)) + 255) // 510, tf.uint8)


def _split(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the colours uint8 `[height, width, 3]` and the alpha uint8 `[height, width, 1]`."""
    count = _count(image)
    alpha = _where(
        count % 2 == 0,
        lambda: image[..., -1:],
        lambda: tf.fill(tf.shape(image[..., :1]), tf.constant(255, tf.uint8)),
    )
    colours = _where(
        count < 3, lambda: tf.repeat(image[..., :1], 3, axis=-1), lambda: image[..., :3]
    )
    return tf.ensure_shape(colours, [None, None, 3]), tf.ensure_shape(alpha, [None, None, 1])


def _count(image: tf.Tensor) -> int | tf.Tensor:
    known: int | None = image.shape[-1]
    return tf.shape(image)[-1] if known is None else known


def _where(
    condition: bool | tf.Tensor, yes: Callable[[], tf.Tensor], no: Callable[[], tf.Tensor]
) -> tf.Tensor:
    if isinstance(condition, bool):
        return yes() if condition else no()
    return tf.cond(condition, yes, no)


def _with_alpha(image: tf.Tensor, form: Form) -> tf.Tensor:
    """Resize four channels; colours are weighted by their alpha."""
    values = tf.cast(image, tf.float32)
    weighted = tf.concat([values[..., :3] * values[..., 3:] / 255.0, values[..., 3:]], axis=-1)
    small = _resized(weighted, form, tf.zeros([4]))
    alpha = _bytes(small[..., 3:])
    colours = _bytes(tf.math.divide_no_nan(255.0 * small[..., :3], small[..., 3:]))
    return tf.concat(
        [tf.where(alpha == 0, tf.constant(form.background, tf.uint8), colours), alpha], axis=-1
    )


def _resized(values: tf.Tensor, form: Form, fill: tf.Tensor) -> tf.Tensor:
    """Return `[height, width, channels]` in the wanted size, float32.

    Bilinear, antialiased when it shrinks.
    """
    if form.resize == "crop":
        values = _cropped(values, form.size)
    if form.resize != "pad":
        return tf.image.resize(values, form.size, antialias=True)
    height, width = form.size
    shape = tf.shape(values)
    rows, columns = shape[0], shape[1]
    across = tf.clip_by_value((2 * columns * height + rows) // (2 * rows), 1, width)
    down = tf.clip_by_value((2 * rows * width + columns) // (2 * columns), 1, height)
    small = tf.image.resize(values, [down, across], antialias=True)
    top, left = (height - down) // 2, (width - across) // 2
    edges = [[top, height - down - top], [left, width - across - left], [0, 0]]
    padded = tf.pad(small - fill, edges) + fill
    return tf.ensure_shape(padded, [height, width, values.shape[-1]])


def _cropped(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return the largest centred piece of the aspect ratio of `size`."""
    height, width = size
    shape = tf.shape(image)
    rows = tf.clip_by_value(shape[1] * height // width, 1, shape[0])
    columns = tf.clip_by_value(shape[0] * width // height, 1, shape[1])
    top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]


def _bytes(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)
