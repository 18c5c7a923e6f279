"""Digests of data, weights and files: what counts and what does not."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from kgan.utils.digests import digest


def test_parts_are_digested_one_after_the_other():
    whole = hashlib.sha256(b"gan\xc3\xa9\x01").hexdigest()
    assert digest(["gan\u00e9", b"\x01"]) == whole[:16]
    assert digest(iter([b"g", "an\u00e9\x01"]), length=64) == whole
    assert digest([], length=3) == hashlib.sha256().hexdigest()[:3]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, tf.bfloat16.as_numpy_dtype])
def test_arrays_count_by_their_bytes_in_c_order(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    expected = hashlib.sha256(array.tobytes()).hexdigest()[:16]
    assert digest([array]) == digest([array.reshape(3, 2)]) == expected
    assert digest([np.asfortranarray(array)]) == expected
    assert digest([array.T]) == hashlib.sha256(array.T.tobytes()).hexdigest()[:16] != expected
    assert digest([array[:, ::2]]) == hashlib.sha256(array[:, ::2].tobytes()).hexdigest()[:16]


def test_a_number_is_an_array_too():
    assert digest([np.array(7, np.int64)]) == digest([np.int64(7).tobytes()])
