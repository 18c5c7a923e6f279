"""Packs, condition, augmentation and precision of the discriminator pass."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.penalties import R1, R2
from kgan.training.discriminator_pass import DiscriminatorPass, pack

IMAGES = np.random.default_rng(0).normal(size=(6, 4, 3, 2)).astype(np.float32)


def test_a_pack_is_examples_stacked_along_the_channels():
    packs = pack(tf.constant(IMAGES), 3).numpy()
    assert packs.shape == (2, 4, 3, 6)
    for i in range(2):
        np.testing.assert_array_equal(packs[i], np.concatenate(IMAGES[3 * i : 3 * i + 3], axis=-1))
    points = pack(tf.reshape(tf.range(12), [6, 2]), 2).numpy()
    np.testing.assert_array_equal(points, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
    np.testing.assert_array_equal(pack(tf.range(6), 2), [[0, 1], [2, 3], [4, 5]])


class Critic(keras.Model):
    """A small network with a curved logit."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(
            5,
            "tanh",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=1),
            dtype=self.dtype_policy,
        )

    def call(self, images, training=False):
        hidden = self.dense(keras.ops.reshape(images, (-1, 24)))
        return keras.ops.cast(keras.ops.sum(hidden, axis=-1, keepdims=True), "float32")


def exact_gradients(critic, points):
    """By hand: grad sum tanh(W x + b) = W^T (1 - tanh^2)."""
    kernel, bias = (weight.numpy().astype(np.float64) for weight in critic.dense.weights)
    hidden = np.tanh(points.reshape(-1, 24) @ kernel + bias)
    return ((1 - hidden**2) @ kernel.T).reshape(points.shape)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_gradients_are_computed_in_full_precision(policy):
    """Half precision would err by 1e-2 (bfloat16) or 1e-3 here; the logits themselves do."""
    critic = Critic(dtype=policy)
    critic(IMAGES)
    discriminator = DiscriminatorPass(critic)
    images, samples = tf.constant(IMAGES), tf.constant(IMAGES[::-1] * 0.5)
    discriminator.logits(images, samples)
    for points in (images, samples, images / 3):
        gradients = discriminator.gradients(points)
        assert gradients.dtype == tf.float32
        np.testing.assert_allclose(gradients, exact_gradients(critic, points.numpy()), atol=1e-6)
    assert critic.dense.compute_dtype == {"float32": "float32"}.get(policy, policy[6:])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(critic(images))
    error = np.abs(tape.gradient(total, images) - exact_gradients(critic, IMAGES)).max()
    assert (error > 1e-4) == (policy != "float32")


def test_gradients_at_the_last_examples_cost_no_pass():
    calls = []

    class Counting(Critic):
        def call(self, images, training=False):
            calls.append(len(images))
            return super().call(images)

    discriminator = DiscriminatorPass(Counting())
    images, samples = tf.constant(IMAGES), tf.constant(IMAGES[::-1])
    discriminator.logits(images, samples)
    calls.clear()
    discriminator.gradients(images), discriminator.gradients(samples)
    assert calls == []
    discriminator.gradients(images / 2)
    assert calls == [6]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_penalties_see_data_and_samples_in_their_own_augmentation(policy):
    """Data are multiplied by 2 and samples by 1/2, so gradients at them are those of scaled points.

    With the samples' factor on data, R1 would be another number: 16 times less where D is linear.
    """
    critic = Critic(dtype=policy)
    critic(IMAGES)
    factors = {True: 2.0, False: 0.5}
    discriminator = DiscriminatorPass(critic, None, lambda x, of_data: factors[of_data] * x)
    images, samples = tf.constant(IMAGES), tf.constant(IMAGES[::-1] * 0.5)
    discriminator.logits(images, samples)
    for points, penalty, factor in ((images, R1(2.0), 2.0), (samples, R2(2.0), 0.5)):
        exact = factor * exact_gradients(critic, factor * points.numpy())
        np.testing.assert_allclose(discriminator.gradients(points), exact, atol=2e-6)
        expected = np.square(exact).reshape(6, -1).sum(axis=1).mean()
        got = discriminator.penalty([penalty], tf.constant([0, 0], tf.int64))
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_samples_are_augmented_as_samples_and_data_as_data():
    """G's update sees one of them alone, D's both; the logits are those of D on scaled images."""
    critic = Critic()
    critic(IMAGES)
    factors = {True: 2.0, False: 0.5}
    discriminator = DiscriminatorPass(critic, None, lambda x, of_data: factors[of_data] * x)
    real, fake = critic(2.0 * IMAGES), critic(0.5 * IMAGES)
    np.testing.assert_allclose(discriminator.real_logits(IMAGES), real, rtol=1e-6)
    np.testing.assert_allclose(discriminator.fake_logits(IMAGES), fake, rtol=1e-6)
    both = discriminator.logits(tf.constant(IMAGES), tf.constant(IMAGES))
    np.testing.assert_allclose(both, [real, fake], rtol=1e-6)
