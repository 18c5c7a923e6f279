"""Losses that layers add: each network pays for its own, once, as in Keras."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kgan
from kgan.training.minibatches import Minibatch

pytestmark = pytest.mark.eager

RATE = 0.5


def images(n=12, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 4, 4, 1)).astype("float32")


class SumOfOutput(layers.Layer):
    """Adds a loss that is no mean: the sum over the batch."""

    def call(self, x):
        self.add_loss(0.01 * keras.ops.sum(x**2))
        return x


def game(g=None, d=None, g_extra=(), d_extra=(), independent=False, compiled=None, **options):
    """Two affine networks; `g` and `d` are the arguments of their layers."""
    keras.utils.set_random_seed(3)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(16, "tanh", **(g or {})),
            *g_extra,
            layers.Reshape((4, 4, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(1, **(d or {})), *d_extra]
    )
    discriminator.independent_examples = independent
    gan = kgan.GAN(generator, discriminator, kgan.priors.Normal(3), **options)
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE), **(compiled or {}))
    return gan


def weights(gan):
    """The kernels of G and of D."""
    return [
        next(w.numpy().astype("float64") for w in network.weights if w.name == "kernel")
        for network in (gan.generator, gan.discriminator)
    ]


def after(steps=1, data=None, **options):
    """The kernels before and after some steps of SGD, and the logs."""
    gan = game(**options)
    before = weights(gan)
    data = images() if data is None else data
    logs = gan.fit(data, batch_size=len(data), epochs=steps, verbose=0).history
    return before, weights(gan), logs


L2 = keras.regularizers.L2
MODES = {
    "graph": {"run_eagerly": False},
    "eager": {"run_eagerly": True},
    "xla": {"jit_compile": True},
    "executions": {"run_eagerly": False, "steps_per_execution": 2},
}


@functools.cache
def plain(mode="eager", independent=False):
    """What `after` gives where no layer adds a loss."""
    return after(compiled=MODES[mode], independent=independent)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_weight_regularizer_of_each_network_adds_its_gradient_once(mode):
    """The gradient of 0.05 W^2 is 0.1 W: two-sided, D's from 2 calls and G's from 1."""
    start, alone, _ = plain(mode)
    for network in (0, 1):
        key = ("g", "d")[network]
        _, other, _ = after(**{key: {"kernel_regularizer": L2(0.05)}}, compiled=MODES[mode])
        # G's update sees D after its own, so compare G's alone, and D's with G's as it was.
        pulled = alone[network] - other[network]
        np.testing.assert_allclose(pulled, RATE * 0.1 * start[network], rtol=0, atol=1e-6)
        if network == 0:
            np.testing.assert_array_equal(alone[1], other[1])


def test_a_regularizer_of_d_moves_g_through_d_alone():
    """G's gradient flows through D's new weights, and D's regularizer has none in G's update."""
    plain, regularized = game(), game(d={"kernel_regularizer": L2(10.0)})
    batch = Minibatch(tf.constant(images()), None)
    for gan in (plain, regularized):
        gan._update_generator(batch)
    np.testing.assert_array_equal(weights(plain)[0], weights(regularized)[0])


def test_logs_hold_the_regularizers_and_estimates_do_not():
    """As Keras's `loss` does; at this rate nothing moves, so the logs differ by the penalty."""
    regularized = {"kernel_regularizer": L2(0.3)}
    logs = []
    for options in ({}, {"g": regularized}, {"d": regularized}):
        gan = game(**options)
        gan.compile(keras.optimizers.SGD(1e-30), keras.optimizers.SGD(1e-30))
        trained = gan.fit(images(), batch_size=12, verbose=0).history
        evaluated = gan.evaluate(images(), batch_size=12, verbose=0, return_dict=True)
        logs.append(({name: value[0] for name, value in trained.items()}, evaluated))
    penalties = [0.3 * np.sum(kernel**2) for kernel in weights(gan)]
    for i in (0, 1):
        for other, name, penalty in ((1, "g_loss", penalties[0]), (2, "d_loss", penalties[1])):
            assert logs[other][i][name] - logs[0][i][name] == pytest.approx(penalty, abs=1e-5)
            for same in logs[0][i].keys() - {name}:
                assert logs[other][i][same] == logs[0][i][same], same


