"""The exponential moving average of a generator's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage(keras.layers.Layer):
    """Averages weights over a training: `average = d average + (1 - d) weight` at each update.

    At update t, d is `min(decay, t / (t + 9))`, so that the first weights are soon forgotten.

    Args:
        decay: of the average, in [0, 1).
    """

    def __init__(self, decay: float):
        super().__init__(name="average", trainable=False)
        if not 0 <= decay < 1:
            raise ValueError(
                "Invalid value for argument `ema_decay`: expected None or a number in [0, 1), "
                f"received {decay!r}. 0.999 is usual."
            )
        self.decay = decay

    def build(self, weights: Sequence[Any]) -> None:
        """Creates an average for each of some weights."""
        self.averages = [
            self.add_weight(
                shape=weight.shape,
                dtype=weight.dtype,
                initializer="zeros",
                trainable=False,
                name=f"average_{i}",
            )
            for i, weight in enumerate(weights)
        ]
        self.built = True

    def update(self, weights: Sequence[Any], t: Any) -> None:
        """Moves the averages towards the weights, at update t, counted from 0."""
        t = tf.cast(t, tf.float32)
        decay = tf.minimum(self.decay, t / (t + 9.0))
        for average, weight in zip(self.averages, weights, strict=True):
            kept = tf.cast(decay, average.dtype)
            average.assign(kept * average + (1 - kept) * tf.convert_to_tensor(weight))

    @contextlib.contextmanager
    def in_place_of(self, weights: Sequence[Any]) -> Iterator[None]:
        """Within this context the weights have their averages' values."""
        kept = [tf.identity(weight) for weight in weights]
        try:
            for weight, average in zip(weights, self.averages, strict=True):
                weight.assign(average)
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)
