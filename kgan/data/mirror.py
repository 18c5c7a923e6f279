"""Mirror images at random: a pure function of the seed and the place in the sequence of epochs."""

from __future__ import annotations

import tensorflow as tf

from kgan.data.stream import Epoch, Finish

__all__ = ["mirroring"]


def mirroring(
    epoch: Epoch, finish: Finish, steps: int, rows: int, seed: int | None
) -> tuple[Epoch, Finish]:
    """Return epochs that also draw which images are mirrored, and the function that mirrors them.

    Each place of each epoch is drawn with probability a half, whatever image comes there. An image
    that comes with it as its condition is mirrored too.

    Args:
        epoch: epochs whose batches have one component or several.
        finish: the last function applied to the components of each batch.
        steps: batches in an epoch.
        rows: rows of a batch.
        seed: seed of the draws; None changes nothing.
    """
    if seed is None:
        return epoch, finish

    def drawing(number: tf.Tensor, skipped: tf.Tensor) -> tf.data.Dataset:
        # No epoch has a negative number: no order is drawn from the same words.
        words = tf.stack([tf.constant(seed, tf.int64), -1 - number])
        bits = tf.random.stateless_uniform([steps, rows], words, None, None, tf.int32, alg="philox")
        flips = tf.data.Dataset.from_tensor_slices((bits < 0)[skipped:])
        return tf.data.Dataset.zip(epoch(number, skipped), flips).map(_flat)

    def finishing(*components: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        *unfinished, flips = components
        finished = finish(*unfinished)
        if isinstance(finished, tuple):
            images, others = finished
            of_images = others.shape.rank == 4  # conditions, rather than labels
            return _mirrored(images, flips), _mirrored(others, flips) if of_images else others
        return _mirrored(finished, flips)

    return drawing, finishing


def _flat(batch: tf.Tensor | tuple[tf.Tensor, ...], flips: tf.Tensor) -> tuple[tf.Tensor, ...]:
    return (*batch, flips) if isinstance(batch, tuple) else (batch, flips)


def _mirrored(images: tf.Tensor, flips: tf.Tensor) -> tf.Tensor:
    """Exchange left and right of the images `[batch, height, width, channels]` that `flips` has."""
    return tf.where(flips[:, None, None, None], images[:, :, ::-1], images)
