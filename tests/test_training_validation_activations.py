"""The bounds of activations, beside the functions of Keras."""

import keras
import numpy as np
import pytest

from kgan.training.validation.activations import BOUNDS


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_what_the_function_comes_near_to(name):
    x = np.concatenate([-np.geomspace(1e-3, 80, 200)[::-1], np.geomspace(1e-3, 80, 200)])
    pairs = np.stack([x, np.zeros_like(x)], axis=1).astype(np.float32)  # softmax takes vectors
    values = keras.ops.convert_to_numpy(getattr(keras.activations, name)(pairs))
    for bound, end in zip(BOUNDS[name], (values.min(), values.max()), strict=True):
        if np.isfinite(bound):
            assert end == pytest.approx(bound, abs=0.02)
        else:
            assert abs(end) > 10
    assert BOUNDS[name][0] <= values.min() <= values.max() <= BOUNDS[name][1]
