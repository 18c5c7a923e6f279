"""What a game logs: the quantities by which a person sees how far it is from equilibrium."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from kgan import losses

__all__ = ["GameMetrics", "discriminator_report"]


def discriminator_report(loss: Any, real_logits: Any, fake_logits: Any) -> tf.Tensor:
    """What one minibatch tells of the discriminator.

    Args:
        loss: its loss, a scalar.
        real_logits: `[batch, 1]`, its logits on data.
        fake_logits: `[batch, 1]`, its logits on samples.

    Returns:
        float32 `[d_loss, d_real, d_fake, d_accuracy, value]`.
    """
    loss, real_logits, fake_logits = (
        tf.cast(x, tf.float32) for x in (loss, real_logits, fake_logits)
    )
    told_right = tf.concat([real_logits > 0, fake_logits <= 0], axis=0)
    return tf.stack(
        [
            loss,
            tf.reduce_mean(tf.sigmoid(real_logits)),
            tf.reduce_mean(tf.sigmoid(fake_logits)),
            tf.reduce_mean(tf.cast(told_right, tf.float32)),
            tf.reduce_mean(losses.value(real_logits, fake_logits)),
        ]
    )


class GameMetrics(keras.metrics.Metric):
    """Running means of all logged quantities, in one variable: one small update a step.

    Its result is a dictionary: the means by name, and `twice_jsd_bound`. `kgan.GAN` says what each
    is. Means are over examples, so that a smaller last batch counts for less.
    """

    NAMES = ("g_loss", "d_loss", "d_real", "d_fake", "d_accuracy", "value")

    def __init__(self) -> None:
        super().__init__(name="report", dtype="float32")
        self.totals = self.add_variable((len(self.NAMES),), initializer="zeros", name="totals")
        self.examples = self.add_variable((), initializer="zeros", name="examples")

    def update_state(self, g_loss: Any, of_discriminator: Any, batch: Any) -> None:
        """Adds G's scalar loss and a `discriminator_report`, both means over `batch` examples."""
        batch = tf.cast(batch, tf.float32)
        values = tf.concat([tf.cast(g_loss, tf.float32)[tf.newaxis], of_discriminator], axis=0)
        self.totals.assign_add(batch * values)
        self.examples.assign_add(batch)

    def result(self) -> dict[str, tf.Tensor]:
        """The means since the last reset, by name."""
        means = tf.math.divide_no_nan(self.totals.value, self.examples.value)
        logs = dict(zip(self.NAMES, tf.unstack(means), strict=True))
        return {**logs, "twice_jsd_bound": 2 * math.log(2) + logs["value"]}
