"""Time the training step inside `fit`."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import tensorflow as tf


class Stopwatch(keras.callbacks.Callback):
    """A callback that times the steps alone; the end of `fit` waits for threads, about 0.3 s."""

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())

    def seconds_a_step(self) -> float:
        """Return the time of a step without the first, which would include the start of `fit`."""
        executions = len(self.ends) - 1
        return (self.ends[-1] - self.ends[0]) / executions / self.model.steps_per_execution


def by_fit(model: keras.Model, data: tf.data.Dataset, steps: int) -> Callable[[], float]:
    """Return a function that runs `fit` and returns its seconds a step.

    Args:
        model: the compiled model.
        data: endless.
        steps: timed steps, rounded down to whole executions; one more execution is not timed.
    """

    def seconds_a_step() -> float:
        watch, several = Stopwatch(), model.steps_per_execution
        executions = max(1, steps // several) + 1
        model.fit(
            data, steps_per_epoch=executions * several, verbose=0, shuffle=False, callbacks=[watch]
        )
        return watch.seconds_a_step()

    return seconds_a_step
