"""Sizing images, their pixels and their mean."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.data import mean_image
from kgan.data.images import check_pixels, crop_and_resize, target_size


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


def _column_image(columns, height):
    return tf.tile(tf.constant(columns, tf.uint8)[None, :, None], [height, 1, 3])


def test_crops_the_centre_to_the_aspect_ratio():
    wide = _column_image([9, 9, 50, 60, 9, 9], height=2)
    tall = tf.transpose(wide, [1, 0, 2])
    np.testing.assert_array_equal(crop_and_resize(wide, (2, 2)), _column_image([50, 60], 2))
    np.testing.assert_array_equal(
        crop_and_resize(tall, (2, 2)), tf.transpose(_column_image([50, 60], 2), [1, 0, 2])
    )


def test_shrinks_with_antialiasing():
    # 8 pixels to 2 by hand: the triangle filter, 4 pixels to each side of the centres 2 and 6,
    # weighs 1 - |position - centre| / 4 and sums to 3.5 inside the image. The fourth pixel, at
    # 3.5, weighs 0.625 and 0.375. Without antialiasing it would weigh nothing.
    image = _column_image([0, 0, 0, 252, 0, 0, 0, 0], height=8)
    small = crop_and_resize(image, (2, 2))
    assert small.dtype == tf.uint8
    np.testing.assert_array_equal(small, _column_image([45, 27], height=2))


def test_rounds_to_the_nearest():
    # 4 pixels to 1: the triangle of half-width 4 about 2 weighs 0.625, 0.875, 0.875, 0.625 of 3,
    # so the value is 255 * 2.375 / 3 = 201.875.
    image = _column_image([0, 255, 255, 255], height=4)
    np.testing.assert_array_equal(crop_and_resize(image, (1, 1)), _column_image([202], height=1))


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
