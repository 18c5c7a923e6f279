"""Images that TensorFlow has decoded, in another form."""

import numpy as np
import tensorflow as tf

from kgan.data.conversion import in_form
from kgan.data.form import Form


def _column_image(columns, height):
    return tf.tile(tf.constant(columns, tf.uint8)[None, :, None], [height, 1, 3])


def test_crops_the_centre_to_the_aspect_ratio():
    wide = _column_image([9, 9, 50, 60, 9, 9], height=2)
    tall = tf.transpose(wide, [1, 0, 2])
    np.testing.assert_array_equal(in_form(wide, Form((2, 2), None)), _column_image([50, 60], 2))
    np.testing.assert_array_equal(
        in_form(tall, Form((2, 2), None)), tf.transpose(_column_image([50, 60], 2), [1, 0, 2])
    )


def test_shrinks_with_antialiasing():
    # 8 pixels to 2 by hand: the triangle filter, 4 pixels to each side of the centres 2 and 6,
    # weighs 1 - |position - centre| / 4 and sums to 3.5 inside the image. The fourth pixel, at
    # 3.5, weighs 0.625 and 0.375. Without antialiasing it would weigh nothing.
    image = _column_image([0, 0, 0, 252, 0, 0, 0, 0], height=8)
    small = in_form(image, Form((2, 2), None))
    assert small.dtype == tf.uint8
    np.testing.assert_array_equal(small, _column_image([45, 27], height=2))


def test_rounds_to_the_nearest():
    # 4 pixels to 1: the triangle of half-width 4 about 2 weighs 0.625, 0.875, 0.875, 0.625 of 3,
    # so the value is 255 * 2.375 / 3 = 201.875.
    image = _column_image([0, 255, 255, 255], height=4)
    np.testing.assert_array_equal(
        in_form(image, Form((1, 1), None)), _column_image([202], height=1)
    )


def test_without_resizing_pixels_stay():
    wide = _column_image([9, 9, 50, 60, 9, 9], height=2)
    cropped = in_form(wide, Form((2, 4), 3))
    np.testing.assert_array_equal(cropped, wide[:, 1:5])
    padded = in_form(wide, Form((4, 6), 3, "pad"))
    np.testing.assert_array_equal(padded[1:3], wide)
    np.testing.assert_array_equal(padded[::3], np.full((2, 6, 3), 255))
