"""How a batch becomes k minibatches."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.training.minibatches import split


@pytest.mark.parametrize(("k", "packing"), [(1, 2), (2, 1), (2, 3)])
def test_a_batch_of_unknown_size_is_checked_as_the_step_runs(k, packing):
    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def images_of(data):
        return [minibatch.images for minibatch in split(data, k, packing, None)]

    rows = k * packing
    found = images_of(tf.reshape(tf.range(2.0 * rows), [rows, 2]))
    assert len(found) == k
    np.testing.assert_array_equal(np.sort(np.concatenate(found), axis=None), np.arange(2 * rows))
    with pytest.raises(tf.errors.InvalidArgumentError, match="batch"):
        images_of(tf.zeros([rows + 1, 2]))


def test_integers_and_weights_are_refused():
    """`fit` looks at data before; a custom loop comes here first."""
    with pytest.raises(ValueError, match=r"`x`: expected floating point images .* uint8\. Scale"):
        split(tf.zeros([2, 2], tf.uint8), 1, 1, None)
    with pytest.raises(ValueError, match=r"`sample_weight`: expected None"):
        split((tf.zeros([2, 2]), None, tf.ones([2])), 1, 1, None)


def test_half_precision_becomes_float32():
    (only,) = split(tf.ones([2, 2], tf.float16), 1, 1, None)
    assert only.images.dtype == tf.float32
