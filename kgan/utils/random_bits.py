"""Stateless random numbers that are the same in eager, compiled and XLA programs.

TensorFlow's own float draws are not the same in every mode, even from Philox: XLA turns the same
bits into other floats. So kgan draws integers and turns them into floats itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

__all__ = ["random_bits", "random_floats"]


def random_bits(shape: Sequence[int | tf.Tensor], seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
    """Return uniform uint32 numbers of `shape`, all 32 bits random.

    Args:
        shape: integers, or scalar integer tensors.
        seed: two integers `[2]`.
    """
    return tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )


def random_floats(
    shape: Sequence[int | tf.Tensor],
    seed: Sequence[int] | tf.Tensor,
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Return floats of `shape`, uniform in [0, 1), with 24 random bits each.

    Args:
        shape: integers, or scalar integer tensors.
        seed: two integers `[2]`.
        dtype: float32 or wider.
    """
    # float32 holds 24 bits: with more, the largest draws would round to 1.
    integers = tf.cast(random_bits(shape, seed) // 2**8, tf.int32)
    return tf.cast(integers, dtype) / 2**24
