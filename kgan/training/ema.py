"""The exponential moving average (EMA) of a generator's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage(keras.layers.Layer):
    """The EMA of some weights: `ema = d * ema + (1 - d) * weight` at each update.

    At update t, d is `min(decay, t / (t + 9))`, so that the first weights are soon forgotten.

    Args:
        decay: the decay per update, in [0, 1).
    """

    def __init__(self, decay: float):
        super().__init__(name="ema", trainable=False)
        if not 0 <= decay < 1:
            raise ValueError(
                "Invalid value for argument `ema_decay`: expected None or a number in [0, 1), "
                f"received {decay!r}. 0.999 is usual."
            )
        self.decay = decay

    def build(self, weights: Sequence[keras.Variable]) -> None:
        """Create an EMA for each of some weights, zero at first."""
        self.averages = [
            self.add_weight(
                shape=weight.shape,
                dtype=weight.dtype,
                initializer="zeros",
                trainable=False,
                name=f"ema_{i}",
            )
            for i, weight in enumerate(weights)
        ]
        self.built = True

    def update(self, weights: Sequence[keras.Variable], t: tf.Tensor) -> None:
        """Take in the weights of update `t`, an integer scalar that counts from 0."""
        t = tf.cast(t, tf.float32)
        # At t = 0 this is 0: the EMA begins as the first weights, not as zeros to be corrected for.
        decay = tf.minimum(self.decay, t / (t + 9.0))
        for average, weight in zip(self.averages, weights, strict=True):
            kept = tf.cast(decay, average.dtype)
            average.assign(kept * average + (1 - kept) * tf.convert_to_tensor(weight))

    @contextlib.contextmanager
    def swapped_into(self, weights: Sequence[keras.Variable]) -> Iterator[None]:
        """Give the weights the values of their EMA within this context."""
        # Copies, not references: the weights are assigned to below.
        kept = [tf.identity(weight) for weight in weights]
        try:
            for weight, average in zip(weights, self.averages, strict=True):
                weight.assign(average)
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)
