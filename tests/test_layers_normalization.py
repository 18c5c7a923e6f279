"""Batch and group normalization: Keras's values, and second derivatives that Keras's have not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers

POINTS = np.random.default_rng(0).normal(2, 3, size=(8, 5, 4, 3))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "float64"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"center": False, "scale": False, "momentum": 0.5},
        {"axis": 1, "epsilon": 0.1},
    ],
    ids=str,
)
def test_values_are_those_of_keras(policy, settings):
    ours = layers.BatchNormalization(**settings, dtype=policy)
    theirs = keras.layers.BatchNormalization(**settings, dtype=policy)
    for layer in (ours, theirs):
        layer.build(POINTS.shape)
        if not settings:
            layer.gamma.assign([1.0, 2.0, 3.0])
            layer.beta.assign([-1.0, 0.0, 1.0])
    for training in (True, True, False):
        made, expected = (layer(POINTS, training=training) for layer in (ours, theirs))
        assert made.dtype == expected.dtype
        # A rounding of values up to 10 in 11 bits, or of sums of 160 in float32.
        error = 2.0**-8 if policy == "mixed_float16" else 2e-6
        np.testing.assert_allclose(
            tf.cast(made, tf.float64), tf.cast(expected, tf.float64), atol=error
        )
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def error_of_penalty_gradient(layer):
    """Of the gradient of squared gradients in a kernel before the layer, along one way; relative.

    What is before the layer bends, or the part that is lost would cancel over the batch.
    """
    layer.build((None, 4))
    rng = np.random.default_rng(1)
    x, kernel = tf.constant(rng.normal(size=(6, 3))), tf.constant(rng.normal(size=(3, 4)))
    training = {"training": True} if isinstance(layer, keras.layers.BatchNormalization) else {}
    weights, way, h = rng.normal(size=(4,)), rng.normal(size=(3, 4)), 1e-6

    def penalty(kernel):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.tanh(layer(tf.tanh(x @ kernel), **training)) * weights)
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(kernel)
        value = penalty(kernel)
    made = float(tf.reduce_sum(tape.gradient(value, kernel) * way))
    measured = float(penalty(kernel + h * way) - penalty(kernel - h * way)) / (2 * h)
    return abs(made / measured - 1)


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(dtype="float64"),
        layers.GroupNormalization(1, dtype="float64"),
        layers.GroupNormalization(2, dtype="float64"),
    ],
)
def test_second_derivatives(layer):
    """Central differences are off by h^2 and 1e-16 / h."""
    assert error_of_penalty_gradient(layer) < 1e-7


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.BatchNormalization(dtype="float64"),
        keras.layers.GroupNormalization(1, dtype="float64"),
        keras.layers.LayerNormalization(dtype="float64"),
    ],
)
def test_the_layer_of_keras_fails_the_same_test(layer):
    assert error_of_penalty_gradient(layer) > 1e-3


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "float64"])
@pytest.mark.parametrize("settings", [{"groups": -1}, {"groups": 3, "center": False}], ids=str)
def test_values_of_groups_are_those_of_keras(policy, settings):
    points = np.random.default_rng(0).normal(2, 3, size=(4, 5, 4, 6))
    ours = layers.GroupNormalization(**settings, dtype=policy)
    theirs = keras.layers.GroupNormalization(**settings, dtype=policy)
    for layer in (ours, theirs):
        layer.build(points.shape)
        layer.gamma.assign(np.arange(6) + 1.0)
    made, expected = ours(points), theirs(points)
    assert made.dtype == expected.dtype
    # Values up to 18, in 11 bits or float32.
    error = 2.0**-6 if policy == "mixed_float16" else 1e-5
    np.testing.assert_allclose(tf.cast(made, tf.float64), tf.cast(expected, tf.float64), atol=error)


def test_groups_come_last():
    with pytest.raises(ValueError, match=r"`axis`: expected -1, received 1\. Put the channels"):
        layers.GroupNormalization(axis=1)


def test_a_frozen_layer_is_as_in_inference():
    layer = layers.BatchNormalization(trainable=False)
    layer.build(POINTS.shape)
    np.testing.assert_array_equal(layer(POINTS, training=True), layer(POINTS))
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(3))


def test_renormalisation_is_refused():
    with pytest.raises(ValueError, match=r"`renorm`: expected False, received True\. Use `keras"):
        layers.BatchNormalization(renorm=True)


def test_config_round_trip():
    layer = layers.BatchNormalization(momentum=0.5, epsilon=1e-4, center=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is layers.BatchNormalization
    assert again.get_config() == layer.get_config()
