"""Penalties at every n-th update of the discriminator."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.training.lazy_penalties import with_lazy_penalties

PENALTIES = ["one", "two"]


def descended(penalties, interval, ordinal):
    """What comes of an update, and what the graph computes it for."""
    asked = []

    def descent(chosen):
        asked.append(list(chosen))
        return [tf.constant(float(len(chosen))), *map(tf.constant, (1.0, 2.0)), None]

    weights = [tf.Variable([3.0, 4.0])]

    @tf.function(autograph=False)
    def update(ordinal):
        found = with_lazy_penalties(descent, penalties, interval, ordinal, weights)
        return [tf.zeros(()) if each is None else each for each in found]

    return [each.numpy() for each in update(tf.constant(ordinal, tf.int64))], asked


@pytest.mark.parametrize(("ordinal", "count"), [(0, 2.0), (1, 0.0), (2, 0.0), (3, 2.0)])
def test_every_third_update_has_them(ordinal, count):
    (loss, real, fake, gradient), asked = descended(PENALTIES, 3, ordinal)
    assert (loss, real, fake) == (count, 1.0, 2.0)
    np.testing.assert_array_equal(gradient, np.zeros(2))
    assert sorted(asked) == [[], PENALTIES], "a branch for each"


@pytest.mark.parametrize(("penalties", "interval"), [(PENALTIES, 1), ([], 3)])
def test_nothing_is_computed_twice_without_need(penalties, interval):
    (loss, *_), asked = descended(penalties, interval, 1)
    assert loss == len(penalties)
    assert asked == [penalties]
