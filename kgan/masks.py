"""Masks: which pixels of an image are given, and which are hidden."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kgan.utils.random_bits import random_floats

__all__ = [
    "DRAWS",
    "checked_mask",
    "halves",
    "masked",
    "masks_of_draws",
    "random_masks",
    "rectangles",
]

DRAWS = 5
"""Draws that a random mask takes beside one for each pixel."""

_RECTANGLES = (0.25, 0.75)  # of a side: the shortest and the longest side of what is hidden
_SHARES = (0.25, 1.0)  # of the pixels: the least and the greatest probability of being hidden


def masked(
    images: tf.Tensor, given: tf.Tensor, value_range: tuple[float, float] = (0.0, 1.0)
) -> tf.Tensor:
    """Return images whose hidden pixels are grey, and the mask as a last channel.

    Args:
        images: floats `[batch, height, width, channels]`.
        given: bool `[batch, height, width, 1]`, True where a pixel is given.
        value_range: of the images, and of the result.

    Example:
        ```python
        given = kgan.masks.random_masks(len(images), (28, 28), seed=(0, 1))
        condition = kgan.masks.masked(images, given, value_range=(-1, 1))  # [batch, 28, 28, 2]
        ```
    """
    low, high = (tf.constant(end, images.dtype) for end in value_range)
    # Grey is no brighter and no darker start for a generator than any pixel.
    return tf.concat(
        [tf.where(given, images, (low + high) / 2), tf.where(given, high, low)], axis=-1
    )


def random_masks(
    count: int | tf.Tensor, sides: Sequence[int], seed: Sequence[int] | tf.Tensor
) -> tf.Tensor:
    """Return random masks, bool `[count, height, width, 1]`, True where a pixel is given.

    Each hides, with equal probability, one of the four halves; one rectangle, whose sides are 1/4
    to 3/4 of the image's; or single pixels, with a probability between 1/4 and 1 that is drawn for
    the image.

    Args:
        count: number of masks.
        sides: height and width.
        seed: two integers `[2]`; the same seed gives the same masks.

    Example:
        ```python
        given = kgan.masks.random_masks(16, (28, 28), seed=(0, 1))  # bool [16, 28, 28, 1]
        ```
    """
    height, width = sides
    return masks_of_draws(random_floats([count, DRAWS + height * width], seed), sides)


def checked_mask(mask: npt.ArrayLike, count: int, sides: Sequence[int]) -> np.ndarray:
    """Return a mask that a user gives, as bool `[count, height, width, 1]`.

    Args:
        mask: booleans, or the numbers 0 and 1: `[count, height, width]`, the same with a last axis
            of 1, or `[height, width]` for all images alike.
        count: number of images.
        sides: height and width.

    Raises:
        ValueError: it has another shape or other values.
    """
    height, width = sides
    found = np.asarray(mask)
    known = ((height, width), (count, height, width), (count, height, width, 1))
    if found.shape not in known or not np.isin(found, (0, 1)).all():
        raise ValueError(
            f"Invalid value for argument `mask`: expected booleans [{count}, {height}, {width}], "
            f"True where a pixel is given, or [{height}, {width}] for all images, received "
            f"{found.dtype} of shape {found.shape}. Compare with a threshold or resize it."
        )
    flat = found.reshape(-1, height, width, 1).astype(bool)
    return np.broadcast_to(flat, (count, height, width, 1))


def masks_of_draws(draws: tf.Tensor, sides: Sequence[int]) -> tf.Tensor:
    """Return the masks of some draws in [0, 1), float32 `[batch, DRAWS + height * width]`."""
    kind, *drawn = tf.unstack(draws[:, :DRAWS], axis=-1)
    fewest, most = _SHARES
    shares = fewest + (most - fewest) * drawn[0]
    kinds = [
        tf.gather(halves(sides), tf.cast(4.0 * drawn[0], tf.int32)),
        ~rectangles(drawn, sides),
        tf.reshape(draws[:, DRAWS:] >= shares[:, None], [-1, *sides]),
    ]
    chosen = tf.cast(float(len(kinds)) * kind, tf.int32)
    return tf.gather(tf.stack(kinds, axis=1), chosen, batch_dims=1)[..., None]


def halves(sides: Sequence[int]) -> np.ndarray:
    """Return the masks that give the left, the right, the upper and the lower half.

    Example:
        ```python
        left, right, upper, lower = kgan.masks.halves((28, 28))  # each bool [28, 28, 1]
        ```
    """
    (height, width), (rows, columns) = sides, np.indices(sides)
    return np.stack(
        [
            columns < (width + 1) // 2,
            columns >= width // 2,
            rows < (height + 1) // 2,
            rows >= height // 2,
        ]
    )


def rectangles(draws: Sequence[tf.Tensor], sides: Sequence[int]) -> tf.Tensor:
    """Return rectangles, bool `[batch, height, width]`, of four draws in [0, 1), each `[batch]`."""
    height, width = sides
    rows, columns = _span(height, draws[0], draws[1]), _span(width, draws[2], draws[3])
    return rows[:, :, None] & columns[:, None, :]


def _span(side: int, length: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Return whether each pixel of a side is in a span of drawn length and start."""
    shortest, longest = _RECTANGLES
    whole = tf.constant(side, tf.float32)
    pixels = tf.round(whole * (shortest + (longest - shortest) * length))
    first = tf.floor((whole - pixels + 1) * start)
    places = tf.range(whole)
    return (places >= first[:, None]) & (places < (first + pixels)[:, None])
