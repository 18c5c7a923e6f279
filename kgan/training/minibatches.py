"""Minibatches: how a batch of data becomes the k minibatches of one step of Algorithm 1."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

__all__ = [
    "Minibatch",
    "check_divides",
    "check_label_type",
    "conditional",
    "network_inputs",
    "plain_errors",
    "split",
]


class Minibatch(NamedTuple):
    """The data of one update.

    Attributes:
        images: `[m, ...]`, in the generator's value range.
        condition: what both networks are given beside their own input: int32 class labels `[m]` or
            images `[m, ...]`; None where the data have none.
    """

    images: tf.Tensor
    condition: tf.Tensor | None

    @property
    def size(self) -> tf.Tensor:
        """The number of images m, an int32 scalar."""
        return tf.shape(self.images)[0]


def conditional(network: keras.Model) -> bool:
    """Return whether a network is called with `[input, condition]`."""
    declared = (getattr(network, name, None) for name in ("num_classes", "condition_shape"))
    return any(value is not None for value in declared)


def network_inputs(
    network: keras.Model, inputs: tf.Tensor, condition: tf.Tensor | None
) -> tf.Tensor | list[tf.Tensor | None]:
    """Return what `network` is called with: `[inputs, condition]` if it is conditional."""
    return [inputs, condition] if conditional(network) else inputs


def split(data: Any, k: int, packing: int, num_classes: int | None) -> list[Minibatch]:
    """Split a batch of data into k minibatches of equal size.

    Args:
        data: what Keras hands to `train_step`: images, or images and their condition.
        k: the number of minibatches.
        packing: the number of examples that the discriminator sees at once.
        num_classes: the number of classes of a label-conditional game; else None, and the
            condition is passed through unchecked.

    Raises:
        ValueError: the images are not floating point, do not fill k minibatches of whole packs, or
            lack the labels that the networks need.
    """
    images, condition, weights = keras.utils.unpack_x_y_sample_weight(data)
    if weights is not None:
        raise ValueError(
            "Invalid value for argument `sample_weight`: expected None, as Algorithm 1 has no "
            "weights of examples. Repeat examples that shall count for more."
        )
    if not images.dtype.is_floating:
        raise ValueError(
            "Invalid value for argument `x`: expected floating point images in the generator's "
            f"value range, received {images.dtype.name}. Scale them first "
            "(`kgan.data.load` does)."
        )
    if images.dtype.size < 4:  # penalties need the precision, and samples come in float32
        images = tf.cast(images, tf.float32)
    # What is known while tracing is checked here, the rest when the step runs.
    checks = []
    size = images.shape[0]
    if size is not None:
        check_divides(size, k, packing)
    elif k * packing > 1:
        size = tf.shape(images)[0]
        divides = size % (k * packing) == 0
        checks.append(tf.debugging.Assert(divides, [_indivisible("?", k, packing), size]))
    if num_classes is not None:
        check_label_type(condition)
        condition = tf.cast(tf.reshape(condition, [-1]), tf.int32)
        known = tf.reduce_all((condition >= 0) & (condition < num_classes))
        sentence = f"Invalid labels: the networks know the classes 0 to {num_classes - 1}."
        checks.append(tf.debugging.Assert(known, [sentence, condition]))
    # XLA and pruning drop assertions that nothing depends on.
    with tf.control_dependencies(checks):
        images = tf.identity(images)
    if k == 1:
        return [Minibatch(images, condition)]
    # Consecutive blocks, so that no image is in two minibatches.
    parts = _parts(images, k)
    conditions = [None] * k if condition is None else _parts(condition, k)
    return [Minibatch(*pair) for pair in zip(parts, conditions, strict=True)]


def _parts(x: tf.Tensor, k: int) -> list[tf.Tensor]:
    return tf.unstack(tf.reshape(x, [k, -1, *x.shape[1:]]))


def check_label_type(labels: Any, argument: str = "y") -> None:
    """Check that labels, or their type, are integers `[batch]`.

    Raises:
        ValueError: they are not, or there are none.
    """
    if labels is None:
        raise ValueError(
            "Invalid value for argument `y`: the networks are conditional and expected pairs of "
            "images and labels, received images alone. Load the data with labels "
            "(`kgan.data.load(..., with_labels=True)`)."
        )
    # Keras's `fit` turns labels [n] of an array into [n, 1].
    shape, dtype = tf.TensorShape(labels.shape), tf.as_dtype(labels.dtype)
    if not dtype.is_integer or not (shape.rank == 1 or (shape.rank == 2 and shape[1] == 1)):
        advice = "Cast class numbers to int32."
        if shape.rank == 2 and shape[1] != 1:
            advice = "One-hot labels become integers by `argmax(axis=-1)`."
        raise ValueError(
            f"Invalid value for argument `{argument}`: expected integer labels [batch], received "
            f"{dtype.name} of shape {shape}. {advice}"
        )


def check_divides(size: int, k: int, packing: int) -> None:
    """Check that k minibatches of whole packs fill a batch of `size` images.

    Raises:
        ValueError: they do not.
    """
    if size % (k * packing):
        raise ValueError(_indivisible(size, k, packing))


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raise what `split` refuses as the step runs as a ValueError, without TensorFlow's words."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(
            r"assertion failed: \[(Invalid .*?\.)\] \[(.*?)\]", error.message, re.DOTALL
        )
        if found is None:
            raise
        sentence, value = found.groups()
        # The size of a batch that only the step knows.
        raise ValueError(sentence.replace("?", value)) from None


def _indivisible(size: int | str, k: int, packing: int) -> str:
    what = f"discriminator_steps={k} splits every batch into {k} equal minibatches"
    if packing > 1:
        what += f" of whole packs (packing={packing})"
    return (
        f"Invalid batch size: {what}, but a batch has {size} images. Choose a batch size that is "
        f"a multiple of {k * packing}, and drop or pad a last batch that is not."
    )
