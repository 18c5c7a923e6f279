"""Fully connected networks against their formulas, their dropout and their initial state."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.layers import WeightNormalizedDense
from kgan.networks import MLPDiscriminator, MLPGenerator
from kgan.networks.base import fresh_initializer


def inputs(batch, *shape):
    return np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)


def dense(x, layer):
    kernel, bias = (np.asarray(w, np.float64) for w in layer.get_weights())
    return x @ kernel + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
}


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (-3.0, 7.0), None])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_mlp_generator_formula(activation, value_range):
    network = MLPGenerator((2, 3, 1), 4, (8, 5), activation, value_range)
    network.build((None, 4))
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = inputs(20, 4)
    h = x.astype(np.float64)
    for layer in network.hidden:
        h = ACTIVATIONS[activation](dense(h, layer))
    h = dense(h, network.output_layer).reshape(20, 2, 3, 1)
    if value_range is not None:
        h = value_range[0] + (value_range[1] - value_range[0]) * sigmoid(h)
    # Twenty float32 products and sums of order one to ten.
    np.testing.assert_allclose(network(x), h, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_mlp_discriminator_formula(activation):
    network = MLPDiscriminator((2, 3, 1), (8, 5), activation)
    network.build((None, 2, 3, 1))
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = inputs(20, 2, 3, 1)
    h = x.astype(np.float64).reshape(20, 6)
    for layer in network.hidden:
        h = ACTIVATIONS[activation](dense(h, layer))
    np.testing.assert_allclose(network(x), dense(h, network.output_layer), rtol=1e-5, atol=1e-5)


def test_mlp_discriminator_with_maxout_formula():
    network = MLPDiscriminator((2, 3, 1), (8, 5), maxout_pieces=3)
    network.build((None, 2, 3, 1))
    network.set_weights([w + 0.1 for w in network.get_weights()])
    x = inputs(20, 2, 3, 1)
    h = x.astype(np.float64).reshape(20, 6)
    for layer in network.hidden:
        h = dense(h, layer).reshape(20, 3, layer.units).max(axis=1)
    np.testing.assert_allclose(network(x), dense(h, network.output_layer), rtol=1e-5, atol=1e-5)


# Dropout


@pytest.mark.parametrize(
    ("rates", "units"),
    [((0.2, 0.0), ()), ((0.0, 0.5), (1,)), ((0.2, 0.5), (1,)), ((0.0, 0.5), (1, 1))],
    ids=["input", "hidden", "both", "two-hidden"],
)
def test_dropout_zeroes_its_share_in_training_and_keeps_the_mean(rates, units):
    """One unit a layer and weights of one: the logit is 0 where any unit fell out.

    What is kept is divided by the chance to be kept, so that its mean stays.
    """
    n = 20_000
    network = MLPDiscriminator(
        (1,),
        units,
        activation="relu",
        input_dropout=rates[0],
        hidden_dropout=rates[1],
        kernel_initializer=keras.initializers.Ones(),
    )
    ones = np.ones((n, 1), np.float32)
    np.testing.assert_array_equal(network(ones, training=False), ones)
    np.testing.assert_array_equal(network(ones), ones)
    logits = network(ones, training=True).numpy()
    kept = (1 - rates[0]) * (1 - rates[1]) ** len(units)
    np.testing.assert_allclose(np.unique(logits), [0, 1 / kept], rtol=1e-6)
    # Five standard errors of a share.
    assert abs((logits > 0).mean() - kept) < 5 * math.sqrt(kept * (1 - kept) / n)
    assert (network(ones, training=True).numpy() != logits).any()  # a new mask each time


def test_no_dropout_by_default():
    network = MLPDiscriminator((5,), (4,))
    x = np.ones((9, 5), np.float32)
    np.testing.assert_array_equal(network(x, training=True), network(x, training=False))


# Starting at the mean


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), None], ids=str)
def test_generator_starts_at_the_mean(value_range):
    """With no signal from below, the image is the mean: sigmoid of its own logit."""
    network = MLPGenerator((3, 2, 1), 4, (5,), value_range=value_range)
    low, high = value_range or (-40.0, 40.0)
    mean = low + (high - low) * np.random.default_rng(0).uniform(0.001, 0.999, (3, 2, 1))
    network.start_at_mean(mean)  # builds the network
    images = network(np.zeros((2, 4), np.float32))
    # The bias is a float32 of at most 7, good to 4e-7 in the logit, of which a quarter arrives.
    np.testing.assert_allclose(images, [mean, mean], rtol=1e-6, atol=5e-7 * (high - low))
    # Kernels are left as they were.
    assert np.asarray(network(np.ones((2, 4), np.float32)) != images).any()


def test_means_at_the_ends_are_kept_off_them():
    """Always black would need a bias of minus infinity: 1e-4 of the range is left."""
    network = MLPGenerator((3,), 4, (), value_range=(-1.0, 1.0))
    network.start_at_mean([-1.0, 0.0, 1.0])
    logit = math.log(1e-4 / (1 - 1e-4))  # -9.2102
    np.testing.assert_allclose(
        network.output_layer.bias, [logit, 0.0, -logit], rtol=1e-6, atol=1e-9
    )
    images = network(np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(images, [[-0.9998, 0.0, 0.9998]], atol=1e-6)
    # Means of float32 images may pass an end by a rounding.
    network.start_at_mean(np.array([-1 - 1e-7, 0.0, 1 + 1e-7], np.float32))
    np.testing.assert_allclose(
        network.output_layer.bias, [logit, 0.0, -logit], rtol=1e-6, atol=1e-9
    )


def test_bad_means():
    network = MLPGenerator((3,), 4, (), value_range=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"`mean`: expected shape \(3,\), received \(4,\)"):
        network.start_at_mean(np.zeros(4))
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(
            ValueError, match=r"`mean`: expected values in \(0\.0, 1\.0\), received .+ to"
        ):
            network.start_at_mean([0.5, bad, 0.5])


# Beginnings


def equal_pairs(network):
    """Pairs of drawn weights of one shape that are equal."""
    drawn = [w for w in network.get_weights() if w.std() > 0]
    return [
        (a, b) for a, b in itertools.combinations(drawn, 2) if a.shape == b.shape and (a == b).all()
    ]


WIDE = [
    (MLPGenerator, {"latent_dim": 8, "units": (8, 8)}),
    (MLPDiscriminator, {"units": (8, 8, 8)}),
    (MLPDiscriminator, {"units": (8, 8), "maxout_pieces": 2}),
]


def built(cls, options, **more):
    network = cls((8,), **options, **more)
    network.build((None, 8))
    return network


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "options"), WIDE)
def test_layers_of_one_shape_do_not_start_alike(cls, options):
    assert not equal_pairs(built(cls, options))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cls((8,), **options))
    )
    again.build((None, 8))
    assert not equal_pairs(again)


@pytest.mark.parametrize(("cls", "options"), WIDE)
def test_one_initializer_for_all_layers_is_made_fresh_for_each(cls, options, monkeypatch):
    """Keras's initializers draw the same numbers each time they are asked."""
    assert not equal_pairs(built(cls, options, kernel_initializer=keras.initializers.HeNormal()))
    monkeypatch.setattr(f"{cls.__module__}.fresh_initializer", keras.initializers.get)
    assert equal_pairs(built(cls, options, kernel_initializer=keras.initializers.HeNormal()))


