"""The optimizer of the experiments of 2014."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

DECAY = 1.000004  # what the learning rate is divided by at every update
UPDATES = 100_000  # a power of it that float32 knows to seven digits
MOMENTUM = (0.5, 0.7)


class RisingMomentum(keras.optimizers.SGD):
    """Gradient descent with falling learning rate and rising momentum.

    The learning rate is divided by 1.000004 at every update; the momentum rises from 0.5 to 0.7 on
    a straight line and stays there (the authors' published configuration of 2014).

    Args:
        learning_rate: at the first update.
        rise: updates in which the momentum rises.
    """

    def __init__(self, learning_rate: float, rise: int):
        schedule = keras.optimizers.schedules.ExponentialDecay(
            learning_rate, UPDATES, DECAY**-UPDATES
        )
        super().__init__(schedule, momentum=MOMENTUM[0])
        self.rise = rise

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one weight: v = momentum * v - learning_rate * gradient, then weight + v."""
        velocity = self.momentums[self._get_variable_index(variable)]
        share = tf.minimum(1.0, tf.cast(self.iterations, tf.float32) / self.rise)
        momentum = MOMENTUM[0] + (MOMENTUM[1] - MOMENTUM[0]) * share
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=getattr(velocity, "value", velocity).handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            momentum=tf.cast(momentum, variable.dtype),
        )
