"""What a SavedModel checks of its inputs, inside the graph, so that every client hears of it."""

from __future__ import annotations

import tensorflow as tf

MAX_COUNT = 1024
"""Most images that one call of `sample` makes; a client in error must not fill the memory."""


def checked_count(count: tf.Tensor) -> tf.Tensor:
    """The int32 scalar `count` itself.

    In the graph it raises `tf.errors.InvalidArgumentError` outside of 1 to `MAX_COUNT`.
    """
    expected = f"Invalid value for input `count`: expected 1 to {MAX_COUNT}, received"
    return _checked(count, (count >= 1) & (count <= MAX_COUNT), [expected, count])


def checked_labels(labels: tf.Tensor, latents: tf.Tensor, num_classes: int) -> tf.Tensor:
    """The int32 `labels` themselves.

    In the graph it raises `tf.errors.InvalidArgumentError` where they are not as many as the
    latents, or outside of 0 to num_classes - 1, for which a network may have no error but zeros.
    """
    expected = f"Invalid value for input `labels`: expected classes 0 to {num_classes - 1}, "
    labels = _checked(
        labels,
        tf.reduce_all((labels >= 0) & (labels < num_classes)),
        [expected + "received", labels],
    )
    return _checked(
        labels,
        tf.equal(tf.shape(labels)[0], tf.shape(latents)[0]),
        [
            "Invalid value for input `labels`: expected one for each of the latents, received",
            *(tf.shape(labels)[0], "for", tf.shape(latents)[0]),
        ],
    )


def _checked(value: tf.Tensor, condition: tf.Tensor, complaint: list) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(condition, complaint)]):
        return tf.identity(value)