def test_a_plain_function_may_be_an_initializer():
    def third(shape, dtype=None):
        return tf.fill(shape, 1 / 3)

    assert fresh_initializer(third) is third
    network = MLPDiscriminator((2,), units=(2,), kernel_initializer=third)
    network.build((None, 2))
    np.testing.assert_array_equal(network.output_layer.kernel, np.full((2, 1), np.float32(1 / 3)))


# Noise, normalization, classes


def test_mlp_generator_with_batch_normalization_formula():
    """Means and variances of the batch in training, softplus after them."""
    network = MLPGenerator((2, 3, 1), 4, (8, 5), "softplus", None, batch_normalization=True)
    network.build((None, 4))
    x = inputs(20, 4)
    h = x.astype(np.float64)
    for layer in network.hidden:
        assert not layer.use_bias
        h = h @ np.asarray(layer.kernel, np.float64)
        h = np.logaddexp(0, (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5))
    expected = dense(h, network.output_layer).reshape(20, 2, 3, 1)
    np.testing.assert_allclose(network(x, training=True), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(network(x) - expected).max() > 1e-2  # the statistics have begun to move


def test_the_last_layer_of_a_generator_may_be_weight_normalized():
    """The other layers have kernels as they are, and images start at the mean all the same."""
    network = MLPGenerator((2, 3, 1), 4, (8,), output_weight_normalization=True)
    network.build((None, 4))
    assert isinstance(network.hidden[0], keras.layers.Dense)
    output = network.output_layer
    assert isinstance(output, WeightNormalizedDense)
    assert output.scale.trainable
    output.scale.assign(np.zeros(6))
    mean = np.linspace(-0.9, 0.9, 6).reshape(2, 3, 1)
    network.start_at_mean(mean)
    np.testing.assert_allclose(network(inputs(5, 4)), np.tile(mean, (5, 1, 1, 1)), atol=1e-5)
    plain = MLPGenerator((2, 3, 1), 4, (8,))
    assert isinstance(plain.output_layer, keras.layers.Dense)


def test_noise_has_its_deviation_in_training_alone():
    """On inputs and on what the last layer takes in; N(0, 0.5^2) there, through weights of 1."""
    network = MLPDiscriminator((1,), (1,), "linear", input_noise=0.3, hidden_noise=0.5)
    network.build((None, 1))
    for layer in (*network.hidden, network.output_layer):
        layer.kernel.assign([[1.0]])
    x = np.zeros((20_000, 1), "float32")
    np.testing.assert_array_equal(network(x), x)
    # Standard errors of a deviation of n draws: 0.5%.
    assert np.std(network.features(x, training=True)) == pytest.approx(0.3, rel=0.025)
    assert np.std(network(x, training=True)) == pytest.approx(math.hypot(0.3, 0.5), rel=0.025)


def test_a_weight_normalized_discriminator_starts_on_images():
    network = MLPDiscriminator((2, 3, 1), (8, 5), classes=3, weight_normalization=True)
    images = 3 + 2 * inputs(300, 2, 3, 1)
    network.start_at(images)
    logits = network.class_logits(images).numpy()
    np.testing.assert_allclose(logits.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(logits.std(0), 1, rtol=1e-4)
    with pytest.raises(ValueError, match=r"expected a discriminator with weight_normalization"):
        MLPDiscriminator((2, 3, 1)).start_at(images)
    with pytest.raises(ValueError, match=r"`weight_normalization`: expected False beside maxout"):
        MLPDiscriminator((2, 3, 1), maxout_pieces=3, weight_normalization=True)
    with pytest.raises(ValueError, match=r"`input_noise`: expected a number in \[0, 1\]"):
        MLPDiscriminator((2, 3, 1), input_noise=2.0)
