"""Seeded random latents, built of TFLite operations alone.

TFLite lacks TensorFlow's counter-based generators: `stateless_uniform` needs TensorFlow beside the
runtime ("Flex"). TFLite's own random operations take no seed at run time. The bits here come from a
hash of (seed, position) in 32-bit integers. A SavedModel draws other numbers; all TFLite files of a
generator draw the same ones, whatever their quantization.
"""

from __future__ import annotations

import math

import tensorflow as tf

from kgan.priors import Codes, Normal, Prior, Uniform

_CODES = 0x2545F491  # the codes' seeds are the noise's with other bits


def can_sample(prior: Prior) -> bool:
    """Return whether `latents` supports the distribution."""
    return type(prior.noise if isinstance(prior, Codes) else prior) in (Normal, Uniform)


def latents(prior: Prior, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw latent points of a prior, a pure function of count and seed.

    Args:
        prior: the distribution, for which `can_sample` holds.
        count: int32 `[]`, at least 1.
        seed: int32 `[2]`.

    Returns:
        float32 `[count, dim]`; a smaller count gives the first points of a larger one.
    """
    if isinstance(prior, Codes):
        return tf.concat([latents(prior.noise, count, seed), _codes(prior, count, seed)], axis=1)
    if isinstance(prior, Uniform):
        u = _uniform(count * prior.dim, seed)
        z = prior.low + (prior.high - prior.low) * u
    else:  # Box and Muller (1958): each coordinate is the cosine of a pair of its own
        u = tf.reshape(_uniform(2 * count * prior.dim, seed), [-1, 2])
        z = tf.sqrt(-2.0 * tf.math.log(u[:, 0])) * tf.cos(2.0 * math.pi * u[:, 1])
    return tf.reshape(z, [-1, prior.dim])


def _codes(prior: Codes, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return float32 `[count, code_dim]`, by other bits than those of the noise."""
    other = tf.bitwise.bitwise_xor(seed, tf.constant([_CODES, 0]))
    u = tf.reshape(_uniform(count * len(prior.sizes), other), [-1, len(prior.sizes)])
    parts = []
    for i, values in enumerate(prior.categorical):
        # By comparisons: ONE_HOT is no exact operation in int8. The product may round up.
        chosen = tf.minimum(tf.floor(u[:, i : i + 1] * values), values - 1.0)
        parts.append(tf.cast(tf.equal(chosen, tf.range(values, dtype=tf.float32)), tf.float32))
    return tf.concat([*parts, 2.0 * u[:, len(prior.categorical) :] - 1.0], axis=1)


def _uniform(count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return float32 `[count]` between 0 and 1, odd multiples of 2^-24."""
    key = _hash(tf.bitcast(seed, tf.uint32) + tf.constant([1, 2], tf.uint32))
    key = key[0] * 5 + key[1]  # other than for the reversed pair
    position = tf.bitcast(tf.range(count), tf.uint32)
    bits = tf.bitwise.right_shift(_hash(_hash(position) + key), 9)
    return (tf.cast(tf.bitcast(bits, tf.int32), tf.float32) + 0.5) * 2.0**-23


def _hash(x: tf.Tensor) -> tf.Tensor:
    """Return an invertible hash of uint32 (Wellons, "Prospecting for hash functions", 2018)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, shift)) * factor
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, 16))