@pytest.mark.slow
@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize("mode", ["graph", "eager", "xla"])
def test_activity_of_d_counts_on_data_and_on_samples(mode, independent):
    """0.2 times the mean squared logit, summed over the two passes; one pass is split."""
    options = {"compiled": MODES[mode], "independent": independent}
    start, alone, logs = plain(mode, independent)
    regularizer = {"activity_regularizer": L2(0.2)}
    _, other, with_activity = after(d=regularizer, **options)
    gan = game()
    samples = gan.generator(gan.prior.sample(12, gan._seed(0, tf.constant(0, tf.int64))))
    expected, loss = 0.0, 0.0
    for x in (images(), samples.numpy()):
        flat = x.reshape(12, 16).astype("float64")
        logits = flat @ start[1]
        loss += 0.2 * np.mean(logits**2)
        expected += 0.4 * flat.T @ logits / 12
    np.testing.assert_allclose(alone[1] - other[1], RATE * expected, rtol=0, atol=1e-6)
    assert with_activity["d_loss"][0] - logs["d_loss"][0] == pytest.approx(loss, abs=1e-5)
    assert with_activity["value"] == logs["value"]


@pytest.mark.parametrize("independent", [False, True])
def test_a_sum_counts_the_same_in_one_pass_and_in_two(independent):
    _, alone, _ = plain()
    _, other, _ = after(d_extra=[SumOfOutput()], independent=independent)
    _, apart, _ = after(d_extra=[SumOfOutput()])
    np.testing.assert_allclose(other[1], apart[1], rtol=0, atol=1e-6)
    assert np.abs(alone[1] - other[1]).max() > 1e-3


def test_activity_and_add_loss_of_g_count_once():
    start, alone, _ = plain()
    options = ({"g": {"activity_regularizer": L2(0.2)}}, {"g_extra": [SumOfOutput()]})
    gan = game()
    update = tf.constant(1, tf.int64)  # the step's second update is G's
    latents = gan.prior.sample(12, gan._seed(0, update)).numpy().astype("float64")
    made = np.tanh(latents @ start[0])
    for given, factor in zip(options, (0.4 / 12, 0.02), strict=True):
        _, other, _ = after(**given)
        expected = factor * latents.T @ (made * (1 - made**2))
        np.testing.assert_allclose(alone[0] - other[0], RATE * expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(alone[1], other[1])


@pytest.mark.parametrize("interval", [1, 2])
def test_a_penalty_adds_no_second_activity(interval):
    """Its own pass, on points between data and samples, adds none; each lazy branch adds one."""
    penalties = [kgan.penalties.GradientPenalty(1.0), kgan.penalties.R1(1.0)]
    with_penalties = {"penalties": penalties, "penalty_interval": interval, **MODES["graph"]}
    moved = [
        (after(compiled=compiled) if compiled else plain())[1][1]
        - after(d={"activity_regularizer": L2(0.2)}, compiled=compiled)[1][1]
        for compiled in ({}, with_penalties)
    ]
    np.testing.assert_allclose(*moved, rtol=0, atol=1e-6)
    assert np.abs(moved[0]).max() > 1e-3


def test_a_frozen_layer_has_no_regularizer():
    """As in Keras; the logs are then those without."""
    gan = game(d={"kernel_regularizer": L2(10.0)}, d_extra=[layers.Dense(1)])
    plain = game(d_extra=[layers.Dense(1)])
    plain.set_weights(gan.get_weights())
    for each in (gan, plain):
        each.discriminator.layers[1].trainable = False
        each.compile("sgd", "sgd")
    logs = [each.fit(images(), verbose=0).history["d_loss"] for each in (gan, plain)]
    assert logs[0] == logs[1]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_a_large_regularizer_in_any_precision(policy):
    """1e3 * W^2 is beyond float16; the loss is then float32."""
    keras.config.set_dtype_policy(policy)
    regularized = {"kernel_regularizer": L2(1e3)}
    gan = game(g=regularized, d=regularized)
    gan.compile(*(keras.optimizers.SGD(1e-4) for _ in range(2)), **MODES["graph"])
    before = weights(gan)
    gan.fit(images(), batch_size=12, epochs=30, verbose=0)
    for old, new in zip(before, weights(gan), strict=True):
        assert np.linalg.norm(new) < 0.05 * np.linalg.norm(old)  # 0.8 ** n


def test_bits_are_the_same_without_losses(monkeypatch):
    ends = []
    for adds in (True, False):
        if not adds:
            monkeypatch.setattr("kgan.gan.plus", lambda loss, losses: loss)
        ends.append(after(steps=5, compiled=MODES["graph"])[1])
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    np.testing.assert_array_equal(ends[0][1], ends[1][1])
