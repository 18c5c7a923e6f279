"""What a training logs: one line an epoch on disk, one bar on the screen."""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf
import tqdm

from kgan.callbacks.base import RunCallback, StepCallback

__all__ = ["MetricsLog", "Progress"]


class MetricsLog(RunCallback):
    """Appends each epoch's logs to `RUN_DIR/metrics.jsonl`, with the step, the epoch and the time.

    Lines of steps that the model has not made, left by a training that was stopped after its last
    checkpoint, are removed when a training begins. TensorBoard receives the logs as well, over the
    step, where tensorboard is installed.

    Args:
        run_dir: the run directory.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets what lies ahead."""
        super().on_train_begin(logs)
        self.run.forget_metrics(after=self.step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the line."""
        values = {name: float(number) for name, number in (logs or {}).items()}
        self.run.append_metrics({"step": self.step, "epoch": epoch + 1, **values})
        if self._board:
            with self._board.as_default(step=self.step):
                for name, number in values.items():
                    tf.summary.scalar(name, number)


class Progress(StepCallback):
    """One progress bar over all steps of a training, however short its epochs are.

    Args:
        steps: number of steps of the whole training.
    """

    SHOWN = ("d_loss", "g_loss", "d_real", "d_fake")

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps
        self._bar: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts the bar where the model stands."""
        super().on_train_begin(logs)
        self.close()
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
        self.close()

    def close(self) -> None:
        """Ends the bar's line; Keras tells nobody when a training fails."""
        if self._bar is not None:
            self._bar.close()
