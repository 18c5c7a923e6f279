"""The pool of earlier samples: nothing is lost, and the draws are fair."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.training.image_pool import ImagePool


def pool_of(size, shape=(1,)):
    pool = ImagePool(size)
    pool.build(shape)
    return pool


def ones(*values):
    return tf.constant(values, tf.float32)[:, None]


def test_a_pool_is_state_and_no_weights():
    pool = pool_of(5)
    assert [variable.name for variable in pool.variables] == ["images", "count"]
    assert not any(variable.trainable for variable in pool.variables)
    assert (pool.trainable, pool.built) == (False, True)


def test_a_pool_fills_and_gives_the_new_ones_back():
    pool = pool_of(5)
    np.testing.assert_array_equal(pool.exchange(ones(1, 2, 3), (0, 0))[:, 0], [1, 2, 3])
    assert int(pool.count) == 3
    np.testing.assert_array_equal(pool.images[:, 0], [1, 2, 3, 0, 0])
    shown = pool.exchange(ones(4, 5), (0, 1))
    np.testing.assert_array_equal(shown[:, 0], [4, 5])
    np.testing.assert_array_equal(pool.images[:, 0], [1, 2, 3, 4, 5])
    assert int(pool.count) == 5


def test_a_pool_draws_alike_under_xla():
    """Filling and full, of batches smaller and larger than the pool."""
    plain, compiled = pool_of(3), pool_of(3)
    exchange = tf.function(compiled.exchange, jit_compile=True)
    for step, batch in enumerate((2, 4, 4, 4)):
        samples = tf.range(4.0 * step, 4.0 * step + batch)[:, None]
        seed = tf.constant((7, step), tf.int64)
        np.testing.assert_array_equal(exchange(samples, seed), plain.exchange(samples, seed))
        np.testing.assert_array_equal(compiled.images, plain.images)


@pytest.mark.slow
def test_a_full_pool_exchanges_every_second_one():
    """Nothing is lost or doubled; the share and the places are those of fair draws."""
    pool, swapped, places = pool_of(8), 0, np.zeros(8)
    pool.exchange(ones(*range(8)), (0, 0))
    steps, m = 400, 3
    for step in range(1, steps):
        new = np.arange(m) + m * step + 100.0
        held = pool.images.numpy()[:, 0]
        shown = pool.exchange(ones(*new), (step, 0)).numpy()[:, 0]
        kept = pool.images.numpy()[:, 0]
        assert sorted([*held, *new]) == sorted([*kept, *shown])
        swapped += (shown != new).sum()
        places += held != kept
    n = m * (steps - 1)
    assert abs(swapped / n - 0.5) < 4 * 0.5 / np.sqrt(n)  # four standard deviations
    expected = swapped / 8
    assert np.abs(places - expected).max() < 4 * np.sqrt(expected)


def test_a_batch_larger_than_the_pool_is_shown_whole():
    pool = pool_of(2)
    shown = pool.exchange(ones(1, 2, 3, 4, 5), (3, 1)).numpy()[:, 0]
    # The first two fill the pool, and no later one may take a place: two of them are too many.
    np.testing.assert_array_equal(shown, [1, 2, 3, 4, 5])
    for seed in range(20):
        held = pool.images.numpy()[:, 0]
        new = np.arange(5) + 10.0 * (seed + 1)
        shown = pool.exchange(ones(*new), (seed, 0)).numpy()[:, 0]
        np.testing.assert_array_equal(shown[2:], new[2:])
        assert sorted([*held, *new]) == sorted([*pool.images.numpy()[:, 0], *shown])
