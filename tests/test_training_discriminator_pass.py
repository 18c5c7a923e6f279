"""Packs, labels and precision: what D is shown."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.training.discriminator_pass import DiscriminatorPass, pack

IMAGES = np.random.default_rng(0).normal(size=(6, 4, 3, 2)).astype(np.float32)


def test_a_pack_is_examples_on_top_of_each_other():
    packs = pack(tf.constant(IMAGES), 3).numpy()
    assert packs.shape == (2, 4, 3, 6)
    for i in range(2):
        np.testing.assert_array_equal(packs[i], np.concatenate(IMAGES[3 * i : 3 * i + 3], axis=-1))
    points = pack(tf.reshape(tf.range(12), [6, 2]), 2).numpy()
    np.testing.assert_array_equal(points, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
    np.testing.assert_array_equal(pack(tf.range(6), 2), [[0, 1], [2, 3], [4, 5]])
    assert pack(None, 2) is None


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


def exact_slopes(critic, points):
    """By hand: grad sum tanh(W x + b) = W^T (1 - tanh^2)."""
    kernel, bias = (weight.numpy().astype(np.float64) for weight in critic.dense.weights)
    hidden = np.tanh(points.reshape(-1, 24) @ kernel + bias)
    return ((1 - hidden**2) @ kernel.T).reshape(points.shape)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_slopes_are_computed_in_full_precision(policy):
    """Half precision would err by 1e-2 (bfloat16) or 1e-3 here; the logits themselves do."""
    critic = Critic(dtype=policy)
    critic(IMAGES)
    judge = DiscriminatorPass(critic, None, None)
    images, samples = tf.constant(IMAGES), tf.constant(IMAGES[::-1] * 0.5)
    judge.watched_logits(images, samples)
    for points in (images, samples, images / 3):
        slopes = judge.slopes(points)
        assert slopes.dtype == tf.float32
        np.testing.assert_allclose(slopes, exact_slopes(critic, points.numpy()), atol=1e-6)
    assert critic.dense.compute_dtype == {"float32": "float32"}.get(policy, policy[6:])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(critic(images))
    error = np.abs(tape.gradient(total, images) - exact_slopes(critic, IMAGES)).max()
    assert (error > 1e-4) == (policy != "float32")


def test_slopes_of_what_was_judged_cost_no_pass():
    calls = []

    class Counting(Critic):
        def call(self, images, training=False):
            calls.append(len(images))
            return super().call(images)

    judge = DiscriminatorPass(Counting(), None, None)
    images, samples = tf.constant(IMAGES), tf.constant(IMAGES[::-1])
    judge.watched_logits(images, samples)
    calls.clear()
    judge.slopes(images), judge.slopes(samples)
    assert calls == []
    judge.slopes(images / 2)
    assert calls == [6]
