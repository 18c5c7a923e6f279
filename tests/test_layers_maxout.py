"""Maxout against its formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers


@pytest.fixture
def maxout():
    """A layer of known weights, and these as `W[input, piece, unit]` and `b[piece, unit]`."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(6, 4, 3)), rng.normal(size=(4, 3))
    layer = layers.Maxout(units=3, pieces=4)
    layer.build((None, 6))
    layer.set_weights([kernel.reshape(6, 12), bias.reshape(12)])
    return layer, kernel, bias


INPUTS = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)


def affine(x, kernel, bias):
    """`x^T W[:, j, i] + b[j, i]`, as `[batch, piece, unit]`."""
    return np.einsum("bk,kji->bji", x.astype(np.float64), kernel) + bias


def test_output_is_the_largest_affine_map(maxout):
    """Goodfellow et al. 2013, section 2. Six float32 products of order one: 1e-6 a sum."""
    layer, kernel, bias = maxout
    outputs = layer(INPUTS)
    assert outputs.shape == (50, 3)
    assert outputs.dtype == tf.float32
    np.testing.assert_allclose(outputs, affine(INPUTS, kernel, bias).max(axis=1), atol=4e-6)


def test_gradient_goes_to_the_winner_only(maxout):
    layer, kernel, bias = maxout
    x = tf.constant(INPUTS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
    to_kernel, to_bias, to_x = tape.gradient(outputs, [*layer.trainable_variables, x])
    winner = affine(INPUTS, kernel, bias).argmax(axis=1)  # [batch, unit]
    won = np.eye(4)[winner].transpose(0, 2, 1)  # [batch, piece, unit], 1 where the piece won
    winners = (won.sum(axis=0) > 0).sum(axis=0)
    assert winners.min() > 1  # no unit has one winner for all examples, or this would show little
    # Sums of up to 50 float32 numbers of order one.
    np.testing.assert_allclose(to_bias, won.sum(axis=0).reshape(12), atol=1e-5)
    np.testing.assert_allclose(
        to_kernel, np.einsum("bk,bji->kji", INPUTS, won).reshape(6, 12), atol=1e-5
    )
    np.testing.assert_allclose(to_x, np.einsum("bji,kji->bk", won, kernel), atol=1e-5)


def test_one_piece_is_a_dense_layer():
    layer, dense = layers.Maxout(units=3, pieces=1), keras.layers.Dense(3)
    layer.build((None, 6))
    dense.build((None, 6))
    dense.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(INPUTS), dense(INPUTS))


def test_two_opposite_pieces_are_the_absolute_value():
    """max(x, -x) = |x|: a unit that no ReLU is."""
    layer = layers.Maxout(units=1, pieces=2)
    layer.build((None, 1))
    layer.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    x = np.array([[-2.0], [0.5]], np.float32)
    np.testing.assert_array_equal(layer(x), np.abs(x))


def test_config_round_trip():
    layer = layers.Maxout(
        3,
        4,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=5),
        bias_initializer="ones",
        dtype="mixed_bfloat16",
        name="wide",
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is layers.Maxout
    assert again.get_config() == layer.get_config()
    assert (again.units, again.pieces, again.name) == (3, 4, "wide")
    for made in (layer, again):
        made.build((None, 6))
    for ours, theirs in zip(layer.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(again.get_weights()[1], np.ones(12))
    assert again.get_weights()[0].std() == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(2 * 72))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_computes_low_and_keeps_weights_high(maxout, dtype):
    reference, kernel, bias = maxout
    layer = layers.Maxout(3, 4, dtype=f"mixed_{dtype}")
    outputs = layer(INPUTS)
    assert outputs.dtype == dtype
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    layer.set_weights(reference.get_weights())
    # Inputs and weights are rounded to 8 or 11 bits; seven terms of order one add their errors.
    np.testing.assert_allclose(
        tf.cast(layer(INPUTS), tf.float32),
        affine(INPUTS, kernel, bias).max(axis=1),
        atol=7 * 4 * (2.0**-8 if dtype == "bfloat16" else 2.0**-11),
    )


def test_shape_is_known_before_the_call():
    assert layers.Maxout(3, 4).compute_output_shape((None, 6)) == (None, 3)
    symbolic = layers.Maxout(3, 4)(keras.Input((6,)))
    assert symbolic.shape == (None, 3)


@pytest.mark.parametrize("given", [0, -1, 2.5, "4", None])
@pytest.mark.parametrize("name", ["units", "pieces"])
def test_bad_sizes(name, given):
    sizes = {"units": 3, "pieces": 4, name: given}
    with pytest.raises(
        ValueError, match=rf"`{name}`: expected a positive integer, received {given!r}\."
    ):
        layers.Maxout(**sizes)
