"""Weight normalization against its formula, and its start on data."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.layers import WeightNormalizedDense

RNG = np.random.default_rng(0)
X = (2 + 3 * RNG.normal(size=(200, 6))).astype("float32")


def layer(**options):
    made = WeightNormalizedDense(4, "relu", **options)
    made.build((None, 6))
    return made


def test_output_is_that_of_weights_of_the_norms_scale():
    """Salimans and Kingma 2016, eq. 2."""
    made = layer()
    kernel, scale, bias = RNG.normal(size=(6, 4)), RNG.normal(size=4), RNG.normal(size=4)
    for variable, value in zip(
        (made.kernel, made.scale, made.bias), (kernel, scale, bias), strict=True
    ):
        variable.assign(value)
    weights = scale * kernel / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), np.abs(scale))
    np.testing.assert_allclose(made(X), np.maximum(X @ weights + bias, 0), rtol=1e-5, atol=1e-5)


def test_the_gradient_turns_the_kernel_and_does_not_lengthen_it():
    made = layer()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(made(X) ** 2)
    gradient = tape.gradient(loss, made.kernel.value).numpy()
    along = (gradient * made.kernel.numpy()).sum(0)
    assert np.abs(along).max() < 1e-5 * np.abs(gradient).max()
    # Twice the kernel computes the same and has half the gradient.
    made.kernel.assign(2 * made.kernel)
    with tf.GradientTape() as tape:
        again = tf.reduce_sum(made(X) ** 2)
    assert float(again) == pytest.approx(float(loss), rel=1e-5)
    half = tape.gradient(again, made.kernel.value).numpy()
    np.testing.assert_allclose(half, gradient / 2, rtol=1e-3, atol=1e-4 * np.abs(gradient).max())


def test_scales_are_trained_or_stay():
    assert [weight.name for weight in layer().trainable_weights] == ["kernel", "scale", "bias"]
    fixed = layer(trainable_scale=False)
    assert [weight.name for weight in fixed.trainable_weights] == ["kernel", "bias"]
    np.testing.assert_array_equal(fixed.scale, 1)


def test_units_start_with_mean_0_and_variance_1():
    """Whatever scale and bias were before (eq. 6)."""
    made = WeightNormalizedDense(4)
    made.build((None, 6))
    assert made.compute_output_shape((None, 6)) == (None, 4)
    assert made.compute_output_shape((3, 5, 6)) == (3, 5, 4)
    made.scale.assign([0.1, 1.0, 10.0, -3.0])
    made.bias.assign([1.0, 0.0, -5.0, 2.0])
    assert np.abs(made(X).numpy().mean(0)).max() > 0.5
    made.start_at(X)
    outputs = made(X).numpy()
    np.testing.assert_allclose(outputs.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(0), 1, rtol=1e-5)
    before = [weight.numpy() for weight in made.weights]
    made.start_at(np.ones((5, 6), "float32"))  # where nothing varies
    for one, other in zip(before, made.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_varies_by_less_than_a_millionth_is_constant():
    made = WeightNormalizedDense(4)
    made.build((None, 1))
    made.scale.assign([1.0, 1.0, 0.1, 1.0])
    x = np.array([[-1.5e-6], [1.5e-6]], "float32")  # 1.5e-7 where the scale is 0.1
    made.start_at(x)
    np.testing.assert_allclose(made(x).numpy().std(0)[[0, 1, 3]], 1, rtol=1e-5)
    assert made.scale[2] == 0.1


def test_in_half_precision_weights_are_rounded_once():
    made = WeightNormalizedDense(40, dtype="mixed_bfloat16")
    made.build((None, 6))
    made.scale.assign(RNG.normal(size=40))
    kernel, scale = made.kernel.numpy(), made.scale.numpy()
    weights = tf.constant(kernel * (scale / np.linalg.norm(kernel, axis=0)))
    rounded = tf.cast(tf.cast(weights, tf.bfloat16), tf.float32)
    np.testing.assert_array_equal(tf.cast(made(np.eye(6, dtype="float32")), tf.float32), rounded)


def test_configuration_and_half_precision():
    made = layer(kernel_initializer="he_normal", trainable_scale=False, dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == made.get_config()
    outputs = made(X)
    assert outputs.dtype == tf.bfloat16
    assert {weight.dtype for weight in made.weights} == {"float32"}
    exact = layer(trainable_scale=False)
    exact.set_weights(made.get_weights())
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), exact(X), rtol=0.03, atol=0.1)
