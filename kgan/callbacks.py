"""Keras callbacks that watch a game: sample grids, a log of the metrics, one progress bar."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

import keras
import tensorflow as tf
import tqdm

from kgan import plots
from kgan.artifacts import RunDirectory, replaced_when_whole

__all__ = ["MetricsLog", "Progress", "SampleGrid"]


class _StepCallback(keras.callbacks.Callback):
    """Knows the number of finished steps, whatever epochs and steps_per_execution are."""

    step = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Takes up the count where the model stands."""
        self.step = int(self.model.iteration)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes where the epoch begins, as Keras counts batches from there."""
        self._epoch_began_at = int(self.model.iteration)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the steps of one execution."""
        before, self.step = self.step, self._epoch_began_at + batch + 1
        self.on_steps_end(before, logs)

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Called when the steps after `before`, up to `self.step`, are done."""


class _RunCallback(_StepCallback):
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


class SampleGrid(_RunCallback):
    """Draws the same latent points as a picture every so many steps, and when training ends.

    Pictures go to `RUN_DIR/samples/step_########.png`, and to TensorBoard (`RUN_DIR/logs`) where
    tensorboard is installed.

    Args:
        run_dir: the run directory.
        every: steps between two pictures.
        count: how many images a picture holds.
        seed: the latent points' seed.
    """

    def __init__(
        self, run_dir: str | os.PathLike[str], every: int = 500, count: int = 64, seed: int = 0
    ):
        super().__init__(run_dir)
        self.every = every
        self.count = count
        self.seed = seed
        self._drawn_at = -1

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Draws when a multiple of `every` has been passed."""
        if before // self.every != self.step // self.every:
            self.draw()

    def on_train_end(self, logs: Any = None) -> None:
        """Draws the last state."""
        if self._drawn_at != self.step:
            self.draw()
        super().on_train_end(logs)

    def draw(self) -> None:
        """Draws the present state."""
        value_range = getattr(self.model.generator, "value_range", (-1.0, 1.0))
        picture = plots.samples(self.model.sample(self.count, self.seed), value_range)
        with replaced_when_whole(self.run.sample(self.step)) as partial:
            plots.write_png(partial, picture)
        if self._board:
            with self._board.as_default(step=self.step):
                tf.summary.image("samples", picture[tf.newaxis])
        self._drawn_at = self.step


class MetricsLog(_RunCallback):
    """Appends each epoch's logs to `RUN_DIR/metrics.jsonl`, with the step, the epoch and the time.

    TensorBoard receives them as well, over the step, where tensorboard is installed.

    Args:
        run_dir: the run directory.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the line."""
        values = {name: float(number) for name, number in (logs or {}).items()}
        self.run.append_metrics({"step": self.step, "epoch": epoch + 1, **values})
        if self._board:
            with self._board.as_default(step=self.step):
                for name, number in values.items():
                    tf.summary.scalar(name, number)


class Progress(_StepCallback):
    """One progress bar over all steps of a training, however short its epochs are.

    Args:
        steps: number of steps of the whole training.
    """

    SHOWN = ("d_loss", "g_loss", "d_real", "d_fake")

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts the bar where the model stands."""
        super().on_train_begin(logs)
        self._bar = tqdm.tqdm(
            total=self.steps,
            initial=self.step,
            unit="step",
            dynamic_ncols=True,
            mininterval=0.2 if sys.stderr.isatty() else 15,  # a log file needs few lines
        )

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Moves the bar."""
        self._bar.set_postfix({name: f"{logs[name]:.3f}" for name in self.SHOWN}, refresh=False)
        self._bar.update(self.step - before)

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the bar."""
        self._bar.close()
