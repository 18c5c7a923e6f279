"""Seeded random latents from operations that are TFLite's own.

TFLite lacks TensorFlow's counter-based generators (`stateless_uniform` needs TensorFlow itself
beside the runtime, "Flex"), and its own random operations take no seed at run time. So the bits
come from a hash of (seed, position) in 32-bit integers. They are other numbers than a SavedModel
draws, and the same in every TFLite file of a generator, whatever its quantisation.
"""

from __future__ import annotations

import math

import tensorflow as tf

from kgan.priors import Normal, Prior, Uniform


def can_sample(prior: Prior) -> bool:
    """Whether `latents` knows the distribution."""
    return type(prior) in (Normal, Uniform)


def latents(prior: Prior, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Latent points of a `Normal` or `Uniform` prior, a pure function of count and seed.

    Args:
        prior: the distribution, for which `can_sample` holds.
        count: int32 `[]`, at least 1.
        seed: int32 `[2]`.

    Returns:
        float32 `[count, dim]`; a smaller count is the beginning of a larger one.
    """
    if isinstance(prior, Uniform):
        u = _uniform(count * prior.dim, seed)
        z = prior.low + (prior.high - prior.low) * u
    else:  # Box and Muller (1958); every coordinate takes the cosine of a pair of its own
        u = tf.reshape(_uniform(2 * count * prior.dim, seed), [-1, 2])
        z = tf.sqrt(-2.0 * tf.math.log(u[:, 0])) * tf.cos(2.0 * math.pi * u[:, 1])
    return tf.reshape(z, [-1, prior.dim])


def _uniform(count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Float32 `[count]` between 0 and 1, odd multiples of 2^-24."""
    key = _mixed(tf.bitcast(seed, tf.uint32) + tf.constant([1, 2], tf.uint32))
    key = key[0] * 5 + key[1]  # not the same for the pair turned round
    position = tf.bitcast(tf.range(count), tf.uint32)
    bits = tf.bitwise.right_shift(_mixed(_mixed(position) + key), 9)
    return (tf.cast(tf.bitcast(bits, tf.int32), tf.float32) + 0.5) * 2.0**-23


def _mixed(x: tf.Tensor) -> tf.Tensor:
    """An invertible hash of uint32, found by Wellons ("Prospecting for hash functions", 2018)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, shift)) * factor
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, 16))
