"""The logs of a game: the quantities that show how far it is from equilibrium."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from kgan import losses

__all__ = ["GameMetrics", "discriminator_metrics"]


def discriminator_metrics(
    loss: tf.Tensor, real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tf.Tensor:
    """Return the metrics of the discriminator on one minibatch.

    Args:
        loss: the discriminator's loss, a scalar.
        real_logits: `[batch, 1]`, its logits on data.
        fake_logits: `[batch, 1]`, its logits on samples.

    Returns:
        float32 `[d_loss, d_real, d_fake, d_accuracy, value]`.
    """
    loss, real_logits, fake_logits = (
        tf.cast(x, tf.float32) for x in (loss, real_logits, fake_logits)
    )
    # A logit of exactly 0 counts as "sample": a constant discriminator has accuracy 1/2.
    correct = tf.concat([real_logits > 0, fake_logits <= 0], axis=0)
    return tf.stack(
        [
            loss,
            tf.reduce_mean(tf.sigmoid(real_logits)),
            tf.reduce_mean(tf.sigmoid(fake_logits)),
            tf.reduce_mean(tf.cast(correct, tf.float32)),
            tf.reduce_mean(losses.value(real_logits, fake_logits)),
        ]
    )


class GameMetrics(keras.metrics.Metric):
    """The running means of all logged quantities, in one variable: one small update a step.

    The result is a dictionary: the means by name, and `twice_jsd_bound`. `kgan.GAN` defines each.
    Means are over examples, so a smaller last batch counts for less.
    """

    # The generator's loss first, then `discriminator_metrics` in their order.
    NAMES = ("g_loss", "d_loss", "d_real", "d_fake", "d_accuracy", "value")

    def __init__(self) -> None:
        super().__init__(name="report", dtype="float32")
        self.totals = self.add_variable((len(self.NAMES),), initializer="zeros", name="totals")
        self.examples = self.add_variable((), initializer="zeros", name="examples")

    def update_state(self, g_loss: tf.Tensor, d_metrics: tf.Tensor, batch_size: tf.Tensor) -> None:
        """Add the generator's scalar loss and `discriminator_metrics`, means over a batch."""
        examples = tf.cast(batch_size, tf.float32)
        values = tf.concat([tf.cast(g_loss, tf.float32)[tf.newaxis], d_metrics], axis=0)
        self.totals.assign_add(examples * values)
        self.examples.assign_add(examples)

    def result(self) -> dict[str, tf.Tensor]:
        """Return the means since the last reset, by name."""
        means = tf.math.divide_no_nan(self.totals.value, self.examples.value)
        logs = dict(zip(self.NAMES, tf.unstack(means), strict=True))
        # V <= max V = -2 log 2 + 2 JSD (Theorem 1), so this is a lower bound of 2 JSD.
        return {**logs, "twice_jsd_bound": 2 * math.log(2) + logs["value"]}
