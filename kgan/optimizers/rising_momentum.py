"""The optimizer of the experiments of Goodfellow et al. (2014)."""

from __future__ import annotations

import keras
import tensorflow as tf

from kgan.training.keras_private import variable_index
from kgan.utils.checks import number, positive_integer
from kgan.utils.types import JsonDict

__all__ = ["RisingMomentum"]

DECAY = 1.000004  # the learning rate is divided by this at every update
UPDATES = 100_000  # a power of DECAY that float32 represents to seven digits


@keras.saving.register_keras_serializable(package="kgan")
class RisingMomentum(keras.optimizers.SGD):
    """Gradient descent with a falling learning rate and a rising momentum.

    The learning rate is divided by 1.000004 at every update. The momentum rises linearly and then
    stays constant (the authors' published configuration of 2014).

    Args:
        learning_rate: the learning rate of the first update.
        rise: number of updates in which the momentum rises.
        momentum: momentum of the first update and after `rise` updates, each in [0, 1].

    Raises:
        ValueError: `rise` or `momentum` is out of range.

    Example:
        ```python
        optimizer = kgan.optimizers.RisingMomentum(0.1, rise=250 * 500)
        ```
    """

    def __init__(self, learning_rate: float, rise: int, momentum: tuple[float, float] = (0.5, 0.7)):
        rise = positive_integer("rise", rise)
        pair = momentum if isinstance(momentum, tuple | list) else ()
        if len(pair) != 2:
            raise ValueError(
                "Invalid value for argument `momentum`: expected two numbers in [0, 1], received "
                f"{momentum!r}."
            )
        first, last = (number("momentum", each, 0, 1) for each in pair)
        schedule = keras.optimizers.schedules.ExponentialDecay(
            learning_rate, UPDATES, DECAY**-UPDATES
        )
        # Keras keeps velocities for a positive momentum alone, and a constant 0 needs none.
        super().__init__(schedule, momentum=first or last)
        self.first_learning_rate = learning_rate
        self.rise = rise
        self.momentum_range = (first, last)

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Apply v = momentum * v - learning_rate * gradient, then weight = weight + v."""
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[variable_index(self, variable)]
        share = tf.minimum(1.0, tf.cast(self.iterations, tf.float32) / self.rise)
        first, last = self.momentum_range
        momentum = first + (last - first) * share
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=getattr(velocity, "value", velocity).handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            momentum=tf.cast(momentum, variable.dtype),
        )

    def get_config(self) -> JsonDict:
        return {
            "learning_rate": self.first_learning_rate,
            "rise": self.rise,
            "momentum": self.momentum_range,
        }
