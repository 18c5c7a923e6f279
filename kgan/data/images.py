"""Images of data sets: their size, their pixels, their mean."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import tensorflow as tf

from kgan.utils.explained import explained


def images_of(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return the images of a data set, without the labels of pairs `(images, labels)`.

    Example:
        ```python
        images = kgan.data.images_of(kgan.data.load("digits", batch_size=64, with_labels=True))
        ```
    """
    if isinstance(batches.element_spec, tuple):
        return batches.map(lambda images, *_: images)
    return batches


def target_size(
    name: str, shape: tuple[int | None, ...], image_size: int | tuple[int, int] | None
) -> tuple[int, int]:
    """Return the (height, width) in pixels that every image will have.

    Args:
        name: of the data set, for messages.
        shape: native (height, width, channels), None where images differ.
        image_size: the side of a square, (height, width), or None for the native size.

    Raises:
        ValueError: `image_size` is unusable, or None for images that differ in size.
    """
    if image_size is None:
        if None in shape:
            raise ValueError(
                f"The images of data set {name!r} differ in size; pass `image_size`, "
                "for example image_size=64."
            )
        return shape[0], shape[1]  # type: ignore[return-value]
    size = image_size if isinstance(image_size, tuple | list) else (image_size, image_size)
    if len(size) != 2 or not all(_is_side(side) for side in size):
        raise ValueError(
            "Invalid value for argument `image_size`: expected a positive integer, "
            f"(height, width) or None, received {image_size!r}."
        )
    return int(size[0]), int(size[1])


def _is_side(side: object) -> bool:
    return isinstance(side, Integral) and not isinstance(side, bool) and int(side) > 0


_SCALE = (
    "Store them as 0 and 255, or scale them yourself and give `kgan.GAN.fit` "
    "`tfds.load(...).map(lambda d: 2 * tf.cast(d['image'], tf.float32) - 1).batch(100)`."
)


def check_pixels(name: str, pixels: np.ndarray, remedy: str = _SCALE) -> None:
    """Raise ValueError for images whose values are 0 and 1, which would be trained on as black.

    Args:
        name: name of the data set, for messages.
        pixels: uint8 [n, height, width, channels], all images or the first ones.
        remedy: what to do, for the message.
    """
    if pixels.size and pixels.max() <= 1:
        values = " and ".join(str(value) for value in np.unique(pixels))
        values = values if "and" in values else f"all {values}"
        raise ValueError(
            f"Data set {name!r} has uint8 images whose values are {values}; expected pixels from 0 "
            f"to 255, of which 0 is black and 255 is white. {remedy}"
        )


def mean_image(images: tf.data.Dataset) -> np.ndarray:
    """Return the mean image of one epoch, for instance to initialise an output bias.

    The epoch counts: the next iteration over a shuffled data set is in the order after it.

    Args:
        images: a finite data set of batches [batch, ...], or of pairs of these and labels, such as
            `kgan.data.load` returns.

    Returns:
        float64 [...], for images [height, width, channels], in the value range of `images`.

    Raises:
        ValueError: `images` is endless or empty.

    Example:
        ```python
        generator = kgan.networks.MLPGenerator((8, 8, 1))
        generator.start_at_mean(kgan.data.mean_image(kgan.data.load("digits", batch_size=100)))
        ```
    """
    if images.cardinality() in (tf.data.INFINITE_CARDINALITY, 0):
        raise ValueError(
            "Invalid value for argument `images`: expected a finite data set of at least one "
            "batch; use images.take(n) for a part of an endless one."
        )
    total, count = np.float64(0), 0
    with explained(getattr(images, "explain", None)):
        for batch in images_of(images).as_numpy_iterator():
            total = total + batch.sum(axis=0, dtype=np.float64)
            count += len(batch)
    return np.asarray(total / count)
