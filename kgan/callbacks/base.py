"""What the callbacks share: the count of steps, the run directory and TensorBoard's log in it."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kgan.artifacts import RunDirectory

__all__ = ["RunCallback", "StepCallback", "first_images"]


def first_images(batches: tf.data.Dataset, n: int) -> np.ndarray:
    """The first n images of a data set of batches, or of pairs of these and labels."""
    taken: list[np.ndarray] = []
    for batch in batches.as_numpy_iterator():
        taken.append(batch[0] if isinstance(batch, tuple) else batch)
        if sum(map(len, taken)) >= n:
            break
    return np.concatenate(taken)[:n]


class StepCallback(keras.callbacks.Callback):
    """Knows the number of finished steps, whatever epochs and steps_per_execution are.

    It asks the model: Keras counts the last execution of an epoch as whole where it is short.
    """

    step = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Takes up the count where the model stands."""
        self.step = self.model.step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the steps of one execution."""
        before, self.step = self.step, self.model.step
        self.on_steps_end(before, logs)

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Called when the steps after `before`, up to `self.step`, are done."""


class RunCallback(StepCallback):
    """Writes to a run directory, and to TensorBoard's log in it where tensorboard is installed."""

    def __init__(self, run_dir: str | os.PathLike[str]):
        super().__init__()
        self.run = RunDirectory(run_dir)

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens TensorBoard's log."""
        super().on_train_begin(logs)
        self._board = None
        if importlib.util.find_spec("tensorboard"):
            self._board = tf.summary.create_file_writer(str(self.run.logs))

    def on_train_end(self, logs: Any = None) -> None:
        """Closes TensorBoard's log."""
        if self._board:
            self._board.close()
