"""Images in TFDS examples: the feature that holds them, their labels, size and mean."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds


def image_feature(
    name: str, features: tfds.features.FeaturesDict
) -> tuple[str, tuple[int | None, ...]]:
    """Find the image of a data set: the feature `image`, or else the first that is an image.

    Args:
        name: Name of the data set, for messages.
        features: Its features.

    Returns:
        The feature's key and its shape (height, width, channels), None where images differ.

    Raises:
        ValueError: If no feature is an image, or its pixels are not uint8.
    """
    images = [key for key in features if isinstance(features[key], tfds.features.Image)]
    if not images:
        raise ValueError(
            f"Data set {name!r} has no image feature (its features are {', '.join(features)}); "
            "expected a data set of images."
        )
    key = "image" if "image" in images else images[0]
    if features[key].np_dtype != np.uint8:
        raise ValueError(
            f"The images of data set {name!r} are {np.dtype(features[key].np_dtype).name}; "
            "expected uint8, 8 bits per channel. Choose a data set or configuration that has it."
        )
    return key, features[key].shape


def label_feature(features: tfds.features.FeaturesDict) -> str | None:
    """Return the key of the feature `label`, or of the first class label; None without labels."""
    keys = [key for key in features if isinstance(features[key], tfds.features.ClassLabel)]
    return "label" if "label" in keys else next(iter(keys), None)


def images_of(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return the images of a data set, without the labels of pairs `(images, labels)`."""
    if isinstance(batches.element_spec, tuple):
        return batches.map(lambda images, *_: images)
    return batches


def target_size(
    name: str, shape: tuple[int | None, ...], image_size: int | tuple[int, int] | None
) -> tuple[int, int]:
    """Return the (height, width) in pixels that every image will have.

    Args:
        name: Name of the data set, for messages.
        shape: Native (height, width, channels), None where images differ.
        image_size: The side of a square, (height, width), or None for the native size.

    Raises:
        ValueError: If `image_size` is unusable, or None for images that differ in size.
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


def crop_and_resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Crop the largest centred piece of the aspect ratio of `size`, then resize it.

    Args:
        image: uint8 [height, width, channels] in [0, 255], of any size.
        size: (height, width) in pixels.

    Returns:
        uint8 [*size, channels]; bilinear, antialiased when it shrinks, rounded to the nearest.
    """
    height, width = size
    shape = tf.shape(image)
    rows = tf.clip_by_value(shape[1] * height // width, 1, shape[0])
    columns = tf.clip_by_value(shape[0] * width // height, 1, shape[1])
    top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
    piece = image[top : top + rows, left : left + columns]
    return tf.cast(tf.round(tf.image.resize(piece, size, antialias=True)), tf.uint8)


def mean_image(images: tf.data.Dataset) -> np.ndarray:
    """Return the mean image of one epoch, for instance to initialise an output bias.

    The epoch counts: the next iteration over a shuffled data set is in the order after it.

    Args:
        images: A finite data set of batches [batch, ...], or of pairs of these and labels, such as
            `kgan.data.load` returns.

    Returns:
        float64 [...], for images [height, width, channels], in the value range of `images`.

    Raises:
        ValueError: If `images` is endless or empty.
    """
    if images.cardinality() in (tf.data.INFINITE_CARDINALITY, 0):
        raise ValueError(
            "Invalid value for argument `images`: expected a finite data set of at least one "
            "batch; use images.take(n) for a part of an endless one."
        )
    total, count = np.float64(0), 0
    for batch in images_of(images).as_numpy_iterator():
        total = total + batch.sum(axis=0, dtype=np.float64)
        count += len(batch)
    return np.asarray(total / count)
