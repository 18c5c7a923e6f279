"""A pool of earlier samples, from which the discriminator is updated.

CycleGAN shows D a history of samples, after Shrivastava et al. 2017 (arXiv 1612.07828, section
2.3): the game then oscillates less.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from kgan.training.distribution import replica, replicas
from kgan.utils.random_bits import random_bits

__all__ = ["ImagePool"]


class ImagePool(keras.layers.Layer):
    """The last samples of a game, a part of its state.

    While the pool fills, it keeps each new sample and gives it back. Then it gives back each new
    sample with probability a half; else it gives back one of the pool, at random, and keeps the new
    one in its place. No two samples of a batch take the same place, and of a batch larger than the
    pool, those beyond its size are given back.

    All replicas share one pool: their samples are gathered, and each gets its own number back.

    Args:
        size: images in the pool.
    """

    def __init__(self, size: int):
        super().__init__(trainable=False)
        self.size = size

    def build(self, image_shape: Sequence[int]) -> None:
        """Create the pool of images of a shape, empty at first."""
        options = {"initializer": "zeros", "trainable": False}
        self.images = self.add_weight(shape=(self.size, *image_shape), name="images", **options)
        self.count = self.add_weight(shape=(), dtype="int64", name="count", **options)
        self.built = True

    def exchange(self, samples: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return as many samples, new or earlier ones, and keep some of the new ones.

        Args:
            samples: `[batch, ...]`, new ones.
            seed: int64 `[2]`, the same on all replicas.
        """
        if replicas() == 1:
            return self._exchanged(samples, seed)
        context = tf.distribute.get_replica_context()
        shown = self._exchanged(context.all_gather(samples, axis=0), seed)
        own = tf.shape(samples)[0]
        return tf.reshape(shown[replica() * own :][:own], tf.shape(samples))

    def _exchanged(self, samples: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        new = tf.cast(samples, self.images.dtype)
        numbers = tf.range(tf.shape(new)[0])
        # One more place, for those that are not kept: nobody reads it.
        places = tf.concat([tf.convert_to_tensor(self.images), tf.zeros_like(new[:1])], 0)
        count = tf.cast(tf.convert_to_tensor(self.count), tf.int32)
        fills = count + numbers < self.size
        places = tf.tensor_scatter_nd_update(
            places, tf.where(fills, count + numbers, self.size)[:, None], new
        )
        bits = random_bits([self.size + tf.shape(new)[0]], seed)
        # Integers, which XLA draws alike: the order of random keys, and the tosses of a coin.
        order = tf.argsort(tf.cast(bits[: self.size], tf.int64), stable=True)
        heads = bits[self.size :] // 2**31 == 1
        swaps = heads & ~fills & (numbers < self.size)
        chosen = tf.where(swaps, tf.gather(order, numbers % self.size), self.size)[:, None]
        shown = tf.where(
            tf.reshape(swaps, [-1, *[1] * (new.shape.rank - 1)]), tf.gather_nd(places, chosen), new
        )
        self.images.assign(tf.tensor_scatter_nd_update(places, chosen, new)[: self.size])
        full = tf.minimum(count + tf.shape(new)[0], self.size)
        self.count.assign(tf.cast(full, tf.int64))
        return tf.cast(shown, samples.dtype)
