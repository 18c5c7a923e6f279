"""The size of images, their pixels and their mean."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.data import mean_image
from kgan.data.images import check_pixels, target_size


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [(None, (8, 6)), (4, (4, 4)), ((4, 2), (4, 2)), (np.int64(4), (4, 4))],
)
def test_target_size(image_size, expected):
    assert target_size("d", (8, 6, 3), image_size) == expected


@pytest.mark.parametrize("image_size", [0, -4, 8.5, True, (4, 0), (4, 4, 3), (), "64"])
def test_target_size_refuses(image_size):
    with pytest.raises(ValueError, match=r"`image_size`: expected a positive integer, .* received"):
        target_size("d", (8, 6, 3), image_size)


def test_images_that_differ_need_a_size():
    with pytest.raises(ValueError, match="'pets' differ in size; pass `image_size`"):
        target_size("pets", (None, None, 3), None)


def test_mean_image_is_the_mean_of_every_row():
    rows = np.random.default_rng(0).normal(size=(12, 4, 3, 2)).astype(np.float32)
    mean = mean_image(tf.data.Dataset.from_tensor_slices(rows).batch(5))  # 5, 5 and 2 rows
    assert mean.dtype == np.float64
    np.testing.assert_allclose(mean, rows.astype(np.float64).mean(0), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("times", [None, 0])
def test_mean_image_refuses_endless_and_empty(times):
    endless = tf.data.Dataset.from_tensors(np.zeros([2, 1, 1, 1])).repeat(times)
    with pytest.raises(ValueError, match="`images`: expected a finite data set of at least one"):
        mean_image(endless)


@pytest.mark.parametrize(
    ("values", "said"), [((0, 1), "0 and 1"), ((0,), "all 0"), ((1,), "all 1")]
)
def test_pixels_of_0_and_1_are_refused(values, said):
    """As of `binarized_mnist`, which would be trained on as black."""
    pixels = np.resize(np.uint8(values), (3, 4, 4, 1))
    with pytest.raises(ValueError, match=rf"'binary' has uint8 images whose values are {said}; .*"):
        check_pixels("binary", pixels)


@pytest.mark.parametrize("values", [(0, 255), (0, 2), (1, 1, 1, 7)])
def test_dark_pixels_and_few_values_are_allowed(values):
    check_pixels("digits", np.resize(np.uint8(values), (3, 4, 4, 1)))
