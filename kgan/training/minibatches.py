"""How a batch of data becomes the minibatches of one round of Algorithm 1."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["check_divides", "minibatches"]


def minibatches(
    data: Any, k: int, packing: int, num_classes: int | None
) -> list[tuple[tf.Tensor, tf.Tensor | None]]:
    """The k minibatches of m images in a batch, each with its labels or None.

    Args:
        data: what Keras hands to `train_step`: images, or images and labels.
        k: how many minibatches.
        packing: examples that D judges at once.
        num_classes: what labels of a conditional game lie below; else None, and labels may be
            anything.

    Raises:
        ValueError: the images are no floats, do not fill the minibatches with whole packs, or have
            no labels where the game is conditional.
    """
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
    if not images.dtype.is_floating:
        raise ValueError(
            "Invalid value for argument `x`: expected floating point images in the generator's "
            f"value range, received {images.dtype.name}. Scale them first "
            "(`kgan.data.load` does)."
        )
    checks = []
    size = images.shape[0]
    if size is not None:
        check_divides(size, k, packing)
    elif k * packing > 1:
        size = tf.shape(images)[0]
        divides = size % (k * packing) == 0
        checks.append(tf.debugging.Assert(divides, [_indivisible("?", k, packing), size]))
    if num_classes is not None:
        labels = _told(labels)
        known = tf.reduce_all((labels >= 0) & (labels < num_classes))
        sentence = f"Invalid labels: the players know the classes 0 to {num_classes - 1}."
        checks.append(tf.debugging.Assert(known, [sentence, labels]))
    with tf.control_dependencies(checks):
        images = tf.identity(images)
    if k == 1:
        return [(images, labels)]
    parts = tf.unstack(tf.reshape(images, [k, -1, *images.shape[1:]]))
    if labels is None:
        return [(part, None) for part in parts]
    told = tf.unstack(tf.reshape(labels, [k, -1, *labels.shape[1:]]))
    return list(zip(parts, told, strict=True))


def _told(labels: Any) -> tf.Tensor:
    """Labels as the players are told them, int32 `[batch]`."""
    if labels is None:
        raise ValueError(
            "Invalid value for argument `y`: the players are conditional and expected pairs of "
            "images and labels, received images alone. Load the data with labels "
            "(`kgan.data.load(..., with_labels=True)`)."
        )
    single = labels.shape.rank == 1 or (labels.shape.rank == 2 and labels.shape[1] == 1)
    if not labels.dtype.is_integer or not single:
        raise ValueError(
            "Invalid value for argument `y`: expected integer labels [batch], received "
            f"{labels.dtype.name} of shape {labels.shape}. One-hot labels become integers by "
            "`argmax(axis=-1)`."
        )
    return tf.cast(tf.reshape(labels, [-1]), tf.int32)


def check_divides(size: int, k: int, packing: int) -> None:
    """Makes sure that k minibatches of whole packs fill a batch of `size` images.

    Raises:
        ValueError: they do not.
    """
    if size % (k * packing):
        raise ValueError(_indivisible(size, k, packing))


def _indivisible(size: Any, k: int, packing: int) -> str:
    what = f"discriminator_steps={k} splits every batch into {k} equal minibatches"
    if packing > 1:
        what += f" of whole packs (packing={packing})"
    return (
        f"Invalid batch size: {what}, but a batch has {size} images. Choose a batch size that is "
        f"a multiple of {k * packing}, and drop or pad a last batch that is not."
    )
