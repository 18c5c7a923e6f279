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

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch_began_at = int(self.model.iteration)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        before, self.step = self.step, self._epoch_began_at + batch + 1
        self.on_steps_end(before, logs)

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Called when the steps after `before`, up to `self.step`, are done."""


class SampleGrid(_StepCallback):
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
        super().__init__()
        self.run = RunDirectory(run_dir)
        self.every = every
        self.count = count
        self.seed = seed
        self._drawn_at = -1
        self._writer = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens TensorBoard's log, where it is installed."""
        self.step = int(self.model.iteration)
        if importlib.util.find_spec("tensorboard"):
            self._writer = tf.summary.create_file_writer(str(self.run.logs / "samples"))

    def on_steps_end(self, before: int, logs: Any) -> None:
        """Draws when a multiple of `every` has been passed."""
        if before // self.every != self.step // self.every:
            self.draw()

    def on_train_end(self, logs: Any = None) -> None:
        """Draws the last state."""
        if self._drawn_at != self.step:
            self.draw()
        if self._writer:
            self._writer.close()

    def draw(self) -> None:
        """Draws the present state."""
        value_range = getattr(self.model.generator, "value_range", (-1.0, 1.0))
        picture = plots.samples(self.model.sample(self.count, self.seed), value_range)
        with replaced_when_whole(self.run.sample(self.step)) as partial:
            plots.write_png(partial, picture)
        self._drawn_at = self.step
        if self._writer:
            with self._writer.as_default(step=self.step):
                tf.summary.image("samples", picture[tf.newaxis])


class MetricsLog(_StepCallback):
    """Appends each epoch's logs to `RUN_DIR/metrics.jsonl`, with the step, the epoch and the time.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str | os.PathLike[str]):
        super().__init__()
        self.run = RunDirectory(run_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the line."""
        values = {name: float(number) for name, number in (logs or {}).items()}
        self.run.append_metrics({"step": self.step, "epoch": epoch + 1, **values})


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
        self.step = int(self.model.iteration)
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
