"""Resampling against its formulas, and its derivatives against finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
RESAMPLINGS = [layers.double_nearest, layers.double_bilinear, layers.halve]


def test_nearest():
    np.testing.assert_array_equal(
        layers.double_nearest(tf.constant(IMAGES)), IMAGES.repeat(2, axis=1).repeat(2, axis=2)
    )


@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (7, 7)], ids=str)
def test_bilinear_agrees_with_the_interpolation_of_tensorflow(shape):
    """`tf.image.resize` takes the centres of pixels, and repeats the border; in float32."""
    images = np.random.default_rng(1).normal(size=(2, *shape, 3)).astype(np.float32)
    expected = tf.image.resize(images, (2 * shape[0], 2 * shape[1]), "bilinear")
    np.testing.assert_allclose(layers.double_bilinear(images), expected, atol=1e-6)
    down = layers.halve(expected)
    np.testing.assert_allclose(down, tf.image.resize(expected, shape, "bilinear"), atol=1e-6)


def test_channels_are_last_whatever_keras_is_set_to():
    """Images of kgan are `[batch, height, width, channels]`; the setting is Keras's for layers."""
    before = keras.config.image_data_format()
    expected = layers.halve(tf.constant(IMAGES[:, :, :2]))
    keras.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(layers.halve(tf.constant(IMAGES[:, :, :2])), expected)
    finally:
        keras.config.set_image_data_format(before)


def test_a_straight_line_stays_one():
    """Away from the border: bilinear interpolation is exact on what is linear."""
    line = np.arange(6.0)[None, :, None, None] * np.ones((1, 6, 4, 1))
    doubled = layers.double_bilinear(tf.constant(line)).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(doubled[1:-1], np.arange(0.25, 5, 0.5))
    assert doubled[[0, -1]].tolist() == [0, 5]


def gradient_penalty(resampled, kernels, x):
    """Squared gradients of a small smooth network with a resampling in its middle."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tanh(resampled(tf.tanh(x @ kernels[0])) @ kernels[1])
    return tf.reduce_sum(tape.gradient(y, x) ** 2)


def error_of_second_derivatives(resampled):
    """Of the penalty's growth along its gradient, relative, in float64."""
    rng = np.random.default_rng(2)
    x = tf.constant(rng.normal(size=(2, 4, 4, 2)))
    kernels = [tf.constant(rng.normal(size=shape)) for shape in ((2, 3), (3, 1))]
    with tf.GradientTape() as tape:
        tape.watch(kernels)
        penalty = gradient_penalty(resampled, kernels, x)
    gradients = tape.gradient(penalty, kernels, unconnected_gradients="zero")
    worst = 0.0
    for i, gradient in enumerate(gradients):
        way, h = rng.normal(size=gradient.shape), 1e-5
        ends = []
        for sign in (1, -1):
            moved = [k + sign * h * way if j == i else k for j, k in enumerate(kernels)]
            ends.append(float(gradient_penalty(resampled, moved, x)))
        measured = (ends[0] - ends[1]) / (2 * h)
        worst = max(worst, abs(float(tf.reduce_sum(gradient * way)) / measured - 1))
    return worst


@pytest.mark.parametrize("resampled", RESAMPLINGS, ids=lambda f: f.__name__)
def test_second_derivatives(resampled):
    """Central differences are off by h^2 and 1e-16 / h: 1e-9 or so."""
    assert error_of_second_derivatives(resampled) < 1e-7


def test_keras_bilinear_layer_fails_the_same_test():
    layer = keras.layers.UpSampling2D(2, interpolation="bilinear", dtype="float64")
    assert error_of_second_derivatives(layer) > 0.5


def test_resize_convolution():
    layer = layers.ResizeConv2D(3, 3, padding="same")
    assert layer.compute_output_shape((None, 4, 3, 2)) == (None, 8, 6, 3)
    assert layer.compute_output_shape((5, None, 3, 2)) == (5, None, 6, 3)
    images = IMAGES.astype(np.float32)
    plain = keras.layers.Conv2D(3, 3, padding="same")
    layer.build(images.shape)
    plain.build((2, 8, 6, 2))
    plain.set_weights(layer.get_weights())
    expected = plain(images.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_array_equal(layer(images), expected)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is layers.ResizeConv2D
    assert again.get_config() == layer.get_config()


def test_an_even_image_stays_even():
    """No checkerboard: a transposed 3 x 3 convolution of stride 2 makes one of it."""
    even = np.ones((1, 6, 6, 1), np.float32)

    def unevenness(kind, **settings):
        layer = kind(1, 3, padding="same", use_bias=False, kernel_initializer="ones", **settings)
        return float(np.std(layer(even)[0, 3:-3, 3:-3]))

    assert unevenness(layers.ResizeConv2D) == 0
    assert unevenness(keras.layers.Conv2DTranspose, strides=2) > 0.5
