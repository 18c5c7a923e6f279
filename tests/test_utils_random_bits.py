"""Random bits and floats: uniform, of the seed alone, the same in every mode."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.utils.random_bits import random_bits, random_floats

MANY = 20_000
SEED = (3, 5)


def test_each_of_the_32_bits_is_random():
    bits = random_bits([MANY], SEED).numpy()
    assert bits.dtype == np.uint32
    columns = (bits[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    # Four deviations of a mean, and of a correlation, of fair and independent bits.
    assert abs(columns.mean(0) - 0.5).max() < 4 * 0.5 / MANY**0.5
    others = np.corrcoef(columns.T) - np.eye(32)
    assert abs(others).max() < 5 / MANY**0.5


def test_floats_are_the_upper_24_bits():
    floats, bits = random_floats([MANY], SEED), random_bits([MANY], SEED).numpy()
    assert floats.dtype == tf.float32
    np.testing.assert_array_equal(floats * 2.0**24, bits >> 8)
    np.testing.assert_array_equal(random_floats([MANY], SEED, tf.float64), floats)


def test_floats_are_uniform_in_0_to_1(monkeypatch):
    floats = random_floats([MANY], SEED).numpy()
    assert floats.min() >= 0
    assert floats.max() < 1
    # The largest distance of two distribution functions: above 1.95 / sqrt(n) once in a thousand.
    apart = abs(np.sort(floats) - (np.arange(MANY) + 0.5) / MANY).max()
    assert apart < 1.95 / MANY**0.5
    largest = tf.constant([0, 2**32 - 1], tf.uint32)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_, **__: largest)
    assert random_floats([2], SEED).numpy().tolist() == [0.0, 1 - 2.0**-24]


@pytest.mark.parametrize("draw", [random_bits, random_floats])
def test_the_seed_alone_decides_in_every_mode(draw):
    seed = tf.constant(SEED, tf.int64)
    eager = draw([4, 3], seed).numpy()
    assert eager.shape == (4, 3)
    rows = tf.constant(4)
    for options in ({}, {"jit_compile": True}):
        compiled = tf.function(lambda seed: draw([4, 3], seed), autograph=False, **options)
        np.testing.assert_array_equal(compiled(seed), eager)
    np.testing.assert_array_equal(draw([rows, 3], seed), eager)
    for other in ((3, 6), (4, 5)):
        assert (draw([4, 3], other).numpy() != eager).mean() > 0.9
