"""Arrays that `tf.data` reads without a copy."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.data.table import as_tensor, empty


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
def test_an_array_of_empty_shares_its_memory(dtype):
    array = empty((3, 5), dtype)
    array[:] = np.arange(15).reshape(3, 5)
    tensor = as_tensor(array)
    assert tensor.dtype == dtype
    assert "CPU" in tensor.device
    array[1, 2] = 77
    assert tensor.numpy()[1, 2] == 77


def test_others_are_copied():
    aligned = empty((4, 6), "float32")
    aligned[:] = np.arange(24).reshape(4, 6)
    for array in (aligned[:, ::2], aligned[1:, 1:], aligned.ravel()[1:], aligned[:0]):
        tensor = as_tensor(array)
        before = array.copy()
        aligned += 1
        np.testing.assert_array_equal(tf.convert_to_tensor(tensor), before)
