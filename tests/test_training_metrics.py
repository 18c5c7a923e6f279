"""The logs of a game against NumPy."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kgan.training.metrics import GameMetrics, discriminator_metrics

REAL = np.array([[3.0], [-1.0], [0.0], [0.5]])
FAKE = np.array([[-2.0], [0.0], [0.25], [-0.5]])


def sigmoid(o):
    return 1 / (1 + np.exp(-o))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.bfloat16])
def test_metrics_of_a_minibatch(dtype):
    """A logit of 0 is judged a sample: of REAL two are right, of FAKE three."""
    found = discriminator_metrics(
        tf.constant(7.5, dtype), *(tf.cast(x, dtype) for x in (REAL, FAKE))
    )
    assert found.dtype == tf.float32
    value = np.mean(np.log(sigmoid(REAL)) + np.log(1 - sigmoid(FAKE)))
    expected = [7.5, sigmoid(REAL).mean(), sigmoid(FAKE).mean(), 5 / 8, value]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("logit", [-3.0, 0.0, 3.0])
def test_a_constant_discriminator_is_right_half_of_the_time(logit):
    logits = tf.fill([6, 1], logit)
    assert discriminator_metrics(tf.constant(0.0), logits, logits)[3] == 0.5


def test_means_are_over_examples():
    metrics = GameMetrics()
    of_none = [float(value) for value in metrics.result().values()]
    assert of_none == pytest.approx([0, 0, 0, 0, 0, 0, 2 * math.log(2)])
    rows = [[1.0, 2.0, 0.5, 0.25, 0.75, -1.0], [4.0, -2.0, 0.1, 0.2, 0.3, -0.5]]
    rows = np.array(rows, np.float32)
    for row, size in zip(rows, (6, 2), strict=True):
        metrics.update_state(tf.cast(row[0], tf.bfloat16), tf.constant(row[1:]), size)
    expected = (6 * rows[0] + 2 * rows[1]) / 8
    found = {name: float(value) for name, value in metrics.result().items()}
    names = ["g_loss", "d_loss", "d_real", "d_fake", "d_accuracy", "value", "twice_jsd_bound"]
    assert [*found] == names
    assert [found[name] for name in names[:6]] == pytest.approx(expected)
    assert found["twice_jsd_bound"] == pytest.approx(2 * math.log(2) + expected[5])
    metrics.reset_state()
    assert float(metrics.result()["value"]) == 0.0
