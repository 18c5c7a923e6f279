"""Logs of a training: one line an epoch on disk, one progress bar on the screen."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import tqdm
import tqdm.auto

from kgan.callbacks.base import RunCallback, StepCallback
from kgan.utils.types import Logs

__all__ = ["MetricsLog", "Progress"]


class MetricsLog(RunCallback):
    """A line in `RUN_DIR/metrics.jsonl` for each epoch: the step, the epoch, its logs and the time.

    The logs also go to TensorBoard, over the step, if tensorboard is installed. When training
    begins, lines of later steps than the model's are removed: a training that stopped after its
    last checkpoint left them.

    Args:
        run_dir: the run directory.

    Example:
        ```python
        gan.fit(images, epochs=20, callbacks=[kgan.callbacks.MetricsLog("runs/mine")])
        ```
    """

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self.run.forget_metrics(after=self.step)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = {name: float(number) for name, number in (logs or {}).items()}
        self.write_scalars({"epoch": epoch + 1, **values}, file_only=("epoch",))


class Progress(StepCallback):
    """One progress bar over all steps of a training, however short its epochs are.

    Args:
        steps: number of steps of the whole training.

    Example:
        ```python
        gan.fit(images, epochs=20, verbose=0, callbacks=[kgan.callbacks.Progress(steps=20)])
        ```
    """

    SHOWN = ("d_loss", "g_loss", "d_real", "d_fake")

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps
        self._bar: tqdm.tqdm | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self.close()
        self._bar = tqdm.auto.tqdm(
            total=self.steps,
            initial=self.step,
            unit="step",
            dynamic_ncols=True,
            mininterval=0.2 if sys.stderr.isatty() else 15,  # a log file needs few lines
        )

    def on_steps_end(self, before: int, logs: Mapping[str, float]) -> None:
        if self._bar is not None:
            shown = {name: f"{logs[name]:.3f}" for name in self.SHOWN}
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update(self.step - before)

    def on_train_end(self, logs: Logs = None) -> None:
        self.close()

    def close(self) -> None:
        """End the bar's line. Call it where training fails: Keras then calls no callback."""
        if self._bar is not None:
            self._bar.close()
